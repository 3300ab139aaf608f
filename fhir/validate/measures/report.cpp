// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "fhir/path/decimal.hpp"
#include "fhir/validate/measures/measures.hpp"

namespace gatehouse::fhir::judge::measures {
namespace {

constexpr std::string_view unit_extension =
    "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";
constexpr std::string_view populations = "http://terminology.hl7.org/CodeSystem/measure-population";

bool has_coding(const Element& code, std::string_view system, std::string_view value) {
    for (const Element& coding : children(code, "coding")) {
        if (coding.child_value("system") == system && coding.child_value("code") == value) {
            return true;
        }
    }
    return false;
}

// One coding in common, or the same text where neither has codings.
bool same_code(const Element& a, const Element& b) {
    for (const Element& coding : children(a, "coding")) {
        if (has_coding(b, coding.child_value("system"), coding.child_value("code"))) {
            return true;
        }
    }
    return a.child("coding") == nullptr && b.child("coding") == nullptr &&
           !a.child_value("text").empty() && a.child_value("text") == b.child_value("text");
}

std::string shown_code(const Element& code) {
    const Element* coding = code.child("coding");
    return coding == nullptr
               ? std::string(code.child_value("text"))
               : join(coding->child_value("system"), "#", coding->child_value("code"));
}

class ReportCheck {
public:
    ReportCheck(const Desk& desk, const Element& report, const Element& measure)
        : desk_(desk), report_(report), measure_(measure), type_(report.child_value("type")) {
        if (const Element* scoring = measure.child("scoring")) {
            if (const Element* coding = scoring->child("coding")) {
                scoring_ = coding->child_value("code");
            }
        }
    }
    void check();

private:
    struct Names {
        const char* what;
        const RuleInfo& no_code;
        const RuleInfo& unknown;
        const RuleInfo& twice;
        const RuleInfo& missing;
    };
    // Pairs the parts named `name` of a report's part with those of the measure by their codes;
    // calls `use` for each pair.
    template <class Use>
    void pair(
        const Element& given,
        const Element& wanted,
        std::string_view name,
        const Names& names,
        Use use
    );
    void group(const Element& given, const Element& wanted);
    void population(const Element& given);
    void score(const Element& given);
    void score_unit(const Element& score);

    const Desk& desk_;
    const Element& report_;
    const Element& measure_;
    std::string_view type_;
    std::string_view scoring_;
};

template <class Use>
void ReportCheck::pair(
    const Element& given, const Element& wanted, std::string_view name, const Names& names, Use use
) {
    std::vector<const Element*> met;
    for (const Element& part : children(given, name)) {
        if (!desk_.spend()) {
            return;
        }
        const Element* code = part.child("code");
        if (code == nullptr) {
            desk_.report(names.no_code, part, [&] {
                return join(
                    "This ",
                    names.what,
                    " has no code, so it is not known which one of the measure it reports."
                );
            });
            continue;
        }
        const Element* found = nullptr;
        for (const Element& candidate : children(wanted, name)) {
            const Element* other = desk_.spend() ? candidate.child("code") : nullptr;
            if (other != nullptr && same_code(*code, *other)) {
                found = &candidate;
                break;
            }
        }
        if (found == nullptr) {
            desk_.report(names.unknown, part, [&] {
                return join(
                    "The measure has no ", names.what, " with the code ", shown_code(*code), "."
                );
            });
            continue;
        }
        if (std::find(met.begin(), met.end(), found) != met.end()) {
            desk_.report(names.twice, part, [&] {
                return join("Another ", names.what, " reports the same one of the measure.");
            });
            continue;
        }
        met.push_back(found);
        use(part, *found);
    }
    for (const Element& candidate : children(wanted, name)) {
        const Element* code = candidate.child("code");
        if (code == nullptr || std::find(met.begin(), met.end(), &candidate) != met.end() ||
            (name == "population" && has_coding(*code, populations, "measure-observation")) ||
            (name == "group" && type_ == "data-collection")) {
            continue;
        }
        desk_.report(names.missing, given, [&] {
            return join(
                "The measure has a ",
                names.what,
                " with the code ",
                shown_code(*code),
                ", which is not reported."
            );
        });
    }
}

void ReportCheck::check() {
    if (measure_.child("group") == nullptr) {
        return;
    }
    const NamedChildren given = children(report_, "group");
    const NamedChildren wanted = children(measure_, "group");
    if (given.size() == 1 && wanted.size() == 1) {
        // The only group may stand without a code; two codes must agree.
        const Element& one = *given.begin();
        const Element& other = *wanted.begin();
        const Element* code = one.child("code");
        const Element* other_code = other.child("code");
        if (code != nullptr && other_code != nullptr && !same_code(*code, *other_code)) {
            desk_.report(rules::report_group_code, one, [&] {
                return join(
                    "The measure's group has the code ",
                    shown_code(*other_code),
                    ", not ",
                    shown_code(*code),
                    "."
                );
            });
        }
        group(one, other);
        return;
    }
    const Names names{
        "group",
        rules::report_no_code,
        rules::report_unknown,
        rules::report_twice,
        rules::report_missing};
    pair(report_, measure_, "group", names, [&](const Element& part, const Element& found) {
        group(part, found);
    });
}

void ReportCheck::group(const Element& given, const Element& wanted) {
    const Names population_names{
        "population",
        rules::report_no_code,
        rules::report_unknown,
        rules::report_twice,
        rules::report_missing};
    pair(given, wanted, "population", population_names, [&](const Element& part, const Element&) {
        population(part);
    });
    score(given);
    const Names stratifier_names{
        "stratifier",
        rules::report_no_code,
        rules::report_unknown,
        rules::report_twice,
        rules::report_missing};
    pair(given, wanted, "stratifier", stratifier_names, [](const Element&, const Element&) {});
}

void ReportCheck::population(const Element& given) {
    const NamedChildren lists = children(given, "subjectResults");
    const Element* count = given.child("count");
    if (type_ != "subject-list") {
        if (!lists.empty()) {
            desk_.report(rules::report_subjects, given, [&] {
                return join(
                    "Only a report of type 'subject-list' lists subjects; this one is of type '",
                    type_,
                    "'."
                );
            });
        }
        if (count == nullptr) {
            desk_.report(rules::report_no_count, given, [] {
                return std::string("A population without subjects needs a count.");
            });
        }
        return;
    }
    if (count == nullptr) {
        return;
    }
    std::size_t subjects = 0;
    for (const Element& list : lists) {
        const std::string_view reference = list.child_value("reference");
        const Element* target = desk_.resolve(list, reference);
        const std::string_view type =
            target != nullptr ? target->resource_type() : reference.substr(0, reference.find('/'));
        if (type == "Patient" || type == "Practitioner" || type == "Person" ||
            type == "PractitionerRole" || type == "RelatedPerson") {
            ++subjects;
        } else if (target != nullptr && type == "List") {
            subjects += children(*target, "entry").size();
        } else {
            desk_.leave_undecided();
            return;  // the list is elsewhere
        }
    }
    if (std::to_string(subjects) != count->value) {
        desk_.report(rules::report_count, given, [&] {
            return join(
                "The count is ",
                count->value,
                ", and the lists hold ",
                std::to_string(subjects),
                " subjects."
            );
        });
    }
}

void ReportCheck::score(const Element& given) {
    const Element* score = given.child("measureScore");
    const bool scored =
        scoring_ == "proportion" || scoring_ == "ratio" || scoring_ == "continuous-variable";
    if (type_ == "data-collection" || scoring_ == "cohort") {
        if (score != nullptr) {
            desk_.report(rules::report_score_prohibited, *score, [&] {
                return type_ == "data-collection"
                           ? std::string("A report that collects data has no score.")
                           : std::string("A measure of scoring 'cohort' has no score.");
            });
        }
        return;
    }
    if (!scored) {
        return;
    }
    if (score == nullptr) {
        desk_.report(rules::report_score_required, given, [&] {
            return join("A measure of scoring '", scoring_, "' needs a score.");
        });
        return;
    }
    const Element* value = score->child("value");
    if (value == nullptr && score->child("extension") == nullptr) {
        desk_.report(rules::report_score_value, *score, [&] {
            return join("The score of a measure of scoring '", scoring_, "' needs a value.");
        });
        return;
    }
    if (scoring_ != "proportion") {
        score_unit(*score);
        return;
    }
    for (const std::string_view part : {"unit", "system", "code"}) {
        if (const Element* unit = score->child(part)) {
            desk_.report(rules::report_score_unit, *unit, [] {
                return std::string("A proportion has no unit.");
            });
        }
    }
    if (value != nullptr && (path::compare_digits(value->value, "0") == -1 ||
                             path::compare_digits(value->value, "1") == 1)) {
        desk_.report(rules::report_score_range, *value, [] {
            return std::string("A proportion lies between 0 and 1.");
        });
    }
}

void ReportCheck::score_unit(const Element& score) {
    const Element* fixed = extension_value(measure_, unit_extension);
    if (fixed == nullptr) {
        return;
    }
    const bool same = score.child_value("code") == fixed->child_value("code") &&
                      score.child_value("system") == fixed->child_value("system");
    if (!same) {
        const Element* code = score.child("code");
        desk_.report(rules::report_score_fixed, code == nullptr ? score : *code, [&] {
            return join(
                "The measure fixes the unit of its score: ",
                fixed->child_value("system"),
                "#",
                fixed->child_value("code"),
                "."
            );
        });
    }
}

}  // namespace

void check_report(const Desk& desk, const Element& report) {
    const std::string_view canonical = report.child_value("measure");
    if (canonical.empty()) {
        desk.report(rules::report_no_measure, report, [] {
            return std::string("The report names no measure, so it was not checked against one.");
        });
        return;
    }
    const Element* measure = canonical.starts_with('#') ? desk.contained_resource(report, canonical)
                                                        : desk.definition("Measure", canonical);
    if (measure == nullptr || measure->resource_type() != "Measure") {
        desk.leave_undecided();
        desk.report(rules::report_measure_unknown, report, [&] {
            return join(
                "The measure ",
                canonical,
                " is not loaded, so the report was not checked against it. Load it, or send it "
                "contained."
            );
        });
        return;
    }
    ReportCheck(desk, report, *measure).check();
}

}  // namespace gatehouse::fhir::judge::measures
