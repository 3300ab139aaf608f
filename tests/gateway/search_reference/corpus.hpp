#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A corpus for the differential search test: synthetic resources of every type, made from the
// definitions, with the corners in which servers differ: partial dates, open periods, decimals of
// varied precision, accents, references in all their forms.

#include <string>

#include "tests/gateway/search_reference/dice.hpp"
#include "tests/gateway/search_reference/records.hpp"

namespace gatehouse::search_reference {

struct CorpusSize {
    int of_each_type = 4;
    int of_frequent_types = 14;  // those that people search
};

inline constexpr std::string_view our_base = "http://127.0.0.1:8080/fhir/R4";
inline constexpr std::string_view elsewhere = "https://other.example/fhir";
// A code system with a hierarchy: IMP is above ACUTE and NONAC.
inline constexpr std::string_view act_codes = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
// Types with more resources than the others.
bool is_frequent(std::string_view type);
// The ids of a type are r0, r1, ... of every type, so an id alone says nothing.
void make_corpus(Records& records, std::uint64_t seed, const CorpusSize& size);

// Pools that queries draw from too.
std::string random_date(Dice& dice);
std::string random_decimal(Dice& dice);
std::string random_text(Dice& dice);

}  // namespace gatehouse::search_reference
