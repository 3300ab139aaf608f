// SPDX-License-Identifier: Apache-2.0
//
// CodeSystem $lookup and $subsumes (FHIR R4 CodeSystem-lookup, CodeSystem-subsumes).
#include <algorithm>

#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/operations/answers.hpp"
#include "fhir/terminology/operations/compose.hpp"
#include "fhir/terminology/resource_provider.hpp"

namespace gatehouse::fhir {
namespace {

// The code system that a call is about: the instance, or system and version of the coding.
const CodeSystemProvider* find_system(
    ContentView& content,
    const Asked& asked,
    const AskedCoding& coding,
    std::optional<Refusal>& refused
) {
    const CodeSystemProvider* provider = nullptr;
    if (const Element* own = asked.request().instance) {
        if (!coding.system.empty() && coding.system != own->child_value("url")) {
            refused = bad_parameter(
                "The URL is about code system " + shown(own->child_value("url")) +
                ", the code is of " + shown(coding.system) + "."
            );
            return nullptr;
        }
        provider = content.provide(*own);
    } else {
        provider = content.provider(coding.system, coding.version);
    }
    if (provider == nullptr ||
        (provider->concept_count() == 0 && provider->knowledge() != SystemKnowledge::complete)) {
        const std::string others = content.versions(coding.system);
        refused = not_here(
            "Code system " + shown(with_version(coding.system, coding.version)) +
            (provider == nullptr ? " is not known here" : " is known here without its codes") +
            (!coding.version.empty() && !others.empty() ? "; loaded: " + others + "." : ".")
        );
        return nullptr;
    }
    return provider;
}

Refusal unknown(const CodeSystemProvider& provider, std::string_view code) {
    return not_here(
        "Code '" + shown(code) + "' is " +
        (provider.knowledge() == SystemKnowledge::complete ? "not in" : "not among those known of"
        ) +
        " code system " + shown(with_version(provider.system(), provider.version())) + "."
    );
}

// Which properties are wanted: none named means all.
class Wanted {
public:
    explicit Wanted(const Asked& asked) {
        for (const OperationParameter* one : asked.all("property")) {
            names_.push_back(one->text);
        }
    }
    [[nodiscard]] bool has(std::string_view name) const {
        return names_.empty() || std::find(names_.begin(), names_.end(), name) != names_.end() ||
               std::find(names_.begin(), names_.end(), "*") != names_.end();
    }
    // designations: by "designation" or "lang.xx"
    [[nodiscard]] bool has_designation(std::string_view language) const {
        if (has("designation")) {
            return true;
        }
        return std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
            return name.starts_with("lang.") &&
                   language_serves(language, std::string_view(name).substr(5));
        });
    }

private:
    std::vector<std::string> names_;
};

void write_lookup_designations(
    ParametersWriter& out,
    const CodeSystemProvider& provider,
    ConceptNumber number,
    const Wanted& wanted
) {
    std::vector<ConceptDesignation> names;
    provider.designations(number, names);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const ConceptDesignation& name = names[i];
        const bool is_display = i == 0 && name.use_code.empty() && name.language.empty();
        if (is_display || !wanted.has_designation(name.language)) {
            continue;
        }
        out.open("designation");
        if (!name.language.empty()) {
            out.code("language", name.language);
        }
        if (!name.use_code.empty()) {
            out.coding("use", name.use_system, {}, name.use_code, {});
        }
        out.text("value", name.value);
        out.close();
    }
}

void write_lookup_properties(
    ParametersWriter& out,
    const CodeSystemProvider& provider,
    ConceptNumber number,
    const Wanted& wanted
) {
    const auto one = [&](const ConceptProperty& property) {
        out.open("property");
        out.code("code", property.code);
        out.value("value", property.type, property.value);
        if (!property.description.empty()) {
            out.text("description", property.description);
        }
        out.close();
    };
    if (const auto words = provider.definition(number);
        !words.empty() && wanted.has("definition")) {
        one({"definition", PropertyType::string, std::string(words), {}, {}});
    }
    std::vector<ConceptProperty> properties;
    provider.properties(number, properties);
    // Properties of one SNOMED CT relationship group belong together: subproperties of the group.
    std::vector<std::string> groups;
    for (const ConceptProperty& property : properties) {
        if (!wanted.has(property.code)) {
            continue;
        }
        if (property.group.empty() || property.group == "0") {
            one(property);
        } else if (std::find(groups.begin(), groups.end(), property.group) == groups.end()) {
            groups.push_back(property.group);
        }
    }
    for (const std::string& group : groups) {
        out.open("property");
        out.code("code", "609096000");  // |Role group|
        out.text("value", group);
        for (const ConceptProperty& property : properties) {
            if (property.group != group || !wanted.has(property.code)) {
                continue;
            }
            out.open("subproperty");
            out.code("code", property.code);
            out.value("value", property.type, property.value);
            if (!property.description.empty()) {
                out.text("description", property.description);
            }
            out.close();
        }
        out.close();
    }
}

}  // namespace

OperationAnswer run_lookup(const Terminology& terminology, const Asked& asked) {
    AskedCoding coding;
    if (auto given = asked.coding("coding")) {
        coding = std::move(*given);
    } else {
        coding.code = asked.text("code");
        coding.system = asked.text("system");
        coding.version = asked.text("version");
    }
    if (const auto version = version_part(coding.system); !version.empty()) {
        coding.version = coding.version.empty() ? std::string(version) : coding.version;
        coding.system = std::string(url_part(coding.system));
    }
    if (coding.code.empty() || (coding.system.empty() && asked.request().instance == nullptr)) {
        return refuse(
            {400,
             IssueType::required,
             "terminology-parameter",
             "Which code? Give 'code' and 'system', or a 'coding' with both."}
        );
    }
    ContentView content(terminology, asked);
    std::optional<Refusal> refused;
    const CodeSystemProvider* provider = find_system(content, asked, coding, refused);
    if (provider == nullptr) {
        return ask_remote(terminology, asked, coding.system, *refused);
    }
    const auto number = provider->find(coding.code);
    if (!number) {
        return refuse(unknown(*provider, coding.code));
    }
    const std::string_view language = asked.text("displayLanguage");
    const Wanted wanted(asked);
    ParametersWriter out;
    out.text("name", provider->title().empty() ? provider->system() : provider->title());
    if (!provider->version().empty()) {
        out.text("version", provider->version());
    }
    const std::string_view display = provider->display(*number, language);
    // The display is required, whatever properties are named.
    out.text("display", display.empty() ? std::string_view(coding.code) : display);
    write_lookup_designations(out, *provider, *number, wanted);
    write_lookup_properties(out, *provider, *number, wanted);
    OperationAnswer answer;
    answer.json = out.take();
    return answer;
}

OperationAnswer run_subsumes(const Terminology& terminology, const Asked& asked) {
    AskedCoding a;
    AskedCoding b;
    const bool by_coding = asked.has("codingA") || asked.has("codingB");
    if (by_coding) {
        auto first = asked.coding("codingA");
        auto second = asked.coding("codingB");
        if (!first || !second) {
            return refuse(
                bad_parameter("'codingA' and 'codingB' belong together; each is a valueCoding.")
            );
        }
        a = std::move(*first);
        b = std::move(*second);
        if (a.system != b.system) {
            return refuse(bad_parameter(
                "The codings are of different code systems, " + shown(a.system) + " and " +
                shown(b.system) + "; subsumption is decided within one."
            ));
        }
    } else {
        a.code = asked.text("codeA");
        b.code = asked.text("codeB");
        a.system = asked.text("system");
        a.version = asked.text("version");
    }
    if (a.code.empty() || b.code.empty() ||
        (a.system.empty() && asked.request().instance == nullptr)) {
        return refuse(
            {400,
             IssueType::required,
             "terminology-parameter",
             "Which codes? Give 'codeA', 'codeB' and 'system', or 'codingA' and 'codingB'."}
        );
    }
    if (!b.version.empty() && !a.version.empty() && a.version != b.version) {
        return refuse(bad_parameter("The codings are of different versions of the code system."));
    }
    a.version = a.version.empty() ? b.version : a.version;
    ContentView content(terminology, asked);
    std::optional<Refusal> refused;
    const CodeSystemProvider* provider = find_system(content, asked, a, refused);
    if (provider == nullptr) {
        return ask_remote(terminology, asked, a.system, *refused);
    }
    const auto first = provider->find(a.code);
    const auto second = provider->find(b.code);
    if (!first || !second) {
        return refuse(unknown(*provider, first ? b.code : a.code));
    }
    const char* outcome = "not-subsumed";
    if (*first == *second) {
        outcome = "equivalent";
    } else if (provider->is_a(*second, *first)) {
        outcome = "subsumes";
    } else if (provider->is_a(*first, *second)) {
        outcome = "subsumed-by";
    }
    ParametersWriter out;
    out.code("outcome", outcome);
    OperationAnswer answer;
    answer.json = out.take();
    return answer;
}

}  // namespace gatehouse::fhir
