#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Search parameters -> index entries. Each SearchParameter's FHIRPath is compiled once per resource
// type; extract() runs them over an annotated resource and yields normalised values that a store keeps
// in its index tables (FHIR R4 §3.1.1).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/path/path.hpp"
#include "fhir/schema/schema.hpp"

namespace gatehouse::fhir {

enum class SearchType : std::uint8_t { number, date, string, token, reference, composite, quantity, uri, special };

struct SearchParameter {
    std::uint32_t id = 0;        // dense, stable for one set of definitions
    std::string code;            // "birthdate"
    std::string url;
    SearchType type = SearchType::token;
    std::string expression;
    std::vector<std::string> bases;    // resource types
    std::vector<std::string> targets;  // reference targets
};

// One value of one parameter. Which members are used depends on the parameter's type.
struct IndexEntry {
    const SearchParameter* parameter = nullptr;
    std::string system;      // token, quantity: system; reference: type ("Patient") of a literal one
    std::string value;       // token: code; string: as written; reference: id or absolute URL; uri
    std::string folded;      // string: case and accent folded
    std::int64_t low = 0;    // date: first instant, microseconds since 1970 UTC; last in `high`
    std::int64_t high = 0;
    std::string number;      // number and quantity: exact decimal text
};

class SearchParameters {
public:
    // From every SearchParameter of the definitions. Those that do not compile are `notes`.
    SearchParameters(std::shared_ptr<const Schema> schema, Issues& notes);
    ~SearchParameters();

    [[nodiscard]] const SearchParameter* find(std::string_view type, std::string_view code) const;
    [[nodiscard]] std::vector<const SearchParameter*> all(std::string_view type) const;
    // Index entries of one annotated resource, all its parameters.
    void extract(const Element& resource, Arena& arena, std::vector<IndexEntry>& out) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Case and accent folding for string search (NFKD, marks removed, lower case, punctuation to space).
std::string fold(std::string_view text);

// A FHIR date, dateTime or instant (any precision; without a zone: Europe/London) as the half-open
// range of microseconds since 1970 UTC that it covers. False if it is not a date.
bool date_range(std::string_view text, std::int64_t& low, std::int64_t& high);

}  // namespace gatehouse::fhir
