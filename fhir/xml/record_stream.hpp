#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// XmlRecords: a large XML file that is a list of flat records, one record after the other, without
// a tree: dm+d's files have hundreds of megabytes. A record is an element whose children have text
// and no elements of their own; what stands around records (root, sections) is named by `path`.
// Bounded: depth, the number of fields and the bytes of a record. A document type is refused.

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"

namespace gatehouse::fhir {

struct XmlRecord {
    struct Field {
        std::string name;
        std::string text;  // without the white space around it
    };
    std::string path;  // "LOOKUP/UNIT_OF_MEASURE/INFO"
    std::vector<Field> fields;
    std::size_t line = 0;  // where it ends

    // Text of the first field of that name, or empty.
    [[nodiscard]] std::string_view text(std::string_view name) const noexcept;
};

// Calls `visit` for every record, in order; its fault ends the reading. `record` is reused.
// Errc::not_found, Errc::io, Errc::invalid with file, line and reason.
using VisitXmlRecord = std::function<Result<void>(const XmlRecord& record)>;
Result<void> read_xml_records(const std::filesystem::path& file, const VisitXmlRecord& visit);
// The same from an open file, which stays the caller's; `name` is for messages.
Result<void>
read_xml_records(std::FILE* handle, const std::string& name, const VisitXmlRecord& visit);

}  // namespace gatehouse::fhir
