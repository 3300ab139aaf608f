#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// gatehouse packages diff A B [--against FOLDER|journal]: what an upgrade would change, in rules
// and in the verdicts of messages at hand. Nothing is written and nothing installed.

#include <string>

#include "fhir/base/result.hpp"
#include "gateway/cli/installation.hpp"

namespace gatehouse::cli {

struct PackageDiffArguments {
    std::string before;  // package references, comma-separated; "configured": as configured
    std::string after;
    std::string against;  // folder or file of resources, "journal", or empty
    std::string journal;  // the journal's folder, for "journal"
    bool json = false;
};

// Prints the report to standard output. exit_findings if a message changes its verdict, else
// exit_good.
Result<int> diff_packages(const Installation& installation, const PackageDiffArguments& arguments);

}  // namespace gatehouse::cli
