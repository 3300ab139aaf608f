#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Where a large Bundle's text may be cut, so that several threads read its entries.

#include <cstddef>
#include <string_view>
#include <vector>

namespace gatehouse::fhir::json {

// Offsets of elements of the array whose first one follows at `from` (behind the '['): the first,
// and others that are about `piece_bytes` apart. A guess, by how the second element follows the
// first one: text that looks like it may stand in a string or in a Bundle within, so who reads from
// one cut on has to arrive at the next one to know that it is one. Fewer than two: not worth it.
std::vector<std::size_t>
guess_cuts(std::string_view text, std::size_t from, std::size_t piece_bytes);

}  // namespace gatehouse::fhir::json
