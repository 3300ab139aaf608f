#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The terminology operations of FHIR R4: ValueSet $expand and $validate-code, CodeSystem $lookup,
// $validate-code and $subsumes, ConceptMap $translate. One request in, one answer out; HTTP
// (gateway/api) and command line (gateway/cli) are two doors of the same room. Blocking only where
// a remote server is configured; otherwise CPU work bounded by ConceptBudget and OperationLimits.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/model/element.hpp"
#include "fhir/outcome/issue.hpp"
#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir {

enum class TerminologyOperation : std::uint8_t {
    expand,
    validate_code,
    lookup,
    subsumes,
    translate
};
// "expand", "validate-code", ...
const char* to_string(TerminologyOperation operation) noexcept;
std::optional<TerminologyOperation> terminology_operation(std::string_view name) noexcept;
// Whether FHIR R4 defines the operation on this resource type.
bool is_offered(TerminologyOperation operation, std::string_view type) noexcept;
// The canonical of its OperationDefinition.
std::string operation_definition(TerminologyOperation operation, std::string_view type);

struct OperationLimits {
    // Most concepts that one expansion may carry; more is refused as too costly unless paged.
    std::uint32_t expansion_max = 10'000;
    std::uint32_t import_depth_max = 24;
    std::uint64_t work_max = 50'000'000;  // ConceptBudget of one request
};

// One in-parameter: text, or an element of a Parameters resource ("coding", "valueSet", ...).
struct OperationParameter {
    std::string name;
    std::string text;
    const Element* element = nullptr;   // its value[x], if it came so
    const Element* resource = nullptr;  // its resource
    const Element* node = nullptr;      // the parameter itself, for parts
};

struct OperationRequest {
    TerminologyOperation operation = TerminologyOperation::expand;
    std::string_view type;  // "ValueSet", "CodeSystem", "ConceptMap"
    std::vector<OperationParameter> parameters;
    const Element* instance = nullptr;  // the resource that an instance level call names
    std::string time;                   // instant, for expansion.timestamp
    std::string identifier;             // expansion.identifier, a urn:uuid
    // A resource kept elsewhere (the record store) by type and canonical, or nullptr: asked where
    // no loaded package has it. The element must live as long as the request.
    std::function<const Element*(std::string_view type, std::string_view canonical)> stored;
    OperationLimits limits;
};

// Adds the parameters of a Parameters resource. Issues say which cannot be used.
void add_parameters(const Element& parameters, OperationRequest& request);

struct OperationAnswer {
    int status = 200;
    std::string json;  // Parameters or ValueSet, where status is 200
    Issues issues;     // else: what was wrong
};

// Answers. Refusals: 400 wrong or missing parameters, 404 what is named does not exist here, 422
// what exists cannot be worked out (missing content, cycles, too costly).
OperationAnswer run(const Terminology& terminology, const OperationRequest& request);

}  // namespace gatehouse::fhir
