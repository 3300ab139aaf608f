#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Media types of the record API: FHIR's own, and the spellings that NHS systems really send
// ("application/json+fhir", "text/json").

#include <optional>
#include <string_view>

#include "fhir/model/element.hpp"

namespace gatehouse::gateway {

// Format named by one media type ("application/fhir+json; charset=utf-8"), or nothing. A
// fhirVersion parameter other than 4.0 is not ours.
std::optional<fhir::Format> format_of_media_type(std::string_view media_type);

// Value of a parameter of a media type ("charset"), without quotes; empty if there is none.
std::string_view media_type_parameter(std::string_view media_type, std::string_view name);

// Format named by a _format value: "json", "xml", or a media type (a '+' may have arrived as a
// space).
std::optional<fhir::Format> format_of_parameter(std::string_view value);

// Best format an Accept header allows: JSON where it has no preference or is absent. Nothing when
// it allows neither (406).
std::optional<fhir::Format> format_of_accept(std::string_view accept);

}  // namespace gatehouse::gateway
