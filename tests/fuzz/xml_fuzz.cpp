// SPDX-License-Identifier: Apache-2.0
//
// XML: whatever is read can be written; what is written reads back and writes the same, directly
// and by way of JSON.
#include <cstddef>
#include <cstdint>

#include "fhir/base/assert.hpp"
#include "fhir/xml/xml.hpp"
#include "tests/support/small_types.hpp"

namespace {

// XHTML where the definitions know no type: JSON holds it as a string and cannot tell it from one.
bool holds_unknown_xhtml(const gatehouse::fhir::Element& element) {
    using namespace gatehouse::fhir;
    if (element.written == Written::xhtml && element.type == unknown_type) {
        return true;
    }
    for (const Element& child : element.children()) {
        if (holds_unknown_xhtml(child)) {
            return true;
        }
    }
    return false;
}

// A name that the writer must change: two of them may become one, whose elements then move
// together.
bool holds_odd_name(const gatehouse::fhir::Element& element) {
    for (const char c : element.name) {
        if (static_cast<unsigned char>(c) >= 0x80 || c == ':') {
            return true;
        }
    }
    for (const gatehouse::fhir::Element& child : element.children()) {
        if (holds_odd_name(child)) {
            return true;
        }
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gatehouse;
    const fhir::TypeModel& types = test::small_types();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Arena arena;
    fhir::DecodeLimits limits;
    limits.read_past_bad_bytes = size % 2 == 0;  // a validator reads on, a gateway does not
    const fhir::Decoded first = fhir::read_xml(text, arena, types.symbols(), limits);
    if (first.root == nullptr) {
        GH_ASSERT(!first.issues.empty());
        return 0;
    }
    fhir::annotate(*first.root, types);

    const std::string written = fhir::write_xml(*first.root, types);
    const fhir::Decoded again = fhir::read_xml(written, arena, types.symbols());
    GH_ASSERT(again.root != nullptr);
    fhir::annotate(*again.root, types);
    if (holds_odd_name(*first.root)) {
        return 0;
    }
    GH_ASSERT(fhir::write_xml(*again.root, types) == written);

    if (holds_unknown_xhtml(*again.root)) {
        return 0;
    }
    const std::string json = fhir::write_json(*again.root, &types);
    const fhir::Decoded crossed = fhir::read_json(json, arena, types.symbols());
    GH_ASSERT(crossed.root != nullptr);
    fhir::annotate(*crossed.root, types);
    GH_ASSERT(fhir::write_xml(*crossed.root, types) == written);
    return 0;
}
