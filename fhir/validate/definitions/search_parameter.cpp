// SPDX-License-Identifier: Apache-2.0
//
// SearchParameter (R4 §6.10): the expression is FHIRPath that finds something on its base types, a
// derived parameter keeps to what it derives from; CapabilityStatement's parameters are of the type
// that their definitions say.
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

void check_expression(const Desk& desk, const Element& parameter) {
    const Element* expression = parameter.child("expression");
    const Element* base = parameter.child("base");
    if (expression == nullptr || base == nullptr) {
        return;
    }
    // For one base type, names are checked against it too; for several, each part of the
    // expression is about another of them.
    path::CompileOptions options;
    options.strict = base->next_same() == nullptr && desk.types().find(base->value) != unknown_type;
    options.context_type = base->value;
    path::Error error;
    const path::Expression compiled =
        path::compile(expression->value, desk.types(), error, options);
    if (!compiled) {
        desk.report(rules::search_expression, *expression, [&] {
            return join(
                "The expression is not FHIRPath on the base type: ",
                located(error, expression->value),
                "."
            );
        });
    }
}

void check_derived(const Desk& desk, const Element& parameter, const Element& master) {
    for (const Element& base : children(parameter, "base")) {
        bool found = false;
        for (const Element& allowed : children(master, "base")) {
            found = found || allowed.value == base.value || allowed.value == "Resource";
        }
        if (!found) {
            desk.report(rules::search_base, parameter, [&] {
                return join(
                    "The parameter derives from ",
                    master.child_value("url"),
                    ", which is not for ",
                    base.value,
                    "."
                );
            });
        }
    }
    const std::string_view type = parameter.child_value("type");
    if (!type.empty() && type != master.child_value("type")) {
        desk.report(rules::search_type, parameter, [&] {
            return join(
                "The parameter derives from ",
                master.child_value("url"),
                ", which is of type ",
                master.child_value("type"),
                ", not ",
                type,
                "."
            );
        });
    }
}

}  // namespace

void check_search_parameter(const Desk& desk, const Element& parameter) {
    check_canonical(desk, parameter);
    check_expression(desk, parameter);
    const std::string_view derived = parameter.child_value("derivedFrom");
    if (!derived.empty()) {
        if (const Element* master = desk.definition("SearchParameter", derived)) {
            check_derived(desk, parameter, *master);
        } else {
            desk.report(rules::search_master, parameter, [&] {
                return join(
                    "The search parameter ", derived, " that this derives from is not loaded."
                );
            });
        }
    }
    if (parameter.child_value("type") == "composite" &&
        children(parameter, "component").size() < 2) {
        desk.report(rules::search_components, parameter, [] {
            return std::string("A composite parameter has at least two components.");
        });
    }
}

void check_capabilities(const Desk& desk, const Element& statement) {
    check_canonical(desk, statement);
    for (const Element& rest : children(statement, "rest")) {
        for (const Element& resource : children(rest, "resource")) {
            for (const Element& parameter : children(resource, "searchParam")) {
                const std::string_view url = parameter.child_value("definition");
                const Element* definition =
                    url.empty() ? nullptr : desk.definition("SearchParameter", url);
                if (definition != nullptr &&
                    definition->child_value("type") != parameter.child_value("type")) {
                    desk.report(rules::capability_search_type, parameter, [&] {
                        return join(
                            "The parameter ",
                            url,
                            " is of type ",
                            definition->child_value("type"),
                            ", not ",
                            parameter.child_value("type"),
                            "."
                        );
                    });
                }
            }
        }
    }
}

}  // namespace gatehouse::fhir::judge::definitions
