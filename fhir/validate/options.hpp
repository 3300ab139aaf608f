#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The rarer switches of a validation by name, as HL7's validator and its test suite name them, for
// the command line, the validator's REST door and the conformance runner.

#include <span>
#include <string>
#include <string_view>

#include "fhir/validate/validate.hpp"

namespace gatehouse::fhir {

struct NamedOption {
    std::string_view name;
    std::string_view values;  // for people: "true | false"
    std::string_view meaning;
};

// All names that set_option takes, in alphabetical order.
std::span<const NamedOption> named_options() noexcept;

// Sets `name` to `value`. False, with `problem` saying what would be right, if there is no such
// option or value; `options` is then as before. Names and values are taken whatever their case.
bool set_option(
    ValidateOptions& options, std::string_view name, std::string_view value, std::string& problem
);

}  // namespace gatehouse::fhir
