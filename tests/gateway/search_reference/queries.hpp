#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Searches for the differential test: all kinds of parameters, with values that the corpus holds or
// nearly holds.

#include "tests/gateway/search_reference/dice.hpp"
#include "tests/gateway/search_reference/evaluator.hpp"

namespace gatehouse::search_reference {

class QueryMaker {
public:
    QueryMaker(const Records& records, std::uint64_t seed)
        : records_(records), matcher_(records, {}, 0), dice_(seed) {}
    Query next();
    // A search with _include and _revinclude.
    Query with_includes();

private:
    using Pair = std::pair<std::string, std::string>;

    Query of_several_types();
    std::string random_type();
    // One parameter with its value; an empty name if none could be made.
    Pair clause(const std::string& type, int depth);
    Pair plain_clause(const std::string& type, const Parameter& parameter);
    Pair chained(const std::string& type, const Parameter& parameter, int depth);
    // A _filter of one or several conditions; empty if none could be made.
    std::string filter(const std::string& type, int depth);
    std::string condition(const std::string& type);
    Pair reversed(const std::string& type, int depth);
    const Parameter* random_parameter(const std::string& type);
    // One alternative for the parameter and modifier, escaped; empty if none could be made.
    std::string
    value(const std::string& type, const Parameter& parameter, const std::string& modifier);
    std::string
    value_of(const Parameter& parameter, const std::string& modifier, const Found& found);
    std::string token(const Found& found);
    std::string string(const std::string& modifier, const Found& found);
    std::string date(const Found& found);
    std::string number(std::string_view held);
    std::string quantity(const Found& found);
    std::string reference(const std::string& modifier, const Found& found);
    std::string composite(const Parameter& parameter, const Found& found);
    std::string prefix();
    // Something that a parameter finds in a random resource of the type; null if nothing does.
    const Found* sample(const std::string& type, const Parameter& parameter);
    Pair sort(const std::string& type);

    const Records& records_;
    Matcher matcher_;  // reads values of the corpus
    Dice dice_;
    const fhir::Element* sampled_ = nullptr;  // the resource of the last sample
};

}  // namespace gatehouse::search_reference
