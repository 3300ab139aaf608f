// SPDX-License-Identifier: Apache-2.0
//
// gatehouse rules: the published list of rule ids, as a table or as a CodeSystem.
#include <cstdio>

#include "fhir/outcome/outcome.hpp"
#include "fhir/validate/rule_list.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/options.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* rules_about =
    "Lists the rules of the validator and of the readers before it: id, usual severity, issue "
    "type,\n"
    "area, and the message id of HL7's validator where one says the same. Ids never change their\n"
    "meaning and are never reused. Invariants are rules too, by their key: inv:dom-6.";

}  // namespace

int run_rules(int argc, char** argv) {
    bool as_code_system = false;
    std::vector<std::string> wanted;
    Options options("rules [--output text|code-system] [WORD]...", rules_about);
    options.value(
        {"--output", "-o"},
        "text|code-system",
        "a table (text), or a FHIR CodeSystem",
        [&](std::string_view given) {
            as_code_system = given == "code-system";
            return as_code_system || given == "text";
        }
    );
    options.positionals(wanted);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (as_code_system) {
        std::fputs(fhir::rules_code_system(fhir::rule_system).c_str(), stdout);
        return exit_good;
    }
    std::size_t listed = 0;
    for (const fhir::ListedRule& rule : fhir::all_rules()) {
        bool fits = wanted.empty();
        for (const std::string& word : wanted) {
            fits = fits || rule.info.id.find(word) != std::string_view::npos ||
                   rule.info.message_id.find(word) != std::string_view::npos;
        }
        if (!fits) {
            continue;
        }
        ++listed;
        std::printf(
            "%-36.*s %-12s %-14s %-22.*s %.*s\n",
            static_cast<int>(rule.info.id.size()),
            rule.info.id.data(),
            fhir::to_string(rule.info.severity),
            fhir::to_string(rule.info.type),
            static_cast<int>(rule.area.size()),
            rule.area.data(),
            static_cast<int>(rule.info.message_id.size()),
            rule.info.message_id.data()
        );
    }
    return listed == 0 ? exit_findings : exit_good;
}

}  // namespace gatehouse::cli
