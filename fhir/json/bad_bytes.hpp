#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The second reading of a text whose first one ended at bytes that are not UTF-8
// (DecodeLimits::read_past_bad_bytes); shared by the JSON and the XML reader.

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "fhir/base/utf8.hpp"
#include "fhir/json/json.hpp"

namespace gatehouse::fhir {

// `decoded` is what the first reading gave; `read` reads a mended text of the same length. The
// first reading's fatal issue names the place of the first bad byte; it becomes an error with the
// rule id `rule`, and what the second reading found stands behind it.
template <class Read>
void read_past_bad_bytes(
    Decoded& decoded, std::string_view text, Arena& arena, const char* rule, const Read& read
) {
    const std::size_t bad = invalid_utf8_at(text);
    if (bad == std::string_view::npos || decoded.issues.empty() ||
        text.substr(0, bad).find('\0') != std::string_view::npos) {
        return;
    }
    const MendedText mended = mend_utf8(text);
    Decoded second = read(arena.copy(mended.text));
    Issue first = std::move(decoded.issues.back());
    const Position place = position_of(text, bad);
    if (first.line != place.line && first.line != 0) {
        return decoded.issues.push_back(std::move(first));  // it ended at something else
    }
    first.severity = second.root == nullptr ? Severity::fatal : Severity::error;
    first.rule = rule;
    first.line = place.line;
    first.column = place.column;
    first.diagnostics = "bytes here are not UTF-8, the only encoding FHIR allows";
    if (mended.runs > 1) {
        first.diagnostics += ", and " + std::to_string(mended.runs - 1) + " more runs of bytes";
        first.diagnostics += " further on: the text may be in another encoding";
    }
    if (second.root != nullptr) {
        first.diagnostics += "; it was read on with '?' for each such byte, to find what else "
                             "there is";
    }
    decoded.root = second.root;
    decoded.issues.clear();
    decoded.issues.push_back(std::move(first));
    std::move(second.issues.begin(), second.issues.end(), std::back_inserter(decoded.issues));
}

}  // namespace gatehouse::fhir
