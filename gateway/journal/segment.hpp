#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The bytes of one journal segment: a 64-byte header, then frames, then zeros. Pure functions over
// bytes, so that recovery can be fuzzed without a disk. All numbers are little-endian.
//
//   header  "GATEJRNL" · u32 version · u32 crc · u64 first position · i64 created · u64 salt ·
//   zeros frame   u32 mark · u32 payload bytes · u32 crc · u32 0 · u64 position · u64 durable · i64
//   accepted_at
//           payload, zero-padded to 8 bytes
//
// The crc covers the rest of the frame's header and the payload and starts from the salt, so a
// sender cannot put a frame of its own making into a body. `durable` is the last position that was
// already acknowledged when the frame was written: it tells damage to a promise from a torn,
// unanswered batch.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

inline constexpr std::uint32_t journal_format_version = 1;
inline constexpr std::size_t segment_header_bytes = 64;
inline constexpr std::size_t frame_header_bytes = 40;

struct SegmentHeader {
    std::uint64_t first_position = 1;
    Micros created = 0;
    std::uint64_t salt = 0;
};

struct Frame {
    std::uint64_t position = 0;
    std::uint64_t durable = 0;
    Micros accepted_at = 0;
    std::string_view payload;
};

std::string encode_header(const SegmentHeader& header);
// Errc::corrupt, or Errc::unsupported for another format version.
Result<SegmentHeader> decode_header(std::string_view bytes);

// Bytes that a payload takes in a segment.
std::uint64_t frame_bytes(std::uint64_t payload_bytes) noexcept;
void append_frame(std::string& out, const SegmentHeader& header, const Frame& frame);

// How the scan of a segment ended.
struct Scan {
    enum class End : std::uint8_t {
        clean,    // zeros follow, or nothing
        torn,     // an unfinished batch follows that nobody was told of: cut it
        damaged,  // acknowledged bytes are not what was written
        stopped,  // the visitor had enough
    };
    End end = End::clean;
    std::uint64_t offset = segment_header_bytes;  // where the good frames end
    std::uint64_t next_position = 1;
    Micros last_accepted_at = 0;
};

// Walks the frames of a segment whose header is already known. `visit` may be empty.
Scan scan_segment(
    std::string_view bytes,
    const SegmentHeader& header,
    const std::function<bool(const Frame&)>& visit
);

}  // namespace gatehouse::gateway
