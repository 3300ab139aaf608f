// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/operations/request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace gatehouse::fhir {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 30> expand_names{
    "url",
    "valueSet",
    "valueSetVersion",
    "context",
    "contextDirection",
    "filter",
    "date",
    "offset",
    "count",
    "includeDesignations",
    "designation",
    "includeDefinition",
    "activeOnly",
    "excludeNested",
    "excludeNotForUI",
    "excludePostCoordinated",
    "displayLanguage",
    "exclude-system",
    "system-version",
    "check-system-version",
    "force-system-version",
    "useSupplement",
    "limitedExpansion",
    "_format",
    "_pretty",
    "_summary",
    "_elements",
    "_incomplete",
    "cache-id",
    "tx-resource"};
constexpr std::array<std::string_view, 27> validate_names{
    "url",
    "context",
    "valueSet",
    "valueSetVersion",
    "codeSystem",
    "code",
    "system",
    "systemVersion",
    "version",
    "display",
    "coding",
    "codeableConcept",
    "date",
    "abstract",
    "displayLanguage",
    "system-version",
    "check-system-version",
    "force-system-version",
    "inferSystem",
    "activeOnly",
    "lenient-display-validation",
    "useSupplement",
    "_format",
    "_pretty",
    "_summary",
    "_elements",
    "tx-resource"};
constexpr std::array<std::string_view, 12> lookup_names{
    "code",
    "system",
    "version",
    "coding",
    "date",
    "displayLanguage",
    "property",
    "useSupplement",
    "_format",
    "_pretty",
    "_summary",
    "_elements"};
constexpr std::array<std::string_view, 10> subsumes_names{
    "codeA",
    "codeB",
    "system",
    "version",
    "codingA",
    "codingB",
    "_format",
    "_pretty",
    "_summary",
    "_elements"};
constexpr std::array<std::string_view, 19> translate_names{
    "url",
    "conceptMap",
    "conceptMapVersion",
    "code",
    "system",
    "version",
    "source",
    "coding",
    "codeableConcept",
    "target",
    "targetsystem",
    "targetSystem",
    "dependency",
    "reverse",
    "date",
    "_format",
    "_pretty",
    "_summary",
    "_elements"};

Names names_of(TerminologyOperation operation) {
    switch (operation) {
    case TerminologyOperation::expand: return expand_names;
    case TerminologyOperation::validate_code: return validate_names;
    case TerminologyOperation::lookup: return lookup_names;
    case TerminologyOperation::subsumes: return subsumes_names;
    case TerminologyOperation::translate: break;
    }
    return translate_names;
}

}  // namespace

const char* to_string(TerminologyOperation operation) noexcept {
    switch (operation) {
    case TerminologyOperation::expand: return "expand";
    case TerminologyOperation::validate_code: return "validate-code";
    case TerminologyOperation::lookup: return "lookup";
    case TerminologyOperation::subsumes: return "subsumes";
    case TerminologyOperation::translate: break;
    }
    return "translate";
}

std::optional<TerminologyOperation> terminology_operation(std::string_view name) noexcept {
    for (const auto one :
         {TerminologyOperation::expand,
          TerminologyOperation::validate_code,
          TerminologyOperation::lookup,
          TerminologyOperation::subsumes,
          TerminologyOperation::translate}) {
        if (name == to_string(one)) {
            return one;
        }
    }
    return std::nullopt;
}

bool is_offered(TerminologyOperation operation, std::string_view type) noexcept {
    switch (operation) {
    case TerminologyOperation::expand: return type == "ValueSet";
    case TerminologyOperation::validate_code: return type == "ValueSet" || type == "CodeSystem";
    case TerminologyOperation::lookup:
    case TerminologyOperation::subsumes: return type == "CodeSystem";
    case TerminologyOperation::translate: break;
    }
    return type == "ConceptMap";
}

std::string operation_definition(TerminologyOperation operation, std::string_view type) {
    return "http://hl7.org/fhir/OperationDefinition/" + std::string(type) + "-" +
           to_string(operation);
}

void add_parameters(const Element& parameters, OperationRequest& request) {
    for (const Element& node : parameters.children()) {
        if (node.name != "parameter") {
            continue;
        }
        OperationParameter out;
        out.name = node.child_value("name");
        out.node = &node;
        for (const Element& child : node.children()) {
            if (child.name.starts_with("value")) {
                out.element = &child;
                out.text = child.value;
            } else if (child.name == "resource") {
                out.resource = &child;
            }
        }
        request.parameters.push_back(std::move(out));
    }
}

OperationAnswer refuse(const Refusal& refusal) {
    OperationAnswer out;
    out.status = refusal.status;
    Issue issue;
    issue.type = refusal.type;
    issue.rule = refusal.rule;
    issue.diagnostics = refusal.words;
    out.issues.push_back(std::move(issue));
    return out;
}

const OperationParameter* Asked::find(std::string_view name) const {
    for (const OperationParameter& parameter : request_.parameters) {
        if (parameter.name == name) {
            return &parameter;
        }
    }
    return nullptr;
}

std::vector<const OperationParameter*> Asked::all(std::string_view name) const {
    std::vector<const OperationParameter*> out;
    for (const OperationParameter& parameter : request_.parameters) {
        if (parameter.name == name) {
            out.push_back(&parameter);
        }
    }
    return out;
}

std::string_view Asked::text(std::string_view name) const {
    const OperationParameter* parameter = find(name);
    return parameter == nullptr ? std::string_view{} : std::string_view(parameter->text);
}

bool Asked::flag(std::string_view name, bool otherwise, std::optional<Refusal>& wrong) const {
    const OperationParameter* parameter = find(name);
    if (parameter == nullptr) {
        return otherwise;
    }
    if (parameter->text != "true" && parameter->text != "false") {
        wrong = bad_parameter("Parameter '" + std::string(name) + "' takes true or false.");
    }
    return parameter->text == "true";
}

std::optional<std::uint32_t>
Asked::number(std::string_view name, std::optional<Refusal>& wrong) const {
    const OperationParameter* parameter = find(name);
    if (parameter == nullptr) {
        return std::nullopt;
    }
    std::uint32_t out = 0;
    const char* end = parameter->text.data() + parameter->text.size();
    const auto [at, error] = std::from_chars(parameter->text.data(), end, out);
    if (error != std::errc{} || at != end) {
        wrong = bad_parameter("Parameter '" + std::string(name) + "' takes a number from 0 on.");
        return std::nullopt;
    }
    return out;
}

const Element* Asked::resource(std::string_view name) const {
    const OperationParameter* parameter = find(name);
    return parameter == nullptr ? nullptr : parameter->resource;
}

AskedCoding read_coding(const Element& coding, std::string where) {
    AskedCoding out;
    out.system = coding.child_value("system");
    out.version = coding.child_value("version");
    out.code = coding.child_value("code");
    out.display = coding.child_value("display");
    out.where = std::move(where);
    return out;
}

std::optional<AskedCoding> Asked::coding(std::string_view name) const {
    const OperationParameter* parameter = find(name);
    if (parameter == nullptr || parameter->element == nullptr ||
        parameter->element->name != "valueCoding") {
        return std::nullopt;
    }
    return read_coding(*parameter->element, "Coding");
}

const OperationParameter* Asked::stranger() const {
    const Names names = names_of(request_.operation);
    for (const OperationParameter& parameter : request_.parameters) {
        if (std::find(names.begin(), names.end(), parameter.name) == names.end()) {
            return &parameter;
        }
    }
    return nullptr;
}

const Element* Asked::resolve(
    const Terminology& terminology, std::string_view type, std::string_view canonical
) const {
    for (const OperationParameter& parameter : request_.parameters) {
        // Resources sent along for this request alone go before everything else.
        if (parameter.name == "tx-resource" && parameter.resource != nullptr &&
            parameter.resource->resource_type() == type &&
            parameter.resource->child_value("url") == url_part(canonical) &&
            (version_part(canonical).empty() ||
             parameter.resource->child_value("version") == version_part(canonical))) {
            return parameter.resource;
        }
    }
    if (const Definition* definition = terminology.definitions().find(type, canonical)) {
        return definition->root();
    }
    return request_.stored ? request_.stored(type, canonical) : nullptr;
}

std::string with_version(std::string_view url, std::string_view version) {
    std::string out(url);
    if (!version.empty()) {
        out.append("|").append(version);
    }
    return out;
}

std::string_view url_part(std::string_view canonical) noexcept {
    return canonical.substr(0, canonical.find('|'));
}

std::string_view version_part(std::string_view canonical) noexcept {
    const std::size_t bar = canonical.find('|');
    return bar == std::string_view::npos ? std::string_view{} : canonical.substr(bar + 1);
}

std::string shown(std::string_view text) {
    std::string out(text.substr(0, 200));
    // Not in the middle of a UTF-8 sequence.
    if (out.size() < text.size()) {
        while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) {
            out.pop_back();
        }
        if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) {
            out.pop_back();
        }
        out += "...";
    }
    return out;
}

}  // namespace gatehouse::fhir
