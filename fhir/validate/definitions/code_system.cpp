// SPDX-License-Identifier: Apache-2.0
//
// CodeSystem (R4 §4.8): codes are unique, content and count say what is there, a supplement names
// the system that it supplements and adds no codes, the value set of all codes is that.
#include <string>
#include <unordered_set>

#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

std::size_t count_concepts(const Desk& desk, const Element& parent) {
    std::size_t count = 0;
    for (const Element& code : children(parent, "concept")) {
        if (!desk.spend()) {
            return count;
        }
        count += 1 + count_concepts(desk, code);
    }
    return count;
}

void check_unique(
    const Desk& desk, const Element& parent, std::unordered_set<std::string_view>& seen
) {
    for (const Element& code : children(parent, "concept")) {
        if (!desk.spend()) {
            return;
        }
        const std::string_view value = code.child_value("code");
        if (!value.empty() && !seen.insert(value).second) {
            desk.report(rules::concept_duplicate, code, [&] {
                return join("The code", desk.shown(value), " is defined twice.");
            });
        }
        check_unique(desk, code, seen);
    }
}

void check_content(const Desk& desk, const Element& code_system, bool supplement) {
    const Element* content = code_system.child("content");
    if (content == nullptr) {
        return;
    }
    if (supplement && content->value != "supplement") {
        desk.report(rules::supplement_content, *content, [] {
            return std::string(
                "A code system that supplements another has the content 'supplement'."
            );
        });
    } else if (!supplement && content->value == "supplement") {
        desk.report(rules::supplement_unnamed, *content, [] {
            return std::string(
                "A supplement must say which code system it supplements (element supplements)."
            );
        });
    }
    if (const Element* cased = code_system.child("caseSensitive"); supplement && cased != nullptr) {
        desk.report(rules::supplement_case, *cased, [] {
            return std::string("Whether codes are case-sensitive is for the supplemented system to "
                               "say. Leave it out.");
        });
    }
    if (const Element* first = code_system.child("concept");
        content->value == "not-present" && first != nullptr) {
        desk.report(rules::concept_not_present, *first, [] {
            return std::string("The content is 'not-present', and here are concepts.");
        });
    }
}

void check_count(const Desk& desk, const Element& code_system) {
    const Element* stated = code_system.child("count");
    const std::string_view content = code_system.child_value("content");
    if (stated == nullptr || !stated->has_value() ||
        (content != "complete" && content != "fragment" && content != "example")) {
        return;
    }
    const std::string counted = std::to_string(count_concepts(desk, code_system));
    const bool wrong =
        content == "complete"
            ? counted != stated->value
            : std::stoull("0" + counted) > 0 && counted.size() >= stated->value.size() &&
                  (counted.size() > stated->value.size() || counted >= stated->value);
    if (wrong) {
        desk.report_as(
            rules::concept_count,
            content == "complete" ? Severity::error : Severity::warning,
            *stated,
            [&] {
                return join(
                    "The count is ", stated->value, ", and here are ", counted, " concepts."
                );
            }
        );
    }
}

void check_supplement(const Desk& desk, const Element& code_system, std::string_view base) {
    const Element* supplemented = desk.definition("CodeSystem", base);
    const std::string_view meaning = code_system.child_value("hierarchyMeaning");
    if (supplemented != nullptr && !meaning.empty() &&
        supplemented->child("hierarchyMeaning") != nullptr &&
        supplemented->child_value("hierarchyMeaning") != meaning) {
        desk.report(rules::supplement_hierarchy, code_system, [&] {
            return join(
                "The hierarchy of ",
                base,
                " means ",
                supplemented->child_value("hierarchyMeaning"),
                ", not ",
                meaning,
                "."
            );
        });
    }
    for (const Element& code : children(code_system, "concept")) {
        const Terminology::CodeFacts facts =
            desk.terminology().facts({without_version(base), {}, code.child_value("code"), {}});
        if (facts.known == Verdict::no) {
            desk.report(rules::supplement_code, code, [&] {
                return join(
                    "A supplement adds words to codes, no codes: ",
                    base,
                    " has no code",
                    desk.shown(code.child_value("code")),
                    "."
                );
            });
        } else if (facts.known == Verdict::not_checkable) {
            desk.leave_undecided();
            return;
        }
    }
}

// CodeSystem.valueSet is the value set of all its codes, and of nothing else.
void check_whole_set(const Desk& desk, const Element& code_system) {
    const std::string_view canonical = code_system.child_value("valueSet");
    const Element* set = canonical.empty() ? nullptr : desk.definition("ValueSet", canonical);
    if (set == nullptr) {
        return;
    }
    const Element* compose = set->child("compose");
    const Element* include = compose == nullptr ? nullptr : compose->child("include");
    const bool one = include != nullptr && include->next_same() == nullptr;
    const bool same = one && include->child_value("system") == code_system.child_value("url");
    const bool whole = same && include->child("concept") == nullptr &&
                       include->child("filter") == nullptr && include->child("valueSet") == nullptr;
    if (!whole) {
        desk.report(rules::code_system_set, code_system, [&] {
            return join(
                "The value set ",
                canonical,
                " must include every code of this code system and nothing else."
            );
        });
    }
}

}  // namespace

void check_code_system(const Desk& desk, const Element& code_system) {
    check_canonical(desk, code_system);
    const std::string_view base = code_system.child_value("supplements");
    check_content(desk, code_system, !base.empty());
    check_count(desk, code_system);
    check_whole_set(desk, code_system);
    if (!base.empty()) {
        check_supplement(desk, code_system, base);
    }
    std::unordered_set<std::string_view> seen;
    check_unique(desk, code_system, seen);
    check_properties(desk, code_system);
}

}  // namespace gatehouse::fhir::judge::definitions
