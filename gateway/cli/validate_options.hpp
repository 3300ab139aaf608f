#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The options of `gatehouse validate`, ours and HL7's spellings of them.

#include <string>
#include <vector>

#include "fhir/validate/validate.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {

enum class Output { text, json, ndjson };

struct ValidateArguments {
    std::vector<std::string> packages;
    std::vector<std::string> profiles;
    std::vector<std::string> content;  // index files of code systems
    std::vector<std::string> paths;
    std::string batch;
    std::string advisor;  // file; empty: none
    std::string output_file;
    bool no_package = false;
    bool list_options = false;
    bool no_default_profiles = false;
    Output output = Output::text;
    unsigned jobs = 0;  // 0: not said
    ConfigArguments config;
    fhir::ValidateOptions rules;
    std::vector<std::string> named;  // NAME=VALUE, of fhir/validate/options.hpp; applied last
};

// Declares every option on `options`, writing into `arguments`.
void declare_validate_options(Options& options, ValidateArguments& arguments);

}  // namespace gatehouse::cli
