// SPDX-License-Identifier: Apache-2.0
//
// Types (FHIRPath N1 §6.3) and FHIR's own functions (FHIR R4 fhirpath.html §2.9.0.4).
#include "fhir/path/functions.hpp"
#include "fhir/path/html.hpp"
#include "fhir/path/references.hpp"
#include "fhir/path/values.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

bool not_here(Evaluator& run, const Node& node, std::string_view needs) {
    std::string message(node.text);
    message += "() needs ";
    message += needs;
    message += ", which this evaluation was not given";
    return run.fail(node.offset, std::move(message));
}

// The type that a canonical of the core definitions names, unknown_type if none.
TypeId type_by_url(const TypeModel& types, std::string_view url) {
    url = url.substr(0, url.find('|'));
    constexpr std::string_view base = "http://hl7.org/fhir/StructureDefinition/";
    if (url.starts_with(base)) {
        const TypeId type = types.find(url.substr(base.size()));
        if (type != unknown_type && types.type(type).url == url) {
            return type;
        }
    }
    return unknown_type;
}

}  // namespace

bool is(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item found;
    int total = 0;
    auto take_one = [&](const Item& item) {
        if (++total > 1) {
            return run.fail(node.offset, "is() works on a single item, found several");
        }
        found = item;
        return true;
    };
    run.input(node, frame, take_one);
    if (run.failed() || total == 0) {
        return !run.failed();
    }
    return run.emit(sink, run.is_type(found, run.program.type_names[node.extra]));
}

bool as(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    const TypeName& type = run.program.type_names[node.extra];
    if (run.program.as_filters) {
        return of_type(run, node, frame, sink);
    }
    Item found;
    int total = 0;
    auto take_one = [&](const Item& item) {
        if (++total > 1) {
            return run.fail(
                node.offset, "as() works on a single item, found several; use ofType() to filter"
            );
        }
        found = item;
        return true;
    };
    run.input(node, frame, take_one);
    return !run.failed() && (total == 0 || !run.is_kept_by(found, type) || sink(found));
}

bool type(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    auto describe = [&](const Item& item) {
        Item info;
        info.kind = ItemKind::type_info;
        info.unit = item.kind == ItemKind::element ? "FHIR" : "System";
        info.text = type_name(item, run.types);
        if (item.kind != ItemKind::element && item.kind != ItemKind::quantity) {
            // type_name speaks FHIR ("dateTime"); the System type has its own capital.
            constexpr std::string_view names[] = {
                "",
                "Boolean",
                "String",
                "Integer",
                "Decimal",
                "Date",
                "DateTime",
                "Time",
                "Quantity",
                "TypeInfo",
            };
            info.text = names[static_cast<std::size_t>(item.kind)];
        }
        return sink(info);
    };
    return run.input(node, frame, describe);
}

bool extension(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view url;
    const int given = run.text_argument(node, frame, 0, url);
    if (given != 1) {
        return given == 0;
    }
    auto pick = [&](const Item& item) {
        if (item.kind != ItemKind::element) {
            return true;
        }
        for (const Element& child : item.element->children()) {
            if (!run.pay()) {
                return false;
            }
            if (child.name == "extension" && child.child_value("url") == url &&
                !sink(item_of(child))) {
                return false;
            }
        }
        return true;
    };
    return run.input(node, frame, pick);
}

// Not in the specification, but in R4's own search parameter QuestionnaireResponse.item-subject.
bool has_extension(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    bool any = false;
    auto stop = [&](const Item&) {
        any = true;
        return false;
    };
    extension(run, node, frame, stop);
    return !run.failed() && run.emit(sink, any);
}

bool get_value(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Item found;
    int total = 0;
    auto take_one = [&](const Item& item) {
        found = item;
        return ++total < 2;
    };
    run.input(node, frame, take_one);
    Item value;
    if (run.failed() || total != 1 || !to_value(run, found, value) ||
        value.kind == ItemKind::element ||
        (found.kind == ItemKind::element && !found.element->has_value())) {
        return !run.failed();
    }
    return sink(value);
}

bool resolve(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    auto follow = [&](const Item& item) {
        std::string_view reference;
        const Element* from = item.element != nullptr ? item.element
                              : run.focus != nullptr  ? run.focus->element
                                                      : nullptr;
        if (item.kind == ItemKind::element) {
            reference = item.element->has_value() ? item.element->value
                                                  : item.element->child_value("reference");
        } else if (item.kind == ItemKind::string) {
            reference = item.text;
        }
        if (reference.empty() || from == nullptr) {
            return true;
        }
        const Element* target = resolve_reference(run, reference, *from);
        return run.failed() ? false : (target == nullptr || sink(item_of(*target)));
    };
    return run.input(node, frame, follow);
}

bool member_of(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view value_set;
    const int given = run.text_argument(node, frame, 0, value_set);
    Item found;
    int total = 0;
    auto take_one = [&](const Item& item) {
        found = item;
        return ++total < 2;
    };
    if (given != 1) {
        return given == 0;
    }
    run.input(node, frame, take_one);
    if (run.failed() || total != 1) {
        return !run.failed();
    }
    if (run.environment.member_of == nullptr) {
        return not_here(run, node, "a terminology service");
    }
    const int verdict = run.environment.member_of(run.environment.user, found, value_set);
    return verdict < 0 || run.emit(sink, verdict == 1);
}

bool conforms_to(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    std::string_view profile;
    const int given = run.text_argument(node, frame, 0, profile);
    Item found;
    const int count = given < 0 ? -1 : [&] {
        int total = 0;
        auto take_one = [&](const Item& item) {
            if (++total > 1) {
                return run.fail(node.offset, "conformsTo() works on a single item, found several");
            }
            found = item;
            return true;
        };
        run.input(node, frame, take_one);
        return run.failed() ? -1 : total;
    }();
    if (count != 1 || given != 1) {
        return count >= 0 && given >= 0;
    }
    if (found.kind != ItemKind::element) {
        return run.emit(sink, false);
    }
    if (run.environment.conforms_to != nullptr) {
        const int verdict =
            run.environment.conforms_to(run.environment.user, *found.element, profile);
        if (verdict >= 0) {
            return run.emit(sink, verdict == 1);
        }
    } else if (const TypeId wanted = type_by_url(run.types, profile); wanted != unknown_type) {
        return run.emit(sink, run.types.is_a(found.type, wanted));
    }
    return run.fail(node.offset, "conformsTo() names a profile that is not loaded");
}

bool html_checks(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    bool good = true;
    auto check = [&](const Item& item) {
        Item value;
        if (to_value(run, item, value) && value.kind == ItemKind::string) {
            good = good && run.pay(value.text.size() / 16 + 1) && is_narrative(value.text);
        }
        return !run.failed();
    };
    run.input(node, frame, check);
    return !run.failed() && run.emit(sink, good);
}

// R4: fails the evaluation if a modifier extension other than the named ones is there.
bool check_modifiers(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    Items known(run.arena);
    for (std::size_t i = 0; i < node.argument_count; ++i) {
        Item url;
        if (run.argument(node, frame, i, url) < 0) {
            return false;
        }
        known.push(url);
    }
    auto pass = [&](const Item& item) {
        if (item.kind == ItemKind::element) {
            for (const Element& child : item.element->children()) {
                if (child.name != "modifierExtension") {
                    continue;
                }
                bool understood = false;
                for (const Item& url : known) {
                    understood = understood || url.text == child.child_value("url");
                }
                if (!understood) {
                    return run.fail(
                        node.offset, "checkModifiers() found a modifier extension that is not named"
                    );
                }
            }
        }
        return sink(item);
    };
    return run.input(node, frame, pass);
}

bool element_definition(Evaluator& run, const Node& node, const Frame&, Sink) {
    return not_here(run, node, "profile definitions");
}
bool slice(Evaluator& run, const Node& node, const Frame&, Sink) {
    return not_here(run, node, "profile definitions");
}
bool subsumes(Evaluator& run, const Node& node, const Frame&, Sink) {
    return not_here(run, node, "a terminology service");
}
bool subsumed_by(Evaluator& run, const Node& node, const Frame&, Sink) {
    return not_here(run, node, "a terminology service");
}

}  // namespace gatehouse::fhir::path::functions
