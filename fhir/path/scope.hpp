#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Which defineVariable() a %name means (FHIRPath 3.0 §5.9): worked out once, when the expression is
// compiled, so an evaluation looks up no names.

#include <string_view>

#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {

// Names that an expression may not define: those of the surroundings.
bool is_reserved_variable(std::string_view name) noexcept;

// Numbers the definitions and binds each %name to the one in whose scope it stands: to its right in
// the same chain, and inside the arguments of what stands there. A name that none defines is left
// to the surroundings. False with `error` filled for a name that is no literal, reserved, or
// defined twice in one scope.
bool bind_variables(Expression::Program& program, Error& error);

}  // namespace gatehouse::fhir::path
