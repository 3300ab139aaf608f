#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// FHIR XML <-> Element tree (FHIR R4 §2.6.1). Expat is the tokenizer; nothing outside this folder
// sees it. A DOCTYPE is refused at its first byte, as FHIR demands.

#include <string>
#include <string_view>

#include "fhir/json/json.hpp"

namespace gatehouse::fhir {

// As read_json. Comments and processing instructions are dropped; Narrative.div is kept as source
// text.
Decoded read_xml(
    std::string_view text, Arena& arena, const SymbolTable& symbols, const DecodeLimits& limits = {}
);

// What XML alone can get wrong and only the definitions know: children out of order, ids and urls
// as elements where they are attributes, and the reverse. `root` is annotated and came from
// read_xml(text); findings are appended.
void check_xml_form(
    const Element& root, const TypeModel& model, std::string_view text, Issues& issues
);

// Writes a resource. `root` must be annotated: XML needs definition order and attributes. Elements
// the model does not know are written last, as elements.
std::string
write_xml(const Element& root, const TypeModel& model, const WriteOptions& options = {});

}  // namespace gatehouse::fhir
