// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/search_reference/definitions.hpp"

#include <algorithm>

namespace gatehouse::search_reference {
namespace {

using fhir::Element;

std::vector<std::string> values_of(const Element& element, std::string_view name) {
    std::vector<std::string> values;
    for (const Element& child : element.children()) {
        if (child.name == name) {
            values.emplace_back(child.value);
        }
    }
    return values;
}

// "a | b" outside brackets.
std::vector<std::string> operands_of(std::string_view text) {
    std::vector<std::string> parts(1);
    int depth = 0;
    for (const char c : text) {
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (c == '|' && depth == 0) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    for (std::string& part : parts) {
        while (!part.empty() && part.back() == ' ') {
            part.pop_back();
        }
    }
    return parts;
}

std::string last_part(std::string_view url) {
    return std::string(url.substr(url.rfind('/') + 1));
}

}  // namespace

Definitions::Definitions(const fhir::Engine& engine) : engine_(engine) {
    read_elements();
    read_parameters();
}

std::vector<Operand> Definitions::compile(const std::string& expression, const std::string& whose) {
    std::vector<Operand> operands;
    for (std::string part : operands_of(expression)) {
        Operand operand;
        static constexpr std::string_view mark = ".where(resolve() is ";
        if (const auto at = part.find(mark); at != std::string::npos && part.back() == ')') {
            operand.target = part.substr(at + mark.size());
            operand.target.pop_back();
            part.resize(at);
        }
        // The definitions spell the type wrongly once (Observation-code-value-date).
        if (const auto at = part.find("as(DateTime)"); at != std::string::npos) {
            part.replace(at, 12, "as(dateTime)");
        }
        fhir::path::Error error;
        operand.expression = fhir::path::compile(part, engine_.types(), error);
        if (!operand.expression) {
            broken_.push_back(whose + ": " + part + ": " + error.message);
            continue;
        }
        operands.push_back(std::move(operand));
    }
    return operands;
}

void Definitions::read_parameters() {
    const fhir::TypeModel& types = engine_.types();
    Arena arena;
    for (const fhir::Definition* definition : engine_.definitions().all("SearchParameter")) {
        // HL7's package shows examples of search parameters beside the real ones.
        if (definition->url.starts_with("http://hl7.org/fhir/SearchParameter/example")) {
            continue;
        }
        const Element* root = definition->decode(arena);
        Parameter& parameter = parameters_.emplace_back();
        parameter.url = root->child_value("url");
        parameter.code = root->child_value("code");
        parameter.type = root->child_value("type");
        parameter.expression = root->child_value("expression");
        parameter.bases = values_of(*root, "base");
        parameter.targets = values_of(*root, "target");
        if (parameter.code == "patient") {
            parameter.targets = {"Patient"};  // READINGS 3
        }
        if (!parameter.expression.empty()) {
            parameter.operands = compile(parameter.expression, parameter.url);
        }
        for (const Element& child : root->children()) {
            if (child.name == "component") {
                Parameter::Component& component = parameter.components.emplace_back();
                component.definition = child.child_value("definition");
                component.expression = child.child_value("expression");
                component.operands = compile(component.expression, parameter.url);
            }
        }
        arena.reset();
    }
    // R4 has the two components of DocumentReference-relationship each under the other's name.
    for (Parameter& parameter : parameters_) {
        if (parameter.url.ends_with("/DocumentReference-relationship") &&
            parameter.components.size() == 2) {
            std::swap(parameter.components[0].definition, parameter.components[1].definition);
        }
    }
    for (const std::string& type : types_) {
        auto& by_code = by_type_[type];
        for (const Parameter& parameter : parameters_) {
            const bool ours = std::ranges::any_of(parameter.bases, [&](const std::string& base) {
                return types.is_a(types.find(type), types.find(base)) &&
                       types.find(base) != fhir::unknown_type;
            });
            if (ours && !parameter.code.empty()) {
                by_code[parameter.code] = &parameter;
            }
        }
        for (const auto& [code, parameter] : by_code) {
            lists_[type].push_back(parameter);
        }
    }
}

void Definitions::read_elements() {
    const fhir::TypeModel& types = engine_.types();
    Arena arena;
    for (fhir::TypeId id = 1; id < types.type_count(); ++id) {
        const fhir::TypeInfo& info = types.type(id);
        if (info.kind == fhir::TypeKind::backbone || info.kind == fhir::TypeKind::primitive ||
            info.kind == fhir::TypeKind::logical) {
            continue;
        }
        if (info.kind == fhir::TypeKind::resource && !info.abstract &&
            types.is_a(id, types.find("Resource"))) {
            types_.push_back(info.name);
        }
        const fhir::Definition* definition = engine_.definitions().structure(info.url);
        const Element* root = definition != nullptr ? definition->decode(arena) : nullptr;
        const Element* snapshot = root != nullptr ? root->child("snapshot") : nullptr;
        for (const Element* element = snapshot != nullptr ? snapshot->child("element") : nullptr;
             element != nullptr;
             element = element->next_same()) {
            const std::string path(element->child_value("path"));
            const Element* binding = element->child("binding");
            if (binding != nullptr && binding->child_value("strength") == "required") {
                code_systems_[path] = one_system(binding->child_value("valueSet"));
            }
            for (const Element& type : element->children()) {
                if (type.name != "type" || type.child_value("code") != "Reference") {
                    continue;
                }
                std::string plain = path.ends_with("[x]") ? path.substr(0, path.size() - 3) : path;
                for (const std::string& profile : values_of(type, "targetProfile")) {
                    if (const std::string target = last_part(profile); target != "Resource") {
                        reference_targets_[plain].push_back(target);
                    }
                }
            }
        }
        arena.reset();
    }
    std::ranges::sort(types_);
}

std::string Definitions::one_system(std::string_view value_set) const {
    Arena arena;
    const fhir::Definition* definition = engine_.definitions().find("ValueSet", value_set);
    const Element* root = definition != nullptr ? definition->decode(arena) : nullptr;
    const Element* compose = root != nullptr ? root->child("compose") : nullptr;
    if (compose == nullptr) {
        return {};
    }
    std::vector<std::string> systems;
    for (const Element& child : compose->children()) {
        if (child.name == "include") {
            systems.emplace_back(child.child_value("system"));
        }
    }
    const bool one = !systems.empty() && std::ranges::all_of(systems, [&](const std::string& each) {
        return each == systems.front();
    });
    return one ? systems.front() : std::string();
}

const Parameter* Definitions::find(std::string_view type, std::string_view code) const {
    const auto of_type = by_type_.find(type);
    if (of_type == by_type_.end()) {
        return nullptr;
    }
    const auto found = of_type->second.find(code);
    return found == of_type->second.end() ? nullptr : found->second;
}

const Parameter* Definitions::by_url(std::string_view url) const {
    for (const Parameter& parameter : parameters_) {
        if (parameter.url == url) {
            return &parameter;
        }
    }
    return nullptr;
}

const std::vector<const Parameter*>& Definitions::all(std::string_view type) const {
    static const std::vector<const Parameter*> none;
    const auto found = lists_.find(type);
    return found == lists_.end() ? none : found->second;
}

std::string_view Definitions::code_system(const std::string& path) const {
    const auto found = code_systems_.find(path);
    return found == code_systems_.end() ? std::string_view() : found->second;
}

const std::vector<std::string>& Definitions::reference_targets(const std::string& path) const {
    static const std::vector<std::string> none;
    const auto found = reference_targets_.find(path);
    return found == reference_targets_.end() ? none : found->second;
}

}  // namespace gatehouse::search_reference
