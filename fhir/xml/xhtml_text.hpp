#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Text on its way into XML: escaping of values, and narrative that came as a JSON string.

#include <string>
#include <string_view>

namespace gatehouse::fhir {

// Appends `text` escaped for an attribute or for character data. Line ends and tabs become
// character references in attributes, because a reader would turn them into spaces. Characters that
// XML cannot hold at all (U+0000 to U+001F but tab and line ends, U+FFFE, U+FFFF) become U+FFFD.
void append_xml_text(std::string& out, std::string_view text, bool attribute);

// Appends a narrative div. `checked` text came from XML and goes out as it is; other text goes out
// as it is if it is well-formed, with HTML's named entities as numbers if that makes it so, and
// otherwise as the escaped text of a div, so that the document stays XML whatever the sender wrote.
void append_xhtml(std::string& out, std::string_view div, bool checked);

}  // namespace gatehouse::fhir
