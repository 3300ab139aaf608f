#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The codes that a value set or a place in a hierarchy stands for, as lists: what a search by
// `:in`, `:below` and `:above` looks for (FHIR R4 §3.1.1.4.4). All or nothing: where some codes
// cannot be worked out, or are more than asked for, the answer says why.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir {

struct SystemCodes {
    std::string system;
    std::vector<std::string> codes;
};

struct CodesAnswer {
    std::vector<SystemCodes> systems;
    std::string refused;  // for people; empty: answered
};

// A resource kept elsewhere (the record store) by type and canonical, or nullptr. May be empty.
using StoredResource =
    std::function<const Element*(std::string_view type, std::string_view canonical)>;

// `resource` if it is given, else the value set that `canonical` names among the definitions, the
// loaded content, or what is stored.
CodesAnswer codes_of_value_set(
    const Terminology& terminology,
    std::string_view canonical,
    const Element* resource,
    const StoredResource& stored,
    std::size_t limit
);
// The code itself and all below it, or all above it.
CodesAnswer codes_below(
    const Terminology& terminology,
    std::string_view system,
    std::string_view code,
    std::size_t limit
);
CodesAnswer codes_above(
    const Terminology& terminology,
    std::string_view system,
    std::string_view code,
    std::size_t limit
);

}  // namespace gatehouse::fhir
