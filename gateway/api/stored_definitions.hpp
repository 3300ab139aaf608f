#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Value sets, code systems and concept maps that are held as records, for whoever needs their
// content. What they are used for tells what is in them, so they pass the exit like what leaves.

#include <string_view>

#include "gateway/api/disclose.hpp"

namespace gatehouse::gateway {

// By "Type/id" or by canonical (the one changed last, if several have it). A tree in the envelope's
// arena; nullptr if there is none for this caller.
const fhir::Element* stored_definition(
    Envelope& envelope, Exit& exit, StoreReader& store, std::string_view type, std::string_view name
);

}  // namespace gatehouse::gateway
