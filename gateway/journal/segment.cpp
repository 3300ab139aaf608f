// SPDX-License-Identifier: Apache-2.0
#include "gateway/journal/segment.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "gateway/journal/crc32c.hpp"

namespace gatehouse::gateway {
namespace segment_detail {

constexpr std::string_view magic = "GATEJRNL";
constexpr std::uint32_t frame_mark = 0x464A4847U;  // "GHJF"

template <class T> void put(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        out.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (8U * i)) & 0xFFU));
    }
}

template <class T> T get(std::string_view bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[at + i])) << (8U * i);
    }
    return static_cast<T>(value);
}

std::uint32_t seed_of(const SegmentHeader& header) noexcept {
    return static_cast<std::uint32_t>(header.salt ^ (header.salt >> 32U));
}

// Crc over everything of a frame but the crc field itself.
std::uint32_t
frame_crc(const SegmentHeader& header, std::string_view frame_header, std::string_view payload) {
    std::uint32_t value = crc32c(frame_header.substr(0, 8), seed_of(header));
    value = crc32c(frame_header.substr(12), value);
    return crc32c(payload, value);
}

// The frame at `offset`, if there is a whole and undamaged one.
bool read_frame(
    std::string_view bytes,
    std::uint64_t offset,
    const SegmentHeader& header,
    Frame& frame,
    std::uint64_t& size
) {
    if (offset + frame_header_bytes > bytes.size()) {
        return false;
    }
    const auto head = bytes.substr(static_cast<std::size_t>(offset), frame_header_bytes);
    if (get<std::uint32_t>(head, 0) != frame_mark) {
        return false;
    }
    const auto length = get<std::uint32_t>(head, 4);
    if (length > bytes.size() - offset - frame_header_bytes) {
        return false;
    }
    const auto payload =
        bytes.substr(static_cast<std::size_t>(offset) + frame_header_bytes, length);
    if (get<std::uint32_t>(head, 8) != frame_crc(header, head, payload)) {
        return false;
    }
    frame.position = get<std::uint64_t>(head, 16);
    frame.durable = get<std::uint64_t>(head, 24);
    frame.accepted_at = get<std::int64_t>(head, 32);
    frame.payload = payload;
    size = frame_bytes(length);
    return true;
}

bool all_zero(std::string_view bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

// Looks past the bytes at `offset` for a frame that proves that `expected` had been acknowledged.
bool was_acknowledged(
    std::string_view bytes,
    std::uint64_t offset,
    const SegmentHeader& header,
    std::uint64_t expected
) {
    for (std::uint64_t at = offset + 8; at + frame_header_bytes <= bytes.size(); at += 8) {
        Frame frame;
        std::uint64_t size = 0;
        if (read_frame(bytes, at, header, frame, size) && frame.durable >= expected) {
            return true;
        }
    }
    return false;
}

}  // namespace segment_detail

std::string encode_header(const SegmentHeader& header) {
    std::string rest;
    segment_detail::put(rest, header.first_position);
    segment_detail::put(rest, header.created);
    segment_detail::put(rest, header.salt);
    rest.resize(segment_header_bytes - 16, '\0');
    std::string out(segment_detail::magic);
    segment_detail::put(out, journal_format_version);
    segment_detail::put(out, crc32c(rest));
    out += rest;
    return out;
}

Result<SegmentHeader> decode_header(std::string_view bytes) {
    if (bytes.size() < segment_header_bytes ||
        bytes.substr(0, segment_detail::magic.size()) != segment_detail::magic) {
        return Fault(Errc::corrupt, "journal.header", "this is not a journal segment");
    }
    const auto version = segment_detail::get<std::uint32_t>(bytes, 8);
    if (version != journal_format_version) {
        return Fault(
            Errc::unsupported,
            "journal.header",
            "journal format " + std::to_string(version) + "; this binary reads format " +
                std::to_string(journal_format_version)
        );
    }
    const auto rest = bytes.substr(16, segment_header_bytes - 16);
    if (segment_detail::get<std::uint32_t>(bytes, 12) != crc32c(rest)) {
        return Fault(Errc::corrupt, "journal.header", "the segment header is damaged");
    }
    SegmentHeader header;
    header.first_position = segment_detail::get<std::uint64_t>(rest, 0);
    header.created = segment_detail::get<std::int64_t>(rest, 8);
    header.salt = segment_detail::get<std::uint64_t>(rest, 16);
    return header;
}

std::uint64_t frame_bytes(std::uint64_t payload_bytes) noexcept {
    return (frame_header_bytes + payload_bytes + 7) / 8 * 8;
}

void append_frame(std::string& out, const SegmentHeader& header, const Frame& frame) {
    GH_ASSERT(frame.payload.size() <= std::numeric_limits<std::uint32_t>::max());
    std::string head;
    segment_detail::put(head, segment_detail::frame_mark);
    segment_detail::put(head, static_cast<std::uint32_t>(frame.payload.size()));
    segment_detail::put(head, std::uint32_t{0});
    segment_detail::put(head, std::uint32_t{0});
    segment_detail::put(head, frame.position);
    segment_detail::put(head, frame.durable);
    segment_detail::put(head, frame.accepted_at);
    std::string crc;
    segment_detail::put(crc, segment_detail::frame_crc(header, head, frame.payload));
    head.replace(8, 4, crc);
    const std::size_t wanted =
        out.size() + static_cast<std::size_t>(frame_bytes(frame.payload.size()));
    out += head;
    out += frame.payload;
    out.resize(wanted, '\0');
}

Scan scan_segment(
    std::string_view bytes,
    const SegmentHeader& header,
    const std::function<bool(const Frame&)>& visit
) {
    Scan scan;
    scan.next_position = header.first_position;
    for (;;) {
        Frame frame;
        std::uint64_t size = 0;
        if (!segment_detail::read_frame(bytes, scan.offset, header, frame, size) ||
            frame.position != scan.next_position) {
            break;
        }
        if (visit && !visit(frame)) {
            scan.end = Scan::End::stopped;
            return scan;
        }
        scan.offset += size;
        scan.next_position = frame.position + 1;
        scan.last_accepted_at = frame.accepted_at;
    }
    if (scan.offset >= bytes.size() ||
        segment_detail::all_zero(bytes.substr(static_cast<std::size_t>(scan.offset)))) {
        return scan;
    }
    scan.end = segment_detail::was_acknowledged(bytes, scan.offset - 8, header, scan.next_position)
                   ? Scan::End::damaged
                   : Scan::End::torn;
    return scan;
}

}  // namespace gatehouse::gateway
