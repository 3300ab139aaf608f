// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/options.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gatehouse::fhir {
namespace {

using Setter = bool (*)(ValidateOptions&, std::string_view);

struct Option {
    NamedOption named;
    Setter set;
};

bool same_name(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) {
        return lower(x) == lower(y);
    });
}

bool set_flag(bool& flag, std::string_view value) noexcept {
    const bool on = same_name(value, "true");
    if (!on && !same_name(value, "false")) {
        return false;
    }
    flag = on;
    return true;
}

template <bool ValidateOptions::*member>
bool flag(ValidateOptions& options, std::string_view value) {
    return set_flag(options.*member, value);
}

bool best_practice(ValidateOptions& options, std::string_view value) {
    constexpr std::pair<std::string_view, BestPractice> levels[] = {
        {"ignore", BestPractice::ignore},
        {"hint", BestPractice::hint},
        {"warning", BestPractice::warning},
        {"error", BestPractice::error},
    };
    for (const auto& [name, level] : levels) {
        if (same_name(value, name)) {
            options.best_practice = level;
            return true;
        }
    }
    return false;
}

// How far a check of what a resource refers to, or holds, goes. Whether a target outside the
// message exists is the store's business, so only CHECK_EXISTS asks for all of them in the message.
bool references(ValidateOptions& options, std::string_view value) {
    constexpr std::pair<std::string_view, ReferencePolicy> levels[] = {
        {"IGNORE", ReferencePolicy::ignore},
        {"CHECK_TYPE_IF_EXISTS", ReferencePolicy::check_type},
        {"CHECK_VALID", ReferencePolicy::check_type},
        {"CHECK_EXISTS", ReferencePolicy::check_exists},
        {"CHECK_EXISTS_AND_TYPE", ReferencePolicy::check_type},
    };
    for (const auto& [name, level] : levels) {
        if (same_name(value, name)) {
            options.references = level;
            return true;
        }
    }
    return false;
}

bool contained(ValidateOptions& options, std::string_view value) {
    const bool ignore = same_name(value, "IGNORE");
    if (!ignore && !same_name(value, "CHECK_VALID")) {
        return false;
    }
    options.check_contained = !ignore;
    return true;
}

bool extension_domain(ValidateOptions& options, std::string_view value) {
    if (value.empty()) {
        return false;
    }
    options.any_extension = false;
    options.extension_domains.emplace_back(value);
    return true;
}

bool forms(ValidateOptions& options, std::string_view value) {
    constexpr std::pair<std::string_view, ResponseForms> levels[] = {
        {"none", ResponseForms::ignore},
        {"check", ResponseForms::check},
        {"required", ResponseForms::required},
    };
    for (const auto& [name, level] : levels) {
        if (same_name(value, name)) {
            options.response_forms = level;
            return true;
        }
    }
    return false;
}

bool display_warnings(ValidateOptions& options, std::string_view value) {
    bool warn = false;
    if (!set_flag(warn, value)) {
        return false;
    }
    options.display_issues = warn ? Severity::warning : Severity::error;
    return true;
}

// Names of HL7's manifest that say how its runner or its reference works. None is passed over in
// silence: who asks for one learns what does it here.
struct Elsewhere {
    std::string_view name;
    std::string_view words;
};
constexpr Elsewhere elsewhere[] = {
    {"bundle-param", "say which entry to judge by sending that resource, or the whole Bundle"},
    {"crumb-trail", "every finding names its rule, its element and the profile that asked"},
    {"debug", "there is no debug output; --output json has everything that was found"},
    {"fetcher", "nothing is fetched; load what is needed with --package"},
    {"generate-snapshot",
     "snapshots are made where they are missing; 'gatehouse snapshot' shows them"},
    {"ips", "load the guide with --package and name its profile with --profile"},
    {"language", "messages are in English; displays are judged in every language that is loaded"},
    {"logical", "logical models are not judged; only resources are"},
    {"module", "it groups HL7's test cases and changes nothing"},
    {"packages", "use --package name#version, once for each"},
    {"profile", "use --profile URL"},
    {"profiles", "use --package FILE, once for each file"},
    {"supporting", "use --package FILE, once for each file"},
    {"txLog", "no terminology server is asked, so there is nothing to log"},
    {"use-test", "it switches HL7's test cases and changes nothing"},
    {"version", "this validator judges R4 (4.0.1) alone"},
};

constexpr std::string_view on_off = "true | false";

// clang-format off
constexpr Option table[] = {
    {{"allowed-extension-domain", "URL prefix", "unknown extensions below it pass; all others are errors; may be given again"}, extension_domain},
    {{"any-extensions", on_off, "unknown extensions warn (true) or are errors (false)"}, flag<&ValidateOptions::any_extension>},
    {{"assumeValidRestReferences", on_off, "absolute references follow REST: their last parts are Type/id"}, flag<&ValidateOptions::rest_references>},
    {{"best-practice", "ignore | hint | warning | error", "what invariants marked as best practice say"}, best_practice},
    {{"display-issues-are-warnings", on_off, "a wrong display warns instead of failing"}, display_warnings},
    {{"examples", on_off, "URLs of example.org and acme.com pass (true) or are errors (false)"}, flag<&ValidateOptions::example_urls>},
    {{"for-publication", on_off, "definitions are held to what their publisher asks of published ones"}, flag<&ValidateOptions::for_publication>},
    {{"no-experimental-content", on_off, "definitions marked experimental are errors"}, flag<&ValidateOptions::no_experimental>},
    {{"noHtmlInMarkdown", on_off, "HTML tags in markdown are errors"}, flag<&ValidateOptions::no_html_in_markdown>},
    {{"questionnaire", "none | check | required", "whether answers are held to their form, and the form must be loaded"}, forms},
    {{"security-checks", on_off, "text that looks like HTML tags is an error"}, flag<&ValidateOptions::security_checks>},
    {{"show-values", on_off, "diagnostics quote values of the message"}, flag<&ValidateOptions::show_values>},
    {{"unknown-profiles-are-errors", on_off, "a profile in meta.profile that is not loaded is an error"}, flag<&ValidateOptions::error_for_unknown_profiles>},
    {{"validateContains", "IGNORE | CHECK_VALID", "whether contained resources are checked"}, contained},
    {{"validateReference", "IGNORE | CHECK_TYPE_IF_EXISTS | CHECK_EXISTS | CHECK_EXISTS_AND_TYPE | CHECK_VALID", "what is asked of the target of a reference"}, references},
};
// clang-format on

constexpr auto names = [] {
    std::array<NamedOption, std::size(table)> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = table[i].named;
    }
    return out;
}();

}  // namespace

std::span<const NamedOption> named_options() noexcept {
    return names;
}

bool set_option(
    ValidateOptions& options, std::string_view name, std::string_view value, std::string& problem
) {
    std::string known;
    for (const Option& option : table) {
        if (!same_name(name, option.named.name)) {
            known += known.empty() ? "" : ", ";
            known += option.named.name;
            continue;
        }
        if (option.set(options, value)) {
            return true;
        }
        problem = "option " + std::string(option.named.name) + " takes " +
                  std::string(option.named.values) + ", not '" + std::string(value) + "'";
        return false;
    }
    for (const Elsewhere& other : elsewhere) {
        if (same_name(name, other.name)) {
            problem = "option " + std::string(other.name) +
                      " is not taken here: " + std::string(other.words);
            return false;
        }
    }
    problem = "there is no option '" + std::string(name) + "'; there are " + known;
    return false;
}

}  // namespace gatehouse::fhir
