// SPDX-License-Identifier: Apache-2.0
//
// Journal recovery. The input is used in three ways: as a record (what decodes must encode to
// something that decodes the same), as a whole segment, and as damage done to a sound segment,
// whose scan must give a prefix of what was written and nothing else.

#include <cstdint>
#include <string>
#include <vector>

#include "fhir/base/assert.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/journal/segment.hpp"

using namespace gatehouse;           // NOLINT
using namespace gatehouse::gateway;  // NOLINT

namespace {

void as_record(std::string_view bytes) {
    const auto record = decode_record(bytes);
    if (record) {
        const std::string once = encode_record(*record);
        const auto again = decode_record(once);
        GH_ASSERT(again.has_value() && encode_record(*again) == once);
    }
}

void as_segment(std::string_view bytes) {
    const auto header = decode_header(bytes);
    const Scan scan = scan_segment(bytes, header ? *header : SegmentHeader{}, {});
    GH_ASSERT(scan.offset >= segment_header_bytes);
}

void as_damage(std::string_view bytes) {
    const SegmentHeader header{1, 0, 77};
    std::string segment = encode_header(header);
    std::vector<std::string> written;
    for (std::uint64_t i = 1; i <= 6; ++i) {
        written.push_back(std::string(static_cast<std::size_t>(i * 13), static_cast<char>('a' + i))
        );
        append_frame(segment, header, {i, (i - 1) / 2 * 2, static_cast<Micros>(i), written.back()});
    }
    for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
        const std::size_t at =
            static_cast<std::uint8_t>(bytes[i]) * 256U + static_cast<std::uint8_t>(bytes[i + 1]);
        if (at >= segment_header_bytes && at < segment.size()) {
            segment[at] = bytes[i + 2];
        } else if (at >= segment.size() && at < segment.size() + 512) {
            segment.resize(at + 1, bytes[i + 2]);
        } else if (at < segment_header_bytes && segment.size() > segment_header_bytes + at) {
            segment.resize(segment.size() - at);
        }
    }
    std::size_t found = 0;
    const Scan scan = scan_segment(segment, header, [&](const Frame& frame) {
        GH_ASSERT(found < written.size() && frame.payload == written[found]);
        ++found;
        return true;
    });
    GH_ASSERT(scan.next_position == found + 1);
    GH_ASSERT(scan.offset <= segment.size() + 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    as_record(bytes);
    as_segment(bytes);
    as_damage(bytes);
    return 0;
}
