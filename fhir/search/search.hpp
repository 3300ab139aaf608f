#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Search parameters -> index entries. Each SearchParameter's FHIRPath is compiled once per resource
// type; extract() runs them over an annotated resource and yields normalised values that a store
// keeps in its index tables (FHIR R4 §3.1.1).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/path/path.hpp"
#include "fhir/schema/schema.hpp"

namespace gatehouse::fhir {

enum class SearchType : std::uint8_t {
    number,
    date,
    string,
    token,
    reference,
    composite,
    quantity,
    uri,
    special
};

// "token", as SearchParameter.type spells it.
const char* to_string(SearchType type) noexcept;

struct SearchParameter;

// One of the values that a composite parameter joins.
struct SearchComponent {
    SearchType type = SearchType::token;
    std::string url;         // of the parameter that defines it
    std::string expression;  // from the element that the composite is about
    std::vector<std::string> targets;
};

// Where the values of a composite stand for one resource type and one operand of its expression.
struct CompositePart {
    std::string type;
    // Elements inside the resource, each with its values: the name of their rows in the index,
    // "component(code,value.as(Quantity))". Empty: it is about the resource itself, and `own` are
    // the parameters whose rows are the values, in order of the components.
    std::string rows;
    std::vector<const SearchParameter*> own;
};

struct SearchParameter {
    std::uint32_t id = 0;  // dense, stable for one set of definitions
    std::string code;      // "birthdate"
    std::string url;
    SearchType type = SearchType::token;
    std::string expression;
    std::vector<std::string> bases;           // resource types
    std::vector<std::string> targets;         // reference targets
    std::vector<SearchComponent> components;  // composite
    std::vector<CompositePart> parts;         // composite
    // Resource types for which the rows of other parameters together are this one's, and their
    // codes.
    struct Kept {
        std::string type;
        std::vector<std::string> codes;
    };
    std::vector<Kept> kept_as;
    // False for what is known but not offered (special, without an expression): the API refuses it
    // in words.
    bool searchable = true;
};

// What an entry says about its parameter.
enum class EntryKind : std::uint8_t {
    value,
    identifier,  // reference: Reference.identifier as system and value, for `patient:identifier=`
    of_type,     // token: Identifier.type's system, and "code|value", for `identifier:of-type=`
    text,        // token: a display or text of the code, as a string, for `code:text=`
    base,        // quantity with a UCUM unit: the same in base units; `value` is their code
    member,      // of List.item: an entry's item that is not marked as deleted
    contained,   // of `_id`: a contained resource is there; `system` is its type, `value` its id
};

// Contained resources of one record that are indexed; further ones are kept and not searched.
inline constexpr std::uint32_t contained_max = 1023;

// One value of one parameter. Which members are used depends on the parameter's type.
struct IndexEntry {
    const SearchParameter* parameter = nullptr;
    EntryKind kind = EntryKind::value;
    std::string system;    // token, quantity: system; reference: type ("Patient") of a literal one
    std::string value;     // token: code; string: as written; reference: id or absolute URL; uri
    std::string folded;    // string: case and accent folded
    std::int64_t low = 0;  // date: first instant, microseconds since 1970 UTC; last in `high`
    std::int64_t high = 0;
    std::string number;  // number and quantity: exact decimal text; low end of a Range, or empty
    std::string number_high;  // high end of a Range, or empty; the same as `number` unless is_range
    bool is_range = false;    // number and quantity: [number, number_high], either end may be open
    bool is_beyond = false;   // the one end that is there does not belong to it: "> 5", "< 5"
    // Composite: which of the resource's elements, which component (from 1), and where it stands.
    std::uint32_t item = 0;
    std::uint32_t component = 0;
    const CompositePart* part = nullptr;
    // special `near`: latitude and longitude are `number` and `number_high`.
    // Whose value it is: 0 the record's own, otherwise that of the contained resource at this place
    // (from 1).
    std::uint32_t holder = 0;
    // reference within the record ("#p1"): place of the contained resource that it means, 0 for the
    // record itself ("#"); -1: it leads elsewhere. `value` is the text.
    std::int32_t local = -1;
};

// A part of the index that is complete or not, as a whole: "Observation.code",
// "Observation.code:text", "Observation.value-quantity:base", a composite's rows.
struct IndexUnit {
    std::string name;
    std::uint64_t digest = 0;  // of everything that decides which rows it has
};

class SearchParameters {
public:
    // From every SearchParameter of the definitions. Those that do not compile are `notes`.
    SearchParameters(std::shared_ptr<const Schema> schema, Issues& notes);
    // The same without a Schema; both must outlive this object.
    SearchParameters(const TypeModel& types, const Definitions& definitions, Issues& notes);
    ~SearchParameters();

    [[nodiscard]] const SearchParameter* find(std::string_view type, std::string_view code) const;
    [[nodiscard]] std::vector<const SearchParameter*> all(std::string_view type) const;
    // Resource types that have parameters, in order of their names.
    [[nodiscard]] std::vector<std::string> types() const;
    // What extract() fills, in order of the name.
    [[nodiscard]] std::vector<IndexUnit> index_units() const;
    // Index entries of one annotated resource, all its parameters, and behind them those of each
    // resource it contains, which begin with one of EntryKind::contained. `own_base` is our public
    // base without trailing slash: references to it are the same as relative ones. Thread-safe;
    // `arena` takes what FHIRPath makes.
    void extract(
        const Element& resource,
        Arena& arena,
        std::vector<IndexEntry>& out,
        std::string_view own_base = {}
    ) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Case and accent folding for string search (NFKD, marks removed, lower case, punctuation to
// space).
std::string fold(std::string_view text);

// The bounds that stand for an open end of a Period: before and after every date FHIR can write.
inline constexpr std::int64_t date_min = -100'000'000'000'000'000;
inline constexpr std::int64_t date_max = 300'000'000'000'000'000;

// A decimal of a search as the range it stands for by its significant digits: "5.4" ->
// [5.35, 5.45), "1e2" -> [95, 105) (FHIR R4 §3.1.1.4.5). `value` is the number itself. False if it
// is no decimal.
bool number_range(std::string_view text, double& value, double& low, double& high);
// The same as decimals with an exponent ("535e-2").
struct NumberTexts {
    std::string value;
    std::string low;
    std::string high;
};
std::optional<NumberTexts> number_texts(std::string_view text);

// A FHIR date, dateTime or instant (any precision; without a zone: Europe/London) as the half-open
// range of microseconds since 1970 UTC that it covers. False if it is not a date.
bool date_range(std::string_view text, std::int64_t& low, std::int64_t& high);

}  // namespace gatehouse::fhir
