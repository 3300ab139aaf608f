// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/functions.hpp"

namespace gatehouse::fhir::path {
namespace {

constexpr FunctionRow function_rows[] = {
#define GH_PATH_ROW(id, name, least, most) {name, least, most, functions::id},
    GH_PATH_FUNCTIONS(GH_PATH_ROW)
#undef GH_PATH_ROW
};

}  // namespace

const FunctionRow& function_row(FunctionId id) {
    return function_rows[id];
}

std::optional<FunctionId> find_function(std::string_view name) {
    FunctionId id = 0;
    for (const auto& row : function_rows) {
        if (row.name == name) {
            return id;
        }
        ++id;
    }
    return std::nullopt;
}

}  // namespace gatehouse::fhir::path
