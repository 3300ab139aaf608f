#pragma once
// SPDX-License-Identifier: Apache-2.0

#include <string_view>

#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {

// Strict mode: follows the types of an expression that starts at `context_type` and refuses element
// names that no definition has, order-dependent functions on unordered collections and operands
// that cannot work. False with `error` (phase semantic) filled.
bool check(const Expression::Program& program, std::string_view context_type, Error& error);

}  // namespace gatehouse::fhir::path
