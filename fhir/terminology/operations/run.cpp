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
