#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Measures and their reports (FHIR R4 Measure §13.4, MeasureReport §13.5): a measure's criteria
// name what its libraries define; a report has the groups, populations and stratifiers of its
// measure, a score where the scoring asks for one, and subjects only where the report lists them.

#include "fhir/validate/desk.hpp"

namespace gatehouse::fhir::judge::measures {

void check_measure(const Desk& desk, const Element& measure);
void check_report(const Desk& desk, const Element& report);

// CQL criteria of a measure against its libraries (criteria.cpp).
void check_criteria(const Desk& desk, const Element& measure);

}  // namespace gatehouse::fhir::judge::measures
