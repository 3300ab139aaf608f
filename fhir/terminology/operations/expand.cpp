// SPDX-License-Identifier: Apache-2.0
//
// ValueSet $expand (FHIR R4 ValueSet-expand).
#include <algorithm>

#include "fhir/base/percent.hpp"
#include "fhir/json/json.hpp"
#include "fhir/terminology/operations/expansion.hpp"
#include "fhir/terminology/remote.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::string_view unclosed_url =
    "http://hl7.org/fhir/StructureDefinition/valueset-unclosed";

ExpansionShape shape_of(const Asked& asked, std::optional<Refusal>& wrong) {
    ExpansionShape shape;
    shape.filter = asked.text("filter");
    if (shape.filter.size() > 1024) {
        wrong = bad_parameter("Parameter 'filter' may have 1024 bytes at most.");
    }
    shape.offset = asked.number("offset", wrong);
    shape.count = asked.number("count", wrong);
    shape.language = asked.text("displayLanguage");
    for (const OperationParameter* token : asked.all("designation")) {
        shape.designations.push_back(token->text);
    }
    shape.with_designations = asked.flag("includeDesignations", !shape.designations.empty(), wrong);
    shape.active_only = asked.flag("activeOnly", false, wrong);
    shape.for_ui = asked.flag("excludeNotForUI", false, wrong);
    // Nesting is done where it is asked for in so many words: most readers walk a flat list.
    const bool nests = asked.has("excludeNested") && !asked.flag("excludeNested", true, wrong);
    shape.nested = nests && !shape.offset && !shape.count && shape.filter.empty();
    (void)asked.flag("excludePostCoordinated", false, wrong);
    (void)asked.flag("includeDefinition", false, wrong);
    return shape;
}

void write_parameters(JsonWriter& json, const Asked& asked, const Composer& composer) {
    static constexpr std::string_view texts[] = {
        "filter", "displayLanguage", "designation", "date"};
    static constexpr std::string_view flags[] = {
        "includeDesignations",
        "activeOnly",
        "excludeNested",
        "excludeNotForUI",
        "includeDefinition",
        "excludePostCoordinated"};
    static constexpr std::string_view numbers[] = {"offset", "count"};
    static constexpr std::string_view uris[] = {
        "system-version", "check-system-version", "force-system-version"};
    json.key("parameter").begin_array();
    const auto list = [&](auto& names, const char* type, auto&& write) {
        for (const std::string_view name : names) {
            for (const OperationParameter* parameter : asked.all(name)) {
                json.begin_object().key("name").string(name).key(type);
                write(*parameter);
                json.end_object();
            }
        }
    };
    const auto text = [&](const OperationParameter& one) { json.string(one.text); };
    list(texts, "valueString", text);
    list(flags, "valueBoolean", [&](const auto& one) { json.boolean(one.text == "true"); });
    list(numbers, "valueInteger", [&](const auto& one) { json.raw(one.text); });
    list(uris, "valueUri", text);
    const auto used = [&](const char* name, const std::set<std::string>& canonicals) {
        for (const std::string& canonical : canonicals) {
            json.begin_object().key("name").string(name);
            json.key("valueUri").string(canonical).end_object();
        }
    };
    used("used-codesystem", composer.systems());
    used("used-valueset", composer.value_sets());
    used("warning-fragment", composer.fragments());
    json.end_array();
}

// Copies of the value set's own members that an expansion carries; the definition (compose) only
// if it was asked for.
void write_members(JsonWriter& json, const Element& value_set, bool with_definition) {
    static constexpr std::string_view kept[] = {
        "url", "version", "name", "title", "status", "experimental", "date", "publisher"};
    for (const std::string_view name : kept) {
        const Element* member = value_set.child(name);
        if (member == nullptr || member->value.empty()) {
            continue;
        }
        json.key(name);
        if (name == "experimental") {
            json.boolean(member->value == "true");
        } else {
            json.string(member->value);
        }
    }
    if (value_set.child_value("status").empty()) {
        json.key("status").string("unknown");
    }
    if (with_definition) {
        if (const Element* compose = value_set.child("compose")) {
            json.key("compose").raw(write_json(*compose, nullptr));
        }
    }
}

bool several_versions(const CodeBag& bag) {
    const auto& groups = bag.groups();
    for (std::size_t i = 0; i < groups.size(); ++i) {
        for (std::size_t j = i + 1; j < groups.size(); ++j) {
            if (groups[i].system == groups[j].system && groups[i].version != groups[j].version) {
                return true;
            }
        }
    }
    return false;
}

// The system whose implicit value set a URL may name: the longest beginning of it (up to '?', then
// part by part) that the remote server covers.
std::string_view implied_system(const Terminology& terminology, std::string_view url) {
    std::string_view at = url.substr(0, url.find('?'));
    while (at.size() > std::string_view("https://").size()) {
        if (terminology.asks_server(at)) {
            return at;
        }
        const std::size_t slash = at.rfind('/');
        at = at.substr(0, slash == std::string_view::npos ? 0 : slash);
    }
    return {};
}

}  // namespace

ValueSetSubject value_set_subject(const Terminology& terminology, const Asked& asked) {
    ValueSetSubject out;
    if (asked.has("context") || asked.has("contextDirection")) {
        out.refused = {
            400,
            IssueType::not_supported,
            "terminology-parameter",
            "'context' is not offered: name the value set by 'url'."};
        return out;
    }
    if (asked.request().instance != nullptr) {
        out.resource = asked.request().instance;
        return out;
    }
    if (asked.has("valueSet")) {
        out.resource = asked.resource("valueSet");
        if (out.resource == nullptr || out.resource->resource_type() != "ValueSet") {
            out.refused = bad_parameter("Parameter 'valueSet' must hold a ValueSet resource.");
        }
        return out;
    }
    out.url = asked.text("url");
    if (out.url.empty()) {
        out.refused = {
            400,
            IssueType::required,
            "terminology-parameter",
            "Which value set? Give 'url', or 'valueSet' in a posted Parameters resource."};
        return out;
    }
    if (const auto version = asked.text("valueSetVersion");
        !version.empty() && version_part(out.url).empty()) {
        out.url = with_version(out.url, version);
    }
    out.resource = asked.resolve(terminology, "ValueSet", out.url);
    return out;
}

OperationAnswer ask_remote(
    const Terminology& terminology,
    const Asked& asked,
    std::string_view system,
    const Refusal& otherwise
) {
    RemoteTerminology* remote = terminology.remote();
    const bool plain = std::none_of(
        asked.request().parameters.begin(),
        asked.request().parameters.end(),
        [](const OperationParameter& one) {
            return one.resource != nullptr || (one.element != nullptr && one.text.empty());
        }
    );
    if (remote == nullptr || !plain || asked.request().instance != nullptr ||
        !remote->covers(system)) {
        return refuse(otherwise);
    }
    std::string query;
    for (const OperationParameter& one : asked.request().parameters) {
        if (one.name.starts_with("_")) {
            continue;  // about the form of our own answer
        }
        query += (query.empty() ? "" : "&") + percent_encoded(one.name) + "=" +
                 percent_encoded(one.text);
    }
    const std::string path =
        std::string(asked.request().type) + "/$" + to_string(asked.request().operation);
    auto passed = remote->ask(path, query);
    if (!passed) {
        Refusal down = otherwise;
        down.words +=
            " The terminology server that covers it gave no answer: " + passed.error().detail + ".";
        return refuse(down);
    }
    if (passed->status != 200) {
        Refusal no = otherwise;
        no.words += " The terminology server that covers it refuses with status " +
                    std::to_string(passed->status) + ".";
        return refuse(no);
    }
    OperationAnswer out;
    out.json = std::move(passed->body);
    return out;
}

OperationAnswer run_expand(const Terminology& terminology, const Asked& asked) {
    const OperationLimits& limits = asked.request().limits;
    ValueSetSubject subject = value_set_subject(terminology, asked);
    if (subject.refused) {
        return refuse(*subject.refused);
    }
    std::optional<Refusal> wrong;
    ExpansionShape shape = shape_of(asked, wrong);
    VersionRules rules = VersionRules::read(asked, wrong);
    if (wrong) {
        return refuse(*wrong);
    }
    ConceptBudget budget{limits.work_max};
    ContentView content(terminology, asked);
    Composer composer(content, std::move(rules), budget);
    CodeBag bag;
    auto refused = subject.resource != nullptr ? composer.collect(*subject.resource, bag)
                                               : composer.collect(subject.url, bag);
    if (refused) {
        const std::string_view system = composer.missing_system().empty()
                                            ? implied_system(terminology, subject.url)
                                            : std::string_view(composer.missing_system());
        return ask_remote(terminology, asked, system, *refused);
    }
    for (const OperationParameter* system : asked.all("exclude-system")) {
        for (CodeGroup& group : bag.groups()) {
            if (group.system == url_part(system->text) &&
                (version_part(system->text).empty() || group.version == version_part(system->text)
                )) {
                group = CodeGroup{};
            }
        }
    }
    shape.versions = several_versions(bag);
    std::vector<ExpandedCode> codes;
    if (!arrange(bag, shape, budget, codes)) {
        return refuse(cannot(
            IssueType::too_costly,
            "Searching this value set for the filter's words costs more than one request may."
        ));
    }
    const std::size_t offset = shape.offset.value_or(0);
    const std::size_t page = codes.size() > offset ? codes.size() - offset : 0;
    const std::size_t wanted = shape.count ? std::min<std::size_t>(page, *shape.count) : page;
    if (wanted > limits.expansion_max) {
        return refuse(cannot(
            IssueType::too_costly,
            "The expansion has " + std::to_string(codes.size()) + " codes; at most " +
                std::to_string(limits.expansion_max) +
                " are given at once. Ask for a page (offset and count) or give a filter."
        ));
    }
    JsonWriter json;
    json.begin_object().key("resourceType").string("ValueSet");
    if (subject.resource != nullptr) {
        std::optional<Refusal> ignored;
        write_members(json, *subject.resource, asked.flag("includeDefinition", false, ignored));
    } else {
        json.key("url").string(url_part(subject.url));
        json.key("status").string("active");
    }
    json.key("expansion").begin_object();
    if (composer.unclosed()) {
        json.key("extension").begin_array().begin_object();
        json.key("url").string(unclosed_url).key("valueBoolean").boolean(true);
        json.end_object().end_array();
    }
    if (!asked.request().identifier.empty()) {
        json.key("identifier").string(asked.request().identifier);
    }
    json.key("timestamp").string(asked.request().time);
    json.key("total").number(static_cast<long long>(codes.size()));
    if (shape.offset || shape.count) {
        json.key("offset").number(static_cast<long long>(offset));
    }
    write_parameters(json, asked, composer);
    write_contains(json, codes, shape);
    json.end_object().end_object();
    OperationAnswer out;
    out.json = json.take();
    return out;
}

}  // namespace gatehouse::fhir
