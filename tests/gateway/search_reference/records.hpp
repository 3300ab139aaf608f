#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The corpus as the slow evaluator sees it: trees, found by type and id, and what a parameter's
// FHIRPath yields on one of them.

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/engine/engine.hpp"
#include "tests/gateway/search_reference/definitions.hpp"

namespace gatehouse::search_reference {

struct Record {
    std::string type;
    std::string id;
    std::string text;  // JSON
    std::int64_t last_updated = 0;
    const fhir::Element* root = nullptr;
};

// One item of an expression's result: an element, or a value that was computed.
struct Found {
    const fhir::Element* element = nullptr;
    std::string computed;
};

class Records {
public:
    Records(const fhir::Engine& engine, const Definitions& definitions)
        : engine_(engine), definitions_(definitions) {}

    // Empty, or why the text does not decode.
    std::string add(std::string text, std::int64_t last_updated);
    [[nodiscard]] const std::deque<Record>& all() const { return records_; }
    [[nodiscard]] const std::vector<const Record*>& of_type(std::string_view type) const;
    [[nodiscard]] const Record* find(std::string_view type, std::string_view id) const;
    // What the parameter finds in a resource, a contained one too. Kept.
    [[nodiscard]] const std::vector<Found>&
    values(const fhir::Element& resource, const Parameter& parameter) const;
    // What expressions find from an element inside a resource.
    [[nodiscard]] std::vector<Found> evaluate(
        const std::vector<Operand>& operands,
        const fhir::Element& focus,
        const fhir::Element& resource
    ) const;

    [[nodiscard]] const Definitions& definitions() const { return definitions_; }
    [[nodiscard]] const fhir::Engine& engine() const { return engine_; }
    // "HumanName", "Patient.contact"; of a primitive "code".
    [[nodiscard]] std::string_view type_name(const fhir::Element& element) const;
    [[nodiscard]] bool is_a(const fhir::Element& element, std::string_view type) const;

private:
    const fhir::Engine& engine_;
    const Definitions& definitions_;
    mutable Arena arena_;
    std::deque<Record> records_;
    std::map<std::string, std::vector<const Record*>, std::less<>> by_type_;
    std::map<std::pair<std::string, std::string>, const Record*, std::less<>> by_id_;
    mutable std::map<std::pair<const fhir::Element*, const Parameter*>, std::vector<Found>> found_;
};

// The type that a Reference names by its literal reference, the contained resource or
// Reference.type; empty if it does not.
std::string named_type(const fhir::Element& reference);

}  // namespace gatehouse::search_reference
