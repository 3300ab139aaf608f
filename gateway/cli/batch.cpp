// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/batch.hpp"

#include <algorithm>

namespace gatehouse::cli {
namespace {

void write_plain(fhir::JsonWriter& writer, const fhir::JsonValue& value) {
    switch (value.kind) {
    case fhir::JsonValue::Kind::null: writer.null(); break;
    case fhir::JsonValue::Kind::boolean:
    case fhir::JsonValue::Kind::number: writer.raw(value.text); break;
    case fhir::JsonValue::Kind::string: writer.string(value.text); break;
    case fhir::JsonValue::Kind::array:
        writer.begin_array();
        for (const fhir::JsonValue& item : value.items) {
            write_plain(writer, item);
        }
        writer.end_array();
        break;
    case fhir::JsonValue::Kind::object:
        writer.begin_object();
        for (const auto& member : value.members) {
            writer.key(member.name);
            write_plain(writer, member.value);
        }
        writer.end_object();
        break;
    }
}

}  // namespace

std::vector<BatchRow> split_rows(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    std::vector<BatchRow> rows;
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view row = text.substr(0, end);
        if (row.find_first_not_of(" \t\r") != std::string_view::npos) {
            rows.push_back({row, line});
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return rows;
}

void write_row_id(fhir::JsonWriter& writer, const fhir::JsonValue* id) {
    writer.key("id");
    if (id == nullptr) {
        writer.null();
    } else {
        write_plain(writer, *id);
    }
}

}  // namespace gatehouse::cli
