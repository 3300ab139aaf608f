// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/profile_compiler.hpp"

#include "fhir/schema/definition_edit.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::string_view regex_extension = "http://hl7.org/fhir/StructureDefinition/regex";
// Invariants of R4 that do not say what they mean, and what HL7's validator reads instead: que-7
// asks for a System.Boolean where the answer is a FHIR boolean; que-12 is about more than one
// enableWhen and says more than two.
std::string_view corrected(std::string_view key, std::string_view expression) noexcept {
    if (key == "que-7" && expression == "operator = 'exists' implies (answer is Boolean)") {
        return "operator = 'exists' implies (answer is boolean)";
    }
    if (key == "que-12" && expression == "enableWhen.count() > 2 implies enableBehavior.exists()") {
        return "enableWhen.count() > 1 implies enableBehavior.exists()";
    }
    return expression;
}

constexpr std::string_view best_practice_extension =
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice";
constexpr std::string_view max_value_set_extension =
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet";
constexpr std::string_view min_length_extension =
    "http://hl7.org/fhir/StructureDefinition/minLength";
constexpr std::string_view must_have_value_extension =
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.mustHaveValue";
constexpr std::string_view narrative_source_extension =
    "http://hl7.org/fhir/StructureDefinition/narrative-source-control";
constexpr std::string_view narrative_language_extension =
    "http://hl7.org/fhir/StructureDefinition/narrative-language-control";
constexpr std::string_view profile_element_extension =
    "http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element";
constexpr std::string_view additional_binding_extensions[] = {
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.binding.additional",
    "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
};
constexpr std::string_view fhir_type_name_extension =
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
constexpr std::string_view system_prefix = "http://hl7.org/fhirpath/System.";

std::string_view tail_of(std::string_view url) {
    const auto slash = url.rfind('/');
    return slash == std::string_view::npos ? url : url.substr(slash + 1);
}

// Value of an extension on `element`, whatever its type; empty if it has none.
std::string_view extension_value(const Element& element, std::string_view url) {
    for (const Element& child : element.children()) {
        if (child.name == "extension" && child.child_value("url") == url) {
            for (const Element& part : child.children()) {
                if (part.name.starts_with("value")) {
                    return part.value;
                }
            }
        }
    }
    return {};
}

DiscriminatorType discriminator_type(std::string_view text) {
    if (text == "exists") {
        return DiscriminatorType::exists;
    }
    if (text == "pattern") {
        return DiscriminatorType::pattern;
    }
    if (text == "type") {
        return DiscriminatorType::type;
    }
    return text == "profile" ? DiscriminatorType::profile : DiscriminatorType::value;
}

BindingStrength binding_strength(std::string_view text) {
    if (text == "required") {
        return BindingStrength::required;
    }
    if (text == "extensible") {
        return BindingStrength::extensible;
    }
    return text == "preferred" ? BindingStrength::preferred : BindingStrength::example;
}

}  // namespace

std::uint32_t InvariantList::add(const Invariant* invariant) {
    for (std::size_t i = 0; i < items_.size(); ++i) {
        if (items_[i] == invariant) {
            return static_cast<std::uint32_t>(i);
        }
    }
    items_.push_back(invariant);
    return static_cast<std::uint32_t>(items_.size() - 1);
}

std::unique_ptr<Profile>
ProfileCompiler::compile(const Element& structure, const snapshot::Node& root) {
    auto profile = std::make_unique<Profile>();
    profile_ = profile.get();
    by_id_.clear();
    references_.clear();
    profile->url = structure.child_value("url");
    profile->version = structure.child_value("version");
    profile->name = structure.child_value("name");
    profile->base = structure.child_value("baseDefinition");
    profile->derivation = structure.child_value("derivation");
    profile->status = structure.child_value("status");
    const std::string_view type = structure.child_value("type");
    profile->type = types_.find(tail_of(type.empty() ? root.name : type));
    profile->is_extension = type == "Extension";
    profile->modifier_extension =
        profile->is_extension && root.definition->child_value("isModifier") == "true";
    fill_contexts(structure);
    profile->rules.emplace_back();  // 0 is no_rule
    const std::string name(root.name);
    add_rule(root, name, name);
    for (const auto& [rule, target] : references_) {
        auto at = by_id_.find(target);
        if (at == by_id_.end()) {
            // Published snapshots name a slice here where they mean the element
            // ("#Provenance.agent:x").
            at = by_id_.find(target.substr(0, target.find(':')));
        }
        if (at != by_id_.end()) {
            profile->rules[rule].content = at->second;
        } else {
            profile->problems.push_back(
                profile->rules[rule].id + ": contentReference " + target + " leads nowhere"
            );
        }
    }
    profile->rules.shrink_to_fit();
    return profile;
}

void ProfileCompiler::fill_contexts(const Element& structure) {
    // STU3 wrote the kind once and the places as plain strings.
    const std::string_view kind = structure.child_value("contextType");
    for (const Element& child : structure.children()) {
        if (child.name == "context") {
            if (child.first_child == nullptr || child.has_value()) {
                profile_->contexts.push_back(
                    {kind == "extension" ? "extension" : "element", std::string(child.value)}
                );
            } else {
                profile_->contexts.push_back(
                    {std::string(child.child_value("type")),
                     std::string(child.child_value("expression"))}
                );
            }
        } else if (child.name == "contextInvariant") {
            profile_->context_invariants.emplace_back(child.value);
        }
    }
}

RuleId ProfileCompiler::add_rule(
    const snapshot::Node& node, const std::string& path, const std::string& id
) {
    const auto number = static_cast<RuleId>(profile_->rules.size());
    {
        Rule& rule = profile_->rules.emplace_back();
        rule.id = id;
        rule.path = path;
        rule.slice = node.slice;
        rule.choice = snapshot::is_choice_name(node.name);
        rule.name = types_.symbols().find(snapshot::choice_stem(node.name));
        fill(rule, *node.definition);
    }
    by_id_.emplace(id, number);
    const std::string_view reference = node.definition->child_value("contentReference");
    if (!reference.empty()) {
        const auto hash = reference.find('#');
        references_.emplace_back(
            number, hash == std::string_view::npos ? reference : reference.substr(hash + 1)
        );
    }
    // The vector grows while children are added: no reference into it may be held across.
    std::vector<RuleId> children;
    for (const snapshot::Node* child : node.children) {
        const std::string step = "." + std::string(child->name);
        const std::string label =
            child->slice.empty() ? step : step + ":" + std::string(child->slice);
        children.push_back(add_rule(*child, path + step, id + label));
    }
    profile_->rules[number].children = std::move(children);
    std::vector<RuleId> slices;
    for (const snapshot::Node* slice : node.slices) {
        const std::string_view own_slice = node.slice;
        const std::string entry_id =
            own_slice.empty() ? id : id.substr(0, id.size() - own_slice.size() - 1);
        slices.push_back(add_rule(*slice, path, entry_id + ":" + std::string(slice->slice)));
    }
    profile_->rules[number].slices = std::move(slices);
    return number;
}

void ProfileCompiler::fill(Rule& rule, const Element& definition) {
    rule.min = snapshot::min_number(definition.child_value("min"));
    const std::string_view max = definition.child_value("max");
    rule.max = max.empty() ? UINT32_MAX : snapshot::max_number(max);
    rule.max_length = snapshot::min_number(definition.child_value("maxLength"));
    rule.must_support = definition.child_value("mustSupport") == "true";
    rule.is_modifier = definition.child_value("isModifier") == "true";
    rule.is_summary = definition.child_value("isSummary") == "true";
    rule.regex = extension_value(definition, regex_extension);
    rule.min_length = snapshot::min_number(extension_value(definition, min_length_extension));
    rule.must_have_value = extension_value(definition, must_have_value_extension) == "true";
    rule.narrative_source = extension_value(definition, narrative_source_extension);
    rule.narrative_language = extension_value(definition, narrative_language_extension);
    fill_types(rule, definition);
    for (const Element& child : definition.children()) {
        if (child.name == "constraint") {
            rule.invariants.push_back(profile_->invariants.add(invariant(child)));
        } else if (child.name == "binding") {
            fill_binding(rule, child);
        } else if (child.name == "slicing") {
            fill_slicing(rule, child);
        }
    }
    const auto value = [&](std::string_view prefix) -> const Element* {
        const Element* stated = snapshot::choice_child(definition, prefix);
        return stated == nullptr ? nullptr : keep_value(*stated, prefix);
    };
    rule.fixed = value("fixed");
    rule.pattern = value("pattern");
    rule.min_value = value("minValue");
    rule.max_value = value("maxValue");
}

TypeId ProfileCompiler::type_of(const Element& type) const {
    const std::string_view code = type.child_value("code");
    if (code.empty() || code.starts_with(system_prefix)) {
        // A system type says how the value is stored; the extension says which FHIR type it is.
        std::string_view named = extension_value(type, fhir_type_name_extension);
        if (named.empty() && type.child("code") != nullptr) {
            named = extension_value(*type.child("code"), fhir_type_name_extension);
        }
        if (!named.empty()) {
            return types_.find(named);
        }
        if (code.empty()) {
            return unknown_type;
        }
        std::string lowered(code.substr(system_prefix.size()));
        if (!lowered.empty() && lowered.front() >= 'A' && lowered.front() <= 'Z') {
            lowered.front() = static_cast<char>(lowered.front() - 'A' + 'a');
        }
        return types_.find(lowered);
    }
    return types_.find(code.find("://") == std::string_view::npos ? code : tail_of(code));
}

void ProfileCompiler::fill_types(Rule& rule, const Element& definition) {
    for (const Element& type : definition.children()) {
        if (type.name != "type") {
            continue;
        }
        TypeRule& out = rule.types.emplace_back();
        out.type = type_of(type);
        out.code = type.child_value("code");
        out.versioning = type.child_value("versioning");
        for (const Element& part : type.children()) {
            if (part.name == "profile") {
                out.profiles.emplace_back(part.value);
                if (const auto element = extension_value(part, profile_element_extension);
                    !element.empty()) {
                    out.profiles.back() += "#" + std::string(element);
                }
            } else if (part.name == "targetProfile") {
                out.target_profiles.emplace_back(part.value);
            } else if (part.name == "aggregation") {
                out.aggregation += (out.aggregation.empty() ? "" : ",") + std::string(part.value);
            }
        }
        if (const std::string_view regex = extension_value(type, regex_extension); !regex.empty()) {
            rule.regex = regex;
        }
    }
}

void ProfileCompiler::fill_binding(Rule& rule, const Element& binding) {
    rule.strength = binding_strength(binding.child_value("strength"));
    rule.value_set = binding.child_value("valueSet");
    if (rule.value_set.empty()) {
        // STU3: valueSetUri or valueSetReference.
        rule.value_set = binding.child_value("valueSetUri");
        if (const Element* reference = binding.child("valueSetReference"); reference != nullptr) {
            rule.value_set = reference->child_value("reference");
        }
    }
    rule.max_value_set = extension_value(binding, max_value_set_extension);
    for (const Element& child : binding.children()) {
        const std::string_view url =
            child.name == "extension" ? child.child_value("url") : std::string_view{};
        // R5 has the element itself, under the same names.
        const bool element = child.name == "additional";
        if (!element && url != additional_binding_extensions[0] &&
            url != additional_binding_extensions[1]) {
            continue;
        }
        AdditionalBinding& out = rule.additional_bindings.emplace_back();
        out.purpose = element ? child.child_value("purpose") : extension_value(child, "purpose");
        out.value_set =
            element ? child.child_value("valueSet") : extension_value(child, "valueSet");
    }
}

void ProfileCompiler::fill_slicing(Rule& rule, const Element& slicing) {
    rule.has_slicing = true;
    rule.ordered = slicing.child_value("ordered") == "true";
    const std::string_view rules = slicing.child_value("rules");
    rule.slicing = rules == "closed"      ? SlicingRules::closed
                   : rules == "openAtEnd" ? SlicingRules::open_at_end
                                          : SlicingRules::open;
    for (const Element& child : slicing.children()) {
        if (child.name == "discriminator") {
            rule.discriminators.push_back(
                {discriminator_type(child.child_value("type")),
                 std::string(child.child_value("path"))}
            );
        }
    }
    const bool extension =
        rule.path.ends_with(".extension") || rule.path.ends_with(".modifierExtension");
    if (rule.discriminators.empty() && extension) {
        rule.discriminators.push_back({DiscriminatorType::value, "url"});
    }
}

const Invariant* ProfileCompiler::invariant(const Element& constraint) {
    const std::string_view severity = constraint.child_value("severity");
    const std::string_view expression =
        corrected(constraint.child_value("key"), constraint.child_value("expression"));
    const bool best_practice = extension_value(constraint, best_practice_extension) == "true";
    std::string statement(constraint.child_value("key"));
    statement += '\n';
    statement += expression;
    statement += '\n';
    statement += severity;
    statement += best_practice ? "+\n" : "\n";
    statement += constraint.child_value("source");
    if (const auto at = pool_.invariant_by_statement.find(statement);
        at != pool_.invariant_by_statement.end()) {
        return at->second;
    }
    Invariant& made = pool_.invariants.emplace_back();
    made.key = constraint.child_value("key");
    made.severity = severity == "warning" ? Severity::warning : Severity::error;
    made.human = constraint.child_value("human");
    made.source = constraint.child_value("source");
    made.best_practice = best_practice;
    if (expression.empty()) {
        made.problem = "it has no FHIRPath expression";
    } else {
        path::Error error;
        made.expression = path::compile(expression, types_, error);
        if (!made.expression) {
            made.problem = error.message.empty() ? "it does not compile" : error.message;
        }
    }
    pool_.invariant_by_statement.emplace(std::move(statement), &made);
    return &made;
}

const Element* ProfileCompiler::keep_value(const Element& value, std::string_view prefix) {
    // Texts may point into a compile session's memory; the copy must outlive it.
    const auto copy = [this](const auto& self, const Element& from, Element* parent) -> Element* {
        auto* made = pool_.values.create<Element>(from);
        made->name = pool_.values.copy(from.name);
        made->value = pool_.values.copy(from.value);
        made->parent = parent;
        made->next = nullptr;
        made->first_child = nullptr;
        Element* last = nullptr;
        for (const Element& child : from.children()) {
            Element* twin = self(self, child, made);
            (last == nullptr ? made->first_child : last->next) = twin;
            last = twin;
        }
        return made;
    };
    Element* kept = copy(copy, value, nullptr);
    const std::string_view spelled = value.name.substr(prefix.size());
    TypeId type = types_.find(spelled);
    if (type == unknown_type && !spelled.empty()) {
        std::string lowered(spelled);
        lowered.front() = static_cast<char>(lowered.front() - 'A' + 'a');
        type = types_.find(lowered);
    }
    annotate_value(*kept, type);
    return kept;
}

void ProfileCompiler::annotate_value(Element& value, TypeId type) {
    value.type = type;
    value.symbol = types_.symbols().find(value.name);
    for (Element& child : value.children()) {
        const Symbol symbol = types_.symbols().find(child.name);
        const ChildMatch match = type == unknown_type ? ChildMatch{} : types_.child(type, symbol);
        annotate_value(child, match.type);
        child.child_rule = match ? match.index + 1 : 0;
    }
}

}  // namespace gatehouse::fhir
