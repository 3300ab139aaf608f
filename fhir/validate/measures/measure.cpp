// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/definitions/definitions.hpp"
#include "fhir/validate/measures/measures.hpp"

namespace gatehouse::fhir::judge::measures {
namespace {

// Several parts of one name are told apart by their codes.
void check_told_apart(const Desk& desk, const Element& parent, std::string_view name) {
    const NamedChildren parts = children(parent, name);
    if (parts.size() < 2) {
        return;
    }
    for (const Element& part : parts) {
        if (part.child("code") == nullptr) {
            desk.report(rules::measure_no_code, part, [&] {
                return join(
                    "Where there are several of ",
                    name,
                    ", each needs a code that reports can name."
                );
            });
        }
    }
}

}  // namespace

void check_measure(const Desk& desk, const Element& measure) {
    definitions::check_canonical(desk, measure);
    check_criteria(desk, measure);
    if (measure.child("group") == nullptr) {
        desk.report(rules::measure_no_groups, measure, [] {
            return std::string("The measure has no groups, so nothing can be reported for it.");
        });
        return;
    }
    check_told_apart(desk, measure, "group");
    for (const Element& group : children(measure, "group")) {
        check_told_apart(desk, group, "population");
        check_told_apart(desk, group, "stratifier");
    }
}

}  // namespace gatehouse::fhir::judge::measures
