// SPDX-License-Identifier: Apache-2.0
//
// Tokens that stand for many codes (FHIR R4 §3.1.1.4.4): the members of a value set (:in, :not-in),
// what is below or above a code in its system's hierarchy. They are worked out here, from the
// loaded content or a stored ValueSet, and looked for as lists.

#include <algorithm>

#include "fhir/terminology/operations/codes.hpp"
#include "gateway/api/search_parser.hpp"

namespace gatehouse::gateway {

bool SearchParser::codes(std::string_view name, std::string_view word, SearchClause& out) {
    std::size_t left = search_codes_max;
    for (const SearchValue& value : out.any_of) {
        fhir::CodesAnswer answer;
        if (word == "above" || word == "below") {
            const std::size_t bar = value.value.find('|');
            if (bar == std::string::npos || bar == 0 || bar + 1 == value.value.size()) {
                return fail(
                    name,
                    ":" + std::string(word) +
                        " takes system|code: codes have a place in one "
                        "system's hierarchy."
                );
            }
            const std::string_view system = std::string_view(value.value).substr(0, bar);
            const std::string_view code = std::string_view(value.value).substr(bar + 1);
            answer = word == "below" ? codes_below(engine_.terminology(), system, code, left)
                                     : codes_above(engine_.terminology(), system, code, left);
        } else {
            std::string_view named = value.value;
            const std::string own = limits_.base + "/ValueSet/";
            if (!limits_.base.empty() && named.starts_with(own)) {
                named.remove_prefix(limits_.base.size() + 1);
            }
            const bool by_id = named.starts_with("ValueSet/");
            const fhir::Element* stored =
                by_id && limits_.stored ? limits_.stored("ValueSet", named) : nullptr;
            if (by_id && stored == nullptr) {
                return fail(name, std::string(named.substr(0, 80)) + " is not known here.");
            }
            answer = codes_of_value_set(engine_.terminology(), named, stored, limits_.stored, left);
        }
        if (!answer.refused.empty()) {
            return fail(name, answer.refused);
        }
        for (fhir::SystemCodes& each : answer.systems) {
            left -= std::min(left, each.codes.size());
            if (!each.codes.empty()) {
                out.sets.push_back({std::move(each.system), std::move(each.codes)});
            }
        }
    }
    out.any_of.clear();
    return true;
}

}  // namespace gatehouse::gateway
