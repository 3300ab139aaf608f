#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the batch modes of validate and fhirpath share: splitting a file into rows, giving back ids.

#include <string_view>
#include <vector>

#include "fhir/json/value.hpp"

namespace gatehouse::cli {

struct BatchRow {
    std::string_view text;
    std::size_t line = 0;  // in the file, 1-based
};

// The lines of an ndjson text that are not blank; a byte order mark is skipped.
std::vector<BatchRow> split_rows(std::string_view text);

// Writes the member "id" with the row's own id, whatever JSON it is; null if it has none.
void write_row_id(fhir::JsonWriter& writer, const fhir::JsonValue* id);

}  // namespace gatehouse::cli
