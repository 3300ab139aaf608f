// SPDX-License-Identifier: Apache-2.0
//
// Extensions (FHIR R4 §2.4): is the definition known, may it stand here (context), is its content
// simple or complex as defined, and is it a modifier where it must be one.

#include <algorithm>

#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

// HL7's own name spaces and URNs: whoever writes there means a definition that exists.
bool must_be_known(std::string_view url) noexcept {
    return url.starts_with("http://hl7.org/fhir") || has_part(url, "://fhir.hl7.org.uk/") ||
           has_part(url, "://fhir.nhs.uk/") || url.starts_with("urn:");
}

// R4's own definitions use some of its extensions where their contexts do not let them stand: on
// every kind of canonical resource, on the type of an element, on the concepts of a code system.
bool is_misplaced_by_r4(std::string_view url, std::string_view host, std::string_view host_name) {
    struct Row {
        std::string_view url;
        std::string_view host;  // type of the host, or its name
    };
    static constexpr Row rows[] = {
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
         "CodeSystem"},
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
         "ValueSet"},
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
         "OperationDefinition"},
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
         "SearchParameter"},
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
         "CapabilityStatement"},
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
         "ElementDefinition"},
        {"http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type",
         "ElementDefinition.type"},
        {"http://hl7.org/fhir/StructureDefinition/regex", "ElementDefinition.type"},
        {"http://hl7.org/fhir/StructureDefinition/regex", "code"},
        {"http://hl7.org/fhir/StructureDefinition/valueset-concept-comments", "CodeSystem.concept"},
    };
    for (const Row& row : rows) {
        if (row.url == url && (row.host == host || row.host == host_name)) {
            return true;
        }
    }
    return false;
}

// "http://hl7.org/fhir/5.0/StructureDefinition/extension-Patient.x": an element of another version.
bool names_other_version(std::string_view url) noexcept {
    constexpr std::string_view base = "http://hl7.org/fhir/";
    return url.starts_with(base) && url.size() > base.size() + 3 && url[base.size() + 1] == '.' &&
           url.substr(base.size() + 3).starts_with("/StructureDefinition/extension-");
}

const Element* value_of(const Element& extension) noexcept {
    for (const Element& child : extension.children()) {
        if (child.name.starts_with("value") && child.name.size() > 5) {
            return &child;
        }
    }
    return nullptr;
}

}  // namespace

bool Walker::extension_allowed(std::string_view url) const {
    if (is_example_url(url)) {
        return options_.example_urls;
    }
    for (const std::string& domain : options_.extension_domains) {
        if (url.starts_with(domain)) {
            return true;
        }
    }
    return options_.any_extension && !must_be_known(url);
}

void Walker::check_extension(const Element& at, Actives& rules) {
    const Element* url_element = at.child(known_.url_symbol);
    const std::string_view url = url_element == nullptr ? std::string_view{} : url_element->value;
    if (url.empty()) {
        report(rules::extension_no_url, at, [] {
            return std::string("An extension needs a url: it is what says which extension this is."
            );
        });
        return;
    }
    const Element* host = at.parent;
    const bool nested = host != nullptr && host->type == known_.extension;
    if (!has_scheme(url)) {
        if (!nested) {
            report(rules::extension_relative, at, [&] {
                return join("The url of an extension must be absolute, not", shown(url), ".");
            });
            return;
        }
        // A part of a complex extension: the definition of the extension around it must name it.
        const std::string_view outer_url = without_version(host->child_value("url"));
        if (!has_scheme(outer_url)) {
            return;  // parts of parts: their rules come with the slices
        }
        const Plan* outer = planner_.plan(outer_url);
        if (outer == nullptr) {
            return;
        }
        for (const PlanRule* child : outer->root().children) {
            for (const PlanRule* slice : child->slices) {
                if (slice->slice_url == url) {
                    return;
                }
            }
        }
        report(
            rules::extension_sub,
            at,
            [&] {
                return join("Extension ", outer->canonical, " has no part named", shown(url), ".");
            },
            outer
        );
        return;
    }
    const Plan* plan = planner_.plan(without_version(url));
    if (plan != nullptr && url.find('|') != std::string_view::npos) {
        report(rules::extension_version_not_allowed, at, [&] {
            return join(
                "The url of an extension must not carry a version; it was checked against ",
                plan->canonical,
                "."
            );
        });
    }
    if (plan == nullptr || !plan->profile->is_extension) {
        const bool modifier = at.name == "modifierExtension";
        if (!extension_allowed(url)) {
            report(rules::extension_unknown_here, at, [&] {
                return join(
                    "Extension ",
                    url,
                    " is not known, so it may not stand here. ",
                    names_other_version(url)
                        ? "It carries an element of another FHIR version: load the "
                          "cross-version package that defines it (hl7.fhir.uv.xver-...)."
                        : "Check the url, or load the package that defines it."
                );
            });
        } else {
            ++out_.not_checkable;
            report_as(
                rules::extension_unknown,
                modifier ? Severity::warning : Severity::information,
                at,
                [&] {
                    return join(
                        "Extension ", url, " is not known, so its content was not checked."
                    );
                }
            );
        }
        return;
    }
    check_extension_shape(at, *plan);
    if (host != nullptr) {
        check_extension_context(at, *plan);
    }
    const bool as_modifier = at.name == "modifierExtension";
    if (as_modifier != plan->profile->modifier_extension) {
        report(
            as_modifier ? rules::extension_modifier_yes : rules::extension_modifier_no,
            at,
            [&] {
                return as_modifier
                           ? join("Extension ", url, " is not a modifier: send it as extension.")
                           : join(
                                 "Extension ", url, " is a modifier: send it as modifierExtension."
                             );
            },
            plan
        );
    }
    rules.add(&plan->root());
}

// Extension.value[x] of the definition says whether a value must be there, and of which types.
void Walker::check_extension_shape(const Element& at, const Plan& plan) {
    const PlanRule* value_rule = nullptr;
    for (const PlanRule* child : plan.root().children) {
        if (types_.symbols().text(child->rule->name) == "value") {
            value_rule = child;
        }
    }
    if (value_rule == nullptr) {
        return;
    }
    const bool simple = value_rule->rule->max > 0;
    const Element* value = value_of(at);
    if (value == nullptr) {
        if (simple) {
            const bool parts = at.child("extension") != nullptr;
            report(
                parts ? rules::extension_simple_wrong : rules::extension_simple_absent,
                at,
                [&] {
                    return join(
                        "Extension ",
                        plan.canonical,
                        " holds a value",
                        parts ? ", not extensions." : ", but there is none."
                    );
                },
                &plan
            );
        }
        return;
    }
    bool fits = false;
    if (simple) {
        for (const TypeLink& type : value_rule->types) {
            fits = fits || type.type == value->type;
        }
    }
    if (!fits) {
        report(
            rules::extension_type,
            at,
            [&] {
                std::string words = join("Extension ", plan.canonical, " allows ");
                if (!simple) {
                    words += "no value, only extensions";
                }
                for (std::size_t i = 0; simple && i < value_rule->types.size() && i < 8; ++i) {
                    words += i == 0 ? "" : ", ";
                    words += value_rule->rule->types[i].code;
                }
                return join(words, ", but ", value->name, " is here.");
            },
            &plan
        );
    }
}

void Walker::check_extension_context(const Element& at, const Plan& plan) {
    const Profile& profile = *plan.profile;
    const Element& host = *at.parent;
    bool fits = profile.contexts.empty();
    for (const Profile::Context& context : profile.contexts) {
        fits = fits || context_fits(host, context);
    }
    if (!fits && profile.url.starts_with("http://hl7.org/fhir/StructureDefinition/") &&
        host.type != unknown_type &&
        is_misplaced_by_r4(profile.url, types_.type(host.type).name, host.name)) {
        return;
    }
    if (!fits) {
        report(
            rules::extension_context,
            host,
            [&] {
                std::string words =
                    join("Extension ", plan.canonical, " may not stand here; it is for ");
                for (std::size_t i = 0; i < profile.contexts.size(); ++i) {
                    words += i == 0 ? "" : ", ";
                    words += profile.contexts[i].expression;
                }
                return words + ".";
            },
            &plan
        );
        return;
    }
    for (const path::Expression& invariant : plan.context_invariants) {
        path::Environment environment;
        environment.types = &types_;
        environment.now = options_.now;
        path::Error error;
        if (path::evaluate_truth(invariant, &host, environment, arena_, error) == path::Truth::no) {
            report(
                rules::extension_context,
                host,
                [&] {
                    return join(
                        "Extension ",
                        plan.canonical,
                        " may stand here only where ",
                        invariant.text(),
                        "."
                    );
                },
                &plan
            );
        }
    }
}

// An element context is a type or a path: "Patient", "Patient.birthDate", "CodeableConcept.coding".
// The host fits if one of the paths that lead to it, from the resource or from any type on the way,
// is that.
bool Walker::context_fits(const Element& host, const Profile::Context& context) {
    const std::string_view wanted = context.expression;
    if (context.type == "extension") {
        // The extension itself, or its value.
        const Element* outer = &host;
        if (outer->type != known_.extension && outer->parent != nullptr) {
            outer = outer->parent;
        }
        return outer->type == known_.extension &&
               without_version(outer->child_value("url")) == wanted;
    }
    if (context.type == "fhirpath") {
        return fhirpath_context_fits(host, wanted);
    }
    if (wanted == "Element" || wanted == "*") {
        return true;
    }
    // R5's names for groups of resources, which newer definitions use.
    if (wanted == "CanonicalResource" || wanted == "MetadataResource") {
        return host.is_resource && types_.child(host.type, types_.symbols().find("url")) &&
               types_.child(host.type, types_.symbols().find("status"));
    }
    // Types of the host and what they derive from.
    for (TypeId type = host.type; type != unknown_type; type = types_.type(type).base) {
        const TypeInfo& info = types_.type(type);
        if (info.name == wanted || info.url == wanted) {
            return true;
        }
    }
    // Paths: compare from the end, name by name, up to an ancestor of the type that the path starts
    // with.
    std::string_view rest = wanted;
    if (rest.starts_with("http://hl7.org/fhir/StructureDefinition/") && has_part(rest, "#")) {
        rest.remove_prefix(rest.find('#') + 1);
    }
    const Element* step = &host;
    while (true) {
        const std::size_t dot = rest.rfind('.');
        if (dot == std::string_view::npos) {
            break;
        }
        std::string_view name = rest.substr(dot + 1);
        if (name.ends_with("[x]")) {
            name.remove_suffix(3);
        }
        if (step == nullptr || step->parent == nullptr || step->is_resource) {
            return false;
        }
        std::string_view actual = step->name;
        if (step->child_rule != 0 && step->parent->type != unknown_type) {
            actual = types_.type(step->parent->type).children[step->child_rule - 1].name;
        }
        if (actual != name && step->name != name) {
            return false;
        }
        step = step->parent;
        rest = rest.substr(0, dot);
    }
    if (step == &host) {
        return false;
    }
    for (TypeId type = step->type; type != unknown_type; type = types_.type(type).base) {
        if (types_.type(type).name == rest) {
            return true;
        }
    }
    return false;
}

bool Walker::fhirpath_context_fits(const Element& host, std::string_view expression) {
    path::Error error;
    const path::Expression compiled = path::compile(expression, types_, error);
    if (!compiled) {
        ++out_.not_checkable;
        return true;
    }
    path::Environment environment;
    environment.types = &types_;
    environment.step_budget = 100'000;
    const Element& resource = enclosing_resource(host);
    const path::Outcome outcome = path::evaluate(compiled, &resource, environment, arena_);
    if (outcome.failed) {
        ++out_.not_checkable;
        return true;
    }
    for (const path::Item& item : outcome.items) {
        if (item.kind == path::ItemKind::element && item.element == &host) {
            return true;
        }
    }
    return false;
}

}  // namespace gatehouse::fhir::judge
