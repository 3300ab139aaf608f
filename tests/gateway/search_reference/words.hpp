#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Text for the slow evaluator: FHIR R4 search §string, "case and accents, punctuation and
// insignificant white space do not matter". A table of the letters that the corpus uses, and a
// refusal of all others, so that no library decides for both sides.

#include <string>
#include <string_view>

namespace gatehouse::search_reference {

// Letters without accents and case, words with one space between them. An apostrophe is
// punctuation inside a word: "O'Brien" is "obrien".
std::string plain(std::string_view text);

}  // namespace gatehouse::search_reference
