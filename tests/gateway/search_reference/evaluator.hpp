#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The slow evaluator: whether a resource satisfies a search as it came over HTTP, worked out
// resource by resource from the definitions and the text of FHIR R4 search. It shares no code with
// what it judges (fhir/search, gateway/store, gateway/api).

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/gateway/search_reference/matching.hpp"

namespace gatehouse::search_reference {

struct Query {
    std::string type;  // empty: of the system, over the types that _type names
    std::vector<std::pair<std::string, std::string>> parameters;  // not percent-encoded

    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::vector<std::string> types() const;
    // Of a parameter; empty if it is not there.
    [[nodiscard]] std::string value(std::string_view name) const;
};

class Evaluator {
public:
    Evaluator(const Records& records, const std::string& own_base, std::int64_t now)
        : records_(records), matcher_(records, own_base, now) {}

    // What a record can contribute to the answer, and whether it does: itself ("Type/id"), or with
    // _containedType=contained what it contains ("Type/id#local"). Empty: nothing, whatever it
    // holds.
    [[nodiscard]] std::vector<std::pair<std::string, Truth>>
    answers(const Query& query, const Record& record) const;
    // The same with what every clause saw.
    [[nodiscard]] std::string explain(const Query& query, const Record& record) const;
    // Nothing, or why `first` may not stand before `second` in the order that _sort asks for.
    [[nodiscard]] std::optional<std::string>
    misplaced(const Query& query, const Record& first, const Record& second) const;

    // "Type/id" of all that _include and _revinclude add to these matches.
    [[nodiscard]] std::set<std::string>
    included(const Query& query, const std::vector<const Record*>& matches) const;

private:
    // A resource of the corpus, or one contained in such.
    struct Subject {
        const fhir::Element* root = nullptr;
        const Record* record = nullptr;  // none if contained
    };
    using Key = std::variant<std::monostate, std::int64_t, std::string, Fraction>;

    [[nodiscard]] Truth
    clause(const Subject& subject, const std::string& name, const std::string& value) const;
    [[nodiscard]] std::string explain(
        const Subject& subject,
        const std::string& name,
        const std::string& value,
        std::size_t indent
    ) const;
    [[nodiscard]] Truth
    reverse(const Subject& subject, const std::string& rest, const std::string& value) const;
    class Filter;
    [[nodiscard]] Truth filter(const Subject& subject, std::string_view text) const;
    // Type of the parameter; empty if there is none.
    [[nodiscard]] std::string last_type(const fhir::Element& root, const std::string& code) const;
    [[nodiscard]] Truth listed(const Subject& subject, const std::vector<std::string>& lists) const;
    [[nodiscard]] Truth chain(
        const Subject& subject,
        const Parameter& parameter,
        std::string_view type,
        const std::string& rest,
        const std::string& value
    ) const;
    [[nodiscard]] Truth
    one(const Parameter& parameter,
        std::string_view modifier,
        const Found& found,
        const Subject& subject,
        std::string_view text) const;
    [[nodiscard]] Truth
    is_value(const Parameter& parameter, const Found& found, const Subject& subject) const;
    [[nodiscard]] Truth in_hierarchy(
        const Parameter& parameter, bool below, const Found& found, std::string_view text
    ) const;
    [[nodiscard]] Truth composite(
        const Parameter& parameter,
        const Found& found,
        const Subject& subject,
        std::string_view text
    ) const;
    // Resources of a type, by themselves and contained.
    [[nodiscard]] std::vector<Subject> subjects(std::string_view type) const;
    [[nodiscard]] static std::vector<Subject> contained_in(const Record& record);
    [[nodiscard]] Truth matches(const Query& query, const Subject& subject) const;
    // A reference parameter of `from` leads to `to`.
    [[nodiscard]] bool
    leads(const Subject& from, const Parameter& parameter, const Subject& to) const;
    [[nodiscard]] std::vector<Subject>
    targets(const Found& found, const Parameter& parameter, std::string_view type) const;
    // Where one include rule leads from a resource.
    [[nodiscard]] std::vector<const Record*>
    follow(const std::string& name, const std::string& value, const Record& from) const;
    [[nodiscard]] std::vector<const Record*>
    pointed_at(const Record& from, const std::string& code) const;
    [[nodiscard]] std::vector<const Record*>
    named_by(const std::string& canonical, const Parameter* parameter) const;
    [[nodiscard]] Key key(const Record& record, std::string_view code, bool descending) const;

    const Records& records_;
    Matcher matcher_;
};

// An element in one line, for people.
std::string brief(const fhir::Element& element);

}  // namespace gatehouse::search_reference
