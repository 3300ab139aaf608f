#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// One search parameter -> one clause (FHIR R4 §3.1.1.4): names, modifiers, chains and _has in
// search_parser.cpp, values in search_values.cpp, codes worked out by terminology in
// search_codes.cpp, _filter in search_filter.cpp. What is not understood is an issue that says what
// would be.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/search_parameters.hpp"

namespace gatehouse::gateway {

class SearchParser {
public:
    using Types = std::vector<std::string>;

    SearchParser(const fhir::Engine& engine, const SearchLimits& limits, fhir::Issues& issues)
        : engine_(engine), limits_(limits), issues_(issues) {}

    // One parameter of resources of these types: true, or an issue says why not; where `ignorable`,
    // because the parameter is unknown or not offered.
    bool clause(
        const Types& types,
        std::string_view name,
        std::string_view value,
        SearchClause& out,
        std::size_t hop = 0
    );
    bool sort(const Types& types, std::string_view value, std::vector<SearchSort>& out);
    bool filter(const Types& types, std::string_view text, SearchClause& out);
    bool ignorable = false;

    // A parameter of some of the types, which all mean the same by its code.
    struct Group {
        const fhir::SearchParameter* parameter = nullptr;
        Types types;
    };

    // ---- For search_filter.cpp ----

    bool fail(
        std::string_view parameter, std::string text, fhir::IssueType type = fhir::IssueType::value
    );
    // Groups of all the types, none without the parameter; else an issue.
    bool resolve(
        const Types& types, std::string_view name, std::string_view code, std::vector<Group>& out
    );
    // The targets of a reference that know what is asked of them: the rest of a chain, or a word of
    // it.
    bool targets(
        const fhir::SearchParameter& parameter,
        std::string_view name,
        std::string_view wanted_type,
        std::string_view rest,
        Types& out
    );
    bool values(std::string_view name, std::string_view text, SearchClause& out);
    // Replaces the values of a token clause by the codes that they stand for.
    bool codes(std::string_view name, std::string_view word, SearchClause& out);
    bool list(std::string_view name, std::string_view text, SearchClause& out);
    // One clause, or the alternatives of several groups.
    static void join(std::vector<SearchClause> made, SearchClause& out);

private:
    using Seen = std::map<std::pair<std::string, std::size_t>, bool>;
    bool leads_on(const std::string& type, std::string_view rest, Seen& seen);
    const fhir::SearchParameter* parent_of(std::string_view type) const;
    bool hierarchy(std::string_view name, std::string_view word, SearchClause& out);
    bool parameter_clause(
        const Group& group,
        std::string_view name,
        std::string_view word,
        std::string_view rest,
        std::string_view value,
        SearchClause& out,
        std::size_t hop
    );
    bool modifier(
        const fhir::SearchParameter& parameter,
        std::string_view name,
        std::string_view word,
        SearchClause& out
    );
    bool
    has(const Types& types,
        std::string_view name,
        std::string_view value,
        SearchClause& out,
        std::size_t hop);
    bool
    field(std::string_view name, std::string_view word, std::string_view value, SearchClause& out);
    bool value(
        std::string_view name, std::string_view text, const SearchClause& clause, SearchValue& out
    );
    bool typed_value(
        std::string_view name,
        std::string_view text,
        fhir::SearchType type,
        SearchModifier modifier,
        SearchValue& out
    );
    bool date(std::string_view name, std::string_view text, SearchValue& out);
    bool number(std::string_view name, std::string_view text, SearchValue& out);
    bool quantity(std::string_view name, std::string_view text, SearchValue& out);
    bool token(std::string_view name, std::string_view text, SearchValue& out);
    bool of_type(std::string_view name, std::string_view text, SearchValue& out);
    bool near(std::string_view name, std::string_view text, SearchValue& out);
    bool composite(
        std::string_view name,
        std::string_view text,
        const fhir::SearchParameter& parameter,
        SearchValue& out
    );
    void reference(std::string_view text, SearchValue& out) const;

    const fhir::Engine& engine_;
    const SearchLimits& limits_;
    fhir::Issues& issues_;
};

// Splits at an unescaped separator; "\," "\|" "\$" "\\" stay escaped for the next level.
std::vector<std::string_view> split_unescaped(std::string_view text, char separator);
std::string unescape(std::string_view text);

}  // namespace gatehouse::gateway
