// SPDX-License-Identifier: Apache-2.0
//
// Bindings (FHIR R4 §4.1.5): is the code, or one of the codings, in the bound value set; and does
// every coding that stands under a binding exist in its own system with that display. A "no" is an
// error for required bindings, a warning for extensible ones. What cannot be decided here is
// counted.

#include "fhir/terminology/ecl/sctid.hpp"
#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {
namespace {

std::string set_name(const Terminology& terminology, const ValueSetIndex& set) {
    return join("'", terminology.name_of(set), "' (", terminology.canonical_of(set), ")");
}

constexpr std::string_view snomed_system = "http://snomed.info/sct";

// Without the content: an identifier with its check digit that does not name a description or a
// relationship, or an expression, whose concepts only content can judge.
bool may_be_snomed(std::string_view code) noexcept {
    if (code.find_first_of(":+=|{( ") != std::string_view::npos) {
        return true;
    }
    const auto id = snomed::parse_sctid(code);
    if (!id) {
        return false;
    }
    const snomed::Partition kind = snomed::partition_of(*id);
    return kind != snomed::Partition::description_id && kind != snomed::Partition::relationship_id;
}

}  // namespace

Coding Walker::coding_of(const Element& at) const noexcept {
    Coding coding;
    for (const Element& child : at.children()) {
        if (child.symbol == known_.system_symbol) {
            coding.system = child.value;
        } else if (child.symbol == known_.code_symbol) {
            coding.code = child.value;
        } else if (child.symbol == known_.display_symbol) {
            coding.display = child.value;
        } else if (child.symbol == known_.version_symbol) {
            coding.version = child.value;
        }
    }
    return coding;
}

Verdict Walker::member_of(const Element& at, const ValueSetIndex& set) const {
    if (at.has_value()) {
        undecided_system_ = {};
        return terminology_.contains(set, {}, at.value);
    }
    if (at.type == known_.codeable_concept) {
        Verdict best = Verdict::no;
        for (const Element* coding = at.child(known_.coding_symbol); coding != nullptr;
             coding = coding->next_same()) {
            const Verdict one = member_of(*coding, set);
            if (one == Verdict::yes) {
                return one;
            }
            if (one == Verdict::not_checkable) {
                best = one;
            }
        }
        return best;
    }
    const Coding coding = coding_of(at);
    if (coding.code.empty()) {
        return Verdict::no;
    }
    // A code without a system has no meaning outside a `code` element.
    if (coding.system.empty()) {
        return Verdict::no;
    }
    const Verdict verdict = terminology_.contains(set, coding.system, coding.code);
    if (verdict == Verdict::not_checkable) {
        undecided_system_ = coding.system;
    }
    return verdict;
}

void Walker::check_binding(const Element& at, const PlanRule& rule) {
    if (rule.value_set_missing && rule.strength != BindingStrength::example && quiet_ == 0) {
        ++out_.not_checkable;
        report(
            rules::value_set_unknown,
            at,
            [&] {
                return join(
                    "Value set ",
                    rule.rule->value_set,
                    " is not loaded, so the code was not checked "
                    "against it (profile ",
                    rule.plan->canonical,
                    ")."
                );
            },
            rule.plan
        );
    }
    if (at.type == known_.codeable_concept) {
        check_concept(at, rule);
    } else if (at.type == known_.coding) {
        check_coding(at, rule);
    } else if (at.type == known_.quantity || (at.first_child != nullptr && !at.has_value() &&
                                              types_.is_a(at.type, known_.quantity))) {
        check_quantity_code(at, rule);
    } else if (known_.primitive(at.type) != PrimitiveKind::none) {
        check_code(at, rule);
    }
}

// One value set of a binding: a "no" is reported as `info`. `subject` begins the words ("The code
// 'x' is not"), `wanted` is what is asked for ("one of its codes"), `binder` who asks.
template <class Subject>
void Walker::judge_set(
    const Element& at,
    const ValueSetIndex& set,
    const PlanRule& rule,
    const SetQuestion& question,
    const Subject& subject
) {
    switch (member_of(at, set)) {
    case Verdict::yes: return;
    case Verdict::not_checkable:
        ++out_.not_checkable;
        note_unchecked(set, undecided_system_);
        return;
    case Verdict::no: break;
    }
    report_as(
        *question.info,
        question.severity,
        at,
        [&] {
            return join(
                subject(),
                " in value set ",
                set_name(terminology_, set),
                ", and ",
                question.binder,
                rule.plan->canonical,
                question.must ? " requires " : " asks for ",
                question.wanted,
                question.must ? "." : " where one fits."
            );
        },
        rule.plan
    );
}

// The bound value set by its strength, and the maximal one.
template <class Subject>
void Walker::judge_sets(
    const Element& at,
    const PlanRule& rule,
    const RuleInfo& required,
    const RuleInfo& extensible,
    std::string_view wanted,
    bool with_max,
    const Subject& subject
) {
    if (rule.value_set != nullptr && rule.strength == BindingStrength::required) {
        judge_set(at, *rule.value_set, rule, SetQuestion::of(required, true, wanted), subject);
    } else if (rule.value_set != nullptr && rule.strength == BindingStrength::extensible) {
        judge_set(at, *rule.value_set, rule, SetQuestion::of(extensible, false, wanted), subject);
    }
    if (rule.max_value_set != nullptr && with_max) {
        judge_set(
            at,
            *rule.max_value_set,
            rule,
            SetQuestion::of(rules::binding_max, true, wanted),
            subject
        );
    }
}

void Walker::check_more_bindings(const Element& at, const PlanRule& rule) {
    for (const PlanRule::MoreSets& more : rule.more_sets) {
        SetQuestion question = SetQuestion::of(rules::binding_additional, more.must, "one");
        question.severity = more.must ? Severity::error : Severity::warning;
        question.binder = "an additional binding of profile ";
        judge_set(at, *more.set, rule, question, [] { return std::string("No code here is"); });
    }
}

void Walker::check_code(const Element& at, const PlanRule& rule) {
    const BindingStrength strength = rule.strength;
    if (!at.has_value() || at.value.empty()) {
        if (strength == BindingStrength::required) {
            report(
                rules::binding_required_empty,
                at,
                [&] {
                    return join(
                        "There is no code here, and profile ",
                        rule.plan->canonical,
                        " requires one of ",
                        rule.rule->value_set,
                        "."
                    );
                },
                rule.plan
            );
        }
        return;
    }
    judge_sets(
        at,
        rule,
        rules::binding_required,
        rules::binding_extensible_code,
        "one of its codes",
        true,
        [&] { return join("The code", shown(at.value), " is not"); }
    );
}

void Walker::check_coding(const Element& at, const PlanRule& rule) {
    judge_sets(
        at,
        rule,
        rules::binding_required_coding,
        rules::binding_extensible,
        "one of its codes",
        true,
        [&] {
            const Coding coding = coding_of(at);
            return join("The coding", shown(join(coding.system, "#", coding.code)), " is not");
        }
    );
}

void Walker::check_concept(const Element& at, const PlanRule& rule) {
    const BindingStrength strength = rule.strength;
    std::size_t codings = 0;
    bool any_code = false;
    for (const Element* coding = at.child(known_.coding_symbol); coding != nullptr;
         coding = coding->next_same()) {
        ++codings;
        any_code = any_code || !coding->child_value("code").empty();
    }
    const bool required = strength == BindingStrength::required;
    if (codings == 0) {
        if ((required || strength == BindingStrength::extensible) &&
            (rule.value_set != nullptr || rule.value_set_missing)) {
            report(
                required ? rules::binding_required_missing : rules::binding_extensible_missing,
                at,
                [&] {
                    return join(
                        "There is no coding here, and profile ",
                        rule.plan->canonical,
                        required ? " requires" : " asks for",
                        " one of value set ",
                        rule.rule->value_set,
                        "."
                    );
                },
                rule.plan
            );
        }
        return;
    }
    judge_sets(
        at,
        rule,
        rules::binding_required_concept,
        rules::binding_extensible,
        "one",
        any_code,
        [] { return std::string("None of the codings is"); }
    );
}

void Walker::check_quantity_code(const Element& at, const PlanRule& rule) {
    const Element* code = at.child(known_.code_symbol);
    if (code == nullptr || !code->has_value()) {
        return;
    }
    judge_sets(
        at,
        rule,
        rules::binding_required_coding,
        rules::binding_extensible,
        "one of its codes",
        false,
        [&] { return join("The unit", shown(code->value), " is not"); }
    );
}

// A system that is nearly one of the great ones: https for http, a slash or a version behind it.
// Inside a concept a wrong system is one translation among others.
void Walker::check_misspelt_system(const Element& at, std::string_view system) {
    static constexpr std::string_view great[] = {
        "http://snomed.info/sct",
        "http://loinc.org",
        "http://unitsofmeasure.org",
        "http://www.nlm.nih.gov/research/umls/rxnorm"};
    if (at.parent != nullptr && at.parent->type == known_.codeable_concept) {
        return;
    }
    for (const std::string_view one : great) {
        if (system.size() > one.size() && system.starts_with(one)) {
            report(rules::coding_system_misspelt, at, [&] {
                return join("The system", shown(system), " is not a code system; is it ", one, "?");
            });
            return;
        }
    }
    constexpr std::string_view https = "https:";
    if (!system.starts_with(https)) {
        return;
    }
    const std::string_view rest = system.substr(https.size());
    const bool known = std::any_of(std::begin(great), std::end(great), [&](std::string_view one) {
        return one.substr(5) == rest;
    });
    if (known) {
        report(rules::coding_system_https, at, [&] {
            return join("The system", shown(system), " begins with http:, not https:.");
        });
    }
}

// Is the code one of its system's, and is that its display? Asked of every Coding and Quantity,
// bound or not.
void Walker::check_coding_in_system(const Element& at) {
    const Coding coding = coding_of(at);
    const bool is_coding = at.type == known_.coding;
    const std::string_view display = is_coding ? coding.display : std::string_view{};
    if (coding.system.empty()) {
        if (is_coding && !coding.code.empty()) {
            report(rules::coding_no_system, at, [] {
                return std::string("A code without a system has no defined meaning. Add the system."
                );
            });
        }
        return;
    }
    const bool in_concept = at.parent != nullptr && at.parent->type == known_.codeable_concept;
    const bool blank = coding.system.find_first_not_of(" \t\r\n") == std::string_view::npos;
    if (!has_scheme(coding.system) && !(blank && in_concept)) {
        // Inside a concept it is one translation among others, and the text may stand without it.
        const auto words = [&] {
            return join("The system", shown(coding.system), " is not an absolute URI.");
        };
        if (in_concept) {
            report(rules::concept_system_relative, at, words);
        } else {
            report(rules::coding_system_relative, at, words);
        }
        return;
    }
    if (coding.code.empty()) {
        return;
    }
    const Terminology::CodeFacts facts =
        terminology_.facts({coding.system, coding.version, coding.code, display});
    const Element* code = at.child(known_.code_symbol);
    if (facts.supplement) {
        report(rules::coding_system_supplement, *at.child(known_.system_symbol), [&] {
            return join(
                "The code system ",
                coding.system,
                " is a supplement: it adds words to the codes of another. Name that one."
            );
        });
        return;
    }
    if (facts.known == Verdict::not_checkable) {
        ++out_.not_checkable;
        note_unchecked(coding.system);
        if (coding.system == snomed_system && !may_be_snomed(coding.code)) {
            report(rules::snomed_code, *code, [&] {
                return join(
                    "The code",
                    shown(coding.code),
                    " cannot be of SNOMED CT: it is no identifier of a concept (6 to 18 digits, "
                    "the "
                    "last a check digit) and no expression of several."
                );
            });
        }
        check_misspelt_system(at, coding.system);
        if (facts.system == SystemKnowledge::unknown &&
            terminology_.is_value_set_url(coding.system)) {
            report(rules::coding_system_value_set, at, [&] {
                return join(
                    "The system ",
                    coding.system,
                    " names a value set. Name the code system instead."
                );
            });
        }
        return;
    }
    if (facts.known == Verdict::no) {
        if (facts.system == SystemKnowledge::complete) {
            report(rules::code_unknown, *code, [&] {
                return join("Code system ", coding.system, " has no code", shown(coding.code), ".");
            });
        } else {
            report(rules::code_syntax, *code, [&] {
                return join(
                    "The code", shown(coding.code), " is not well-formed for ", coding.system, "."
                );
            });
        }
        return;
    }
    if (facts.display == DisplayMatch::same) {
        return;
    }
    const Element* place = at.child("display");
    const bool spaces = facts.display == DisplayMatch::whitespace;
    report_as(
        spaces ? rules::display_whitespace : rules::display_wrong,
        options_.display_issues,
        place == nullptr ? at : *place,
        [&] {
            std::string words = join(
                spaces ? "The white space of the display" : "The display",
                shown(display),
                " is not that of ",
                coding.system,
                "#",
                coding.code,
                ". Valid: "
            );
            bool first = true;
            for (const std::string_view name : terminology_.displays(coding.system, coding.code)) {
                words += join(first ? "'" : ", '", name, "'");
                first = false;
            }
            return words + ".";
        }
    );
}

}  // namespace gatehouse::fhir::judge
