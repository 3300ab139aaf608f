#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Elements -> index entries: what each data type contributes to each kind of search parameter (the
// table of FHIR R4 §3.1.1.4).

#include <string_view>
#include <vector>

#include "fhir/search/search.hpp"

namespace gatehouse::fhir::search_convert {

// What a type is for search. Worked out once per type.
enum class Shape : std::uint8_t {
    other,
    primitive,
    code,
    boolean,
    date,
    uri,
    canonical,
    identifier,
    codeable_concept,
    coding,
    contact_point,
    human_name,
    address,
    reference,
    quantity,
    money,
    range,
    period,
    timing,
    resource,
};

class Converter {
public:
    explicit Converter(const TypeModel& types);

    struct Target {
        const SearchParameter* parameter = nullptr;
        SearchType type = SearchType::token;  // the parameter's, or a component's
        std::string_view code_system;         // of a code with a required binding
        std::string_view own_base;
        std::vector<IndexEntry>* out = nullptr;
        // For every entry of a composite.
        std::uint32_t item = 0;
        std::uint32_t component = 0;
        const CompositePart* part = nullptr;
        std::uint32_t holder = 0;  // IndexEntry::holder
    };
    void convert(const Element& element, const Target& target) const;
    // A computed value (FHIRPath's boolean or string).
    static void convert_text(std::string_view text, const Target& target);

private:
    void token(const Element& element, Shape shape, const Target& target) const;
    void string(const Element& element, Shape shape, const Target& target) const;
    void reference(const Element& element, Shape shape, const Target& target) const;
    static void date(const Element& element, Shape shape, const Target& target);
    static void quantity(const Element& element, Shape shape, const Target& target);
    static void position(const Element& element, const Target& target);
    void literal(const Element& element, std::string_view text, const Target& target) const;
    static void local(const Element& element, std::string_view text, const Target& target);

    const TypeModel& types_;
    std::vector<Shape> shapes_;  // by TypeId
};

}  // namespace gatehouse::fhir::search_convert
