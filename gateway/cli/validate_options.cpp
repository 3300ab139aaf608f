// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/validate_options.hpp"

#include <charconv>

namespace gatehouse::cli {
namespace {

// HL7's own scripts write "Warning" as well as "warning".
std::string lower(std::string_view given) {
    std::string text(given);
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return text;
}

bool set_output(ValidateArguments& arguments, std::string_view given) {
    if (given == "text") {
        arguments.output = Output::text;
    } else if (given == "json") {
        arguments.output = Output::json;
    } else if (given == "ndjson") {
        arguments.output = Output::ndjson;
    } else {
        // HL7's -output names a file; ours never has a dot or a slash.
        const bool file = given.find_first_of("./") != std::string_view::npos;
        arguments.output_file = file ? given : std::string_view{};
        arguments.output = file ? Output::json : arguments.output;
        return file;
    }
    return true;
}

bool set_extensions(fhir::ValidateOptions& rules, std::string_view given) {
    if (given.empty()) {
        return false;
    }
    if (given == "any") {
        rules.any_extension = true;
        return true;
    }
    rules.any_extension = false;
    if (given != "known") {
        rules.extension_domains.emplace_back(given);
    }
    return true;
}

bool set_references(fhir::ValidateOptions& rules, std::string_view given) {
    if (given == "ignore") {
        rules.references = fhir::ReferencePolicy::ignore;
    } else if (given == "check-type") {
        rules.references = fhir::ReferencePolicy::check_type;
    } else if (given == "check-exists") {
        rules.references = fhir::ReferencePolicy::check_exists;
    } else {
        return false;
    }
    return true;
}

bool set_best_practice(fhir::ValidateOptions& rules, std::string_view given) {
    if (given == "ignore" || given == "i") {
        rules.best_practice = fhir::BestPractice::ignore;
    } else if (given == "hint" || given == "h") {
        rules.best_practice = fhir::BestPractice::hint;
    } else if (given == "warning" || given == "w") {
        rules.best_practice = fhir::BestPractice::warning;
    } else if (given == "error" || given == "e") {
        rules.best_practice = fhir::BestPractice::error;
    } else {
        return false;
    }
    return true;
}

bool set_response_forms(fhir::ValidateOptions& rules, std::string_view given) {
    if (given == "none") {
        rules.response_forms = fhir::ResponseForms::ignore;
    } else if (given == "check") {
        rules.response_forms = fhir::ResponseForms::check;
    } else if (given == "required") {
        rules.response_forms = fhir::ResponseForms::required;
    } else {
        return false;
    }
    return true;
}

bool set_display(fhir::ValidateOptions& rules, std::string_view given) {
    if (given != "error" && given != "warning") {
        return false;
    }
    rules.display_issues = given == "error" ? fhir::Severity::error : fhir::Severity::warning;
    return true;
}

bool set_jobs(ValidateArguments& arguments, std::string_view given) {
    unsigned jobs = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), jobs);
    arguments.jobs = jobs;
    return error == std::errc() && end == given.data() + given.size() && jobs >= 1 && jobs <= 256;
}

// Options of HL7's validator that change nothing here: what they ask for is how this validator
// works.
void declare_accepted(Options& options) {
    const auto anything = [](std::string_view) { return true; };
    options.value(
        {"--tx"},
        "n/a (no terminology server is ever asked)",
        {},
        [](std::string_view given) { return given == "n/a"; }
    );
    options.value({"--allow-example-urls"}, "true", {}, [](std::string_view given) {
        return given == "true";
    });
    for (const char* name : {"--version", "--jurisdiction", "--locale", "--txLog", "--txCache"}) {
        options.value({name}, "VALUE", {}, anything);
    }
    for (const char* name :
         {"--recurse",
          "--no-extensible-binding-warnings",
          "--want-invariants-in-messages",
          "--no-http-access"}) {
        options.value({name}, {}, {}, anything);
    }
}

}  // namespace

void declare_validate_options(Options& options, ValidateArguments& arguments) {
    fhir::ValidateOptions& rules = arguments.rules;
    options.list(
        {"--package", "--ig", "-p"},
        arguments.packages,
        "REF",
        "add a package: name#version, .tgz, folder or file; a later one wins"
    );
    options.list(
        {"--terminology"},
        arguments.content,
        "FILE",
        "an index file of 'gatehouse terminology build'; may be repeated"
    );
    options.flag(
        {"--no-package"},
        arguments.no_package,
        "start from R4 core alone, not from the configured packages"
    );
    options.list(
        {"--profile"}, arguments.profiles, "URL", "hold every resource to this profile as well"
    );
    options.flag(
        {"--no-default-profiles"},
        arguments.no_default_profiles,
        "do not add the configured default profile of a resource"
    );
    options.value(
        {"--output", "-o"},
        "text|json|ndjson",
        "how to report (text)",
        [&arguments](std::string_view given) { return set_output(arguments, given); }
    );
    options.value(
        {"--jobs", "-j"},
        "1..256",
        "threads (all processors)",
        [&arguments](std::string_view given) { return set_jobs(arguments, given); }
    );
    options.text(
        {"--batch"},
        arguments.batch,
        "FILE.ndjson",
        "rows {\"id\",\"profile\",\"resource\"} in, rows {\"id\",\"valid\",\"outcome\"} out"
    );
    options.value(
        {"--extensions", "--extension"},
        "any|known|DOMAIN",
        "unknown extensions: warn, refuse, or warn where the URL begins so (any)",
        [&rules](std::string_view given) { return set_extensions(rules, given); }
    );
    options.value(
        {"--references"},
        "ignore|check-type|check-exists",
        "what to check of references (check-type); check-exists: the target is in the same message",
        [&rules](std::string_view given) { return set_references(rules, lower(given)); }
    );
    options.value(
        {"--display-issues"},
        "error|warning",
        "severity of a display that the code system does not have (error)",
        [&rules](std::string_view given) { return set_display(rules, lower(given)); }
    );
    options.value({"--display-issues-are-warnings"}, {}, {}, [&rules](std::string_view) {
        return set_display(rules, "warning");
    });
    options.value(
        {"--best-practice"},
        "ignore|hint|warning|error",
        "severity of best-practice rules (ignore)",
        [&rules](std::string_view given) { return set_best_practice(rules, lower(given)); }
    );
    options.value(
        {"--questionnaire"},
        "none|check|required",
        "answers against their questionnaire where it is loaded (check); required: it must be",
        [&rules](std::string_view given) { return set_response_forms(rules, lower(given)); }
    );
    options.text(
        {"--advisor", "--advisor-file"},
        arguments.advisor,
        "FILE",
        "leave out findings or make them less severe, as the file says (config/advisor.schema.json)"
    );
    options.flag(
        {"--security-checks"}, rules.security_checks, "text that looks like HTML is an error"
    );
    options.flag(
        {"--for-publication"},
        rules.for_publication,
        "ask of definitions what their publisher asks before publication"
    );
    options.flag(
        {"--assumeValidRestReferences"},
        rules.rest_references,
        "absolute references end in Type/id, and Type is a resource type"
    );
    options.flag(
        {"--show-values"}, rules.show_values, "quote values in messages (they may be personal data)"
    );
    options.list(
        {"--option"},
        arguments.named,
        "NAME=VALUE",
        "a rarer switch, named as in HL7's validator (--list-options)"
    );
    options.flag({"--list-options"}, arguments.list_options, "list the names for --option");
    declare_config_options(options, arguments.config);
    declare_accepted(options);
    options.positionals(arguments.paths);
}

}  // namespace gatehouse::cli
