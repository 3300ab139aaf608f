// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a file of XML records (dm+d): reading ends with records whose fields have names,
// text and a place, or with a reason. Twice the same.
#include <cstdint>
#include <cstdio>

#include "fhir/base/assert.hpp"
#include "fhir/xml/record_stream.hpp"

namespace {

std::string read_all(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    std::FILE* handle = ::fmemopen(const_cast<std::uint8_t*>(data), size, "rb");
    GH_ASSERT(handle != nullptr);
    std::string seen;
    const auto done =
        fhir::read_xml_records(handle, "fuzz", [&](const fhir::XmlRecord& record) -> Result<void> {
            GH_ASSERT(!record.path.empty() && !record.fields.empty() && record.line > 0);
            for (const auto& field : record.fields) {
                GH_ASSERT(!field.name.empty() && !field.text.empty());
                GH_ASSERT(record.text(field.name).data() != nullptr);
                seen += record.path + "." + field.name + "=" + field.text + "\n";
            }
            return {};
        });
    std::fclose(handle);
    if (!done) {
        GH_ASSERT(done.error().detail.starts_with("fuzz:"));
        seen += done.error().detail;
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    GH_ASSERT(read_all(data, size) == read_all(data, size));
    return 0;
}
