// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/operations/request.hpp"

namespace gatehouse::fhir {

OperationAnswer run(const Terminology& terminology, const OperationRequest& request) {
    const Asked asked(request);
    if (!is_offered(request.operation, request.type)) {
        return refuse(
            {400,
             IssueType::not_supported,
             "terminology-operation",
             std::string("FHIR R4 has no operation $") + to_string(request.operation) + " on " +
                 std::string(request.type) + "."}
        );
    }
    if (const OperationParameter* stranger = asked.stranger()) {
        return refuse(
            {400,
             IssueType::not_supported,
             "terminology-parameter",
             "Parameter '" + shown(stranger->name) + "' is not one of $" +
                 to_string(request.operation) + "."}
        );
    }
    // What was in force on another day is not kept: saying so is R4's other choice. A date may be
    // as coarse as its giver likes, and the clock's zone is not the giver's.
    if (const std::string_view date = asked.text("date"); !date.empty()) {
        const std::string_view day = date.substr(0, 10);
        if (day.size() < 4 || !request.time.starts_with(day)) {
            return refuse(
                {400,
                 IssueType::not_supported,
                 "terminology-parameter",
                 "Parameter 'date' asks for the definitions of " + shown(date) +
                     ". Those of today are here: leave it out."}
            );
        }
    }
    // Every loaded supplement is used; one that is asked for and is not here must not go unnoticed.
    for (const OperationParameter* supplement : asked.all("useSupplement")) {
        const Element* found = asked.resolve(terminology, "CodeSystem", supplement->text);
        if (found == nullptr || found->child_value("content") != "supplement") {
            return refuse(not_here("Supplement " + shown(supplement->text) + " is not known here.")
            );
        }
    }
    switch (request.operation) {
    case TerminologyOperation::expand: return run_expand(terminology, asked);
    case TerminologyOperation::validate_code: return run_validate_code(terminology, asked);
    case TerminologyOperation::lookup: return run_lookup(terminology, asked);
    case TerminologyOperation::subsumes: return run_subsumes(terminology, asked);
    case TerminologyOperation::translate: break;
    }
    return run_translate(terminology, asked);
}

}  // namespace gatehouse::fhir
