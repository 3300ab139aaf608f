// SPDX-License-Identifier: Apache-2.0
//
// The payload of a journal frame: fields as tag, length, bytes. A tag this version does not know is
// passed over, so a newer gateway may add facts and an older one still reads what it needs.

#include <charconv>
#include <limits>

#include "gateway/journal/journal.hpp"

namespace gatehouse::gateway {
namespace record_detail {

enum class Tag : std::uint8_t {
    kind = 1,
    message_id,
    received_at,
    partner,
    organisation,
    request_id,
    bundle_identifier,
    decision_id,
    method,
    target,
    header,
    tag,
    rule,
    status,
    body,
    digest,
    findings,
    destination,
};

void put_length(std::string& out, std::uint64_t value) {
    while (value >= 0x80U) {
        out.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
        value >>= 7U;
    }
    out.push_back(static_cast<char>(value));
}

void put(std::string& out, Tag tag, std::string_view bytes) {
    out.push_back(static_cast<char>(tag));
    put_length(out, bytes.size());
    out.append(bytes);
}

void put_if(std::string& out, Tag tag, std::string_view bytes) {
    if (!bytes.empty()) {
        put(out, tag, bytes);
    }
}

void put_number(std::string& out, Tag tag, std::int64_t value) {
    std::string bytes;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        bytes.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> shift) & 0xFFU));
    }
    put(out, tag, bytes);
}

// Walks the fields; every read checks the bound.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

    bool next(std::uint8_t& tag, std::string_view& bytes) {
        if (rest_.empty()) {
            return false;
        }
        tag = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        std::uint64_t length = 0;
        if (!read_length(length) || length > rest_.size()) {
            return false;
        }
        bytes = rest_.substr(0, static_cast<std::size_t>(length));
        rest_.remove_prefix(static_cast<std::size_t>(length));
        return true;
    }

    bool read_length(std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; shift < 63; shift += 7) {
            if (rest_.empty()) {
                return false;
            }
            const auto byte = static_cast<std::uint8_t>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0) {
                return true;
            }
        }
        return false;
    }

    std::string_view take(std::uint64_t size) {
        const auto part = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(part.size());
        return part;
    }
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

private:
    std::string_view rest_;
};

bool get_number(std::string_view bytes, std::int64_t& value) {
    if (bytes.size() != 8) {
        return false;
    }
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < 8; ++i) {
        bits |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << (8U * i);
    }
    value = static_cast<std::int64_t>(bits);
    return true;
}

bool get_header(std::string_view bytes, std::pair<std::string, std::string>& header) {
    Reader reader(bytes);
    std::uint64_t length = 0;
    if (!reader.read_length(length) || length > reader.rest().size()) {
        return false;
    }
    header.first = reader.take(length);
    header.second = reader.rest();
    return true;
}

bool set_field(JournalRecord& record, Tag tag, std::string_view bytes) {
    std::int64_t number = 0;
    switch (tag) {
    case Tag::kind:
        if (bytes.size() != 1 || (bytes[0] != 1 && bytes[0] != 2)) {
            return false;
        }
        record.kind = static_cast<RecordKind>(bytes[0]);
        return true;
    case Tag::message_id: record.message_id = bytes; return true;
    case Tag::received_at: return get_number(bytes, record.received_at);
    case Tag::partner: record.partner = bytes; return true;
    case Tag::organisation: record.organisation = bytes; return true;
    case Tag::request_id: record.request_id = bytes; return true;
    case Tag::bundle_identifier: record.bundle_identifier = bytes; return true;
    case Tag::decision_id: record.decision_id = bytes; return true;
    case Tag::method: record.method = bytes; return true;
    case Tag::target: record.target = bytes; return true;
    case Tag::header:
        record.headers.emplace_back();
        return get_header(bytes, record.headers.back());
    case Tag::tag: record.tags.emplace_back(bytes); return true;
    case Tag::rule: record.rules.emplace_back(bytes); return true;
    case Tag::status:
        if (!get_number(bytes, number) || number < 0 || number > 999) {
            return false;
        }
        record.status = static_cast<int>(number);
        return true;
    case Tag::body: record.body = bytes; return true;
    case Tag::digest: record.body_digest = bytes; return true;
    case Tag::findings: record.findings = bytes; return true;
    case Tag::destination: record.destinations.emplace_back(bytes); return true;
    }
    return true;  // of a later version
}

}  // namespace record_detail

std::string encode_record(const JournalRecord& record) {
    using record_detail::Tag;
    std::string out;
    out.reserve(record.body.size() + record.target.size() + 512);
    const char kind = static_cast<char>(record.kind);
    record_detail::put(out, Tag::kind, std::string_view(&kind, 1));
    record_detail::put(out, Tag::message_id, record.message_id);
    record_detail::put_number(out, Tag::received_at, record.received_at);
    record_detail::put_if(out, Tag::partner, record.partner);
    record_detail::put_if(out, Tag::organisation, record.organisation);
    record_detail::put_if(out, Tag::request_id, record.request_id);
    record_detail::put_if(out, Tag::bundle_identifier, record.bundle_identifier);
    record_detail::put_if(out, Tag::digest, record.body_digest);
    record_detail::put_if(out, Tag::decision_id, record.decision_id);
    record_detail::put_if(out, Tag::method, record.method);
    record_detail::put_if(out, Tag::target, record.target);
    for (const auto& [name, value] : record.headers) {
        std::string field;
        record_detail::put_length(field, name.size());
        field += name;
        field += value;
        record_detail::put(out, Tag::header, field);
    }
    for (const auto& tag : record.tags) {
        record_detail::put(out, Tag::tag, tag);
    }
    for (const auto& rule : record.rules) {
        record_detail::put(out, Tag::rule, rule);
    }
    for (const auto& destination : record.destinations) {
        record_detail::put(out, Tag::destination, destination);
    }
    if (record.status != 0) {
        record_detail::put_number(out, Tag::status, record.status);
    }
    record_detail::put_if(out, Tag::findings, record.findings);
    record_detail::put_if(out, Tag::body, record.body);
    return out;
}

Result<JournalRecord> decode_record(std::string_view bytes) {
    record_detail::Reader reader(bytes);
    JournalRecord record;
    bool has_kind = false;
    while (!reader.done()) {
        std::uint8_t tag = 0;
        std::string_view field;
        if (!reader.next(tag, field) ||
            !record_detail::set_field(record, static_cast<record_detail::Tag>(tag), field)) {
            return Fault(Errc::corrupt, "journal.decode", "a field is cut short or out of range");
        }
        has_kind = has_kind || tag == static_cast<std::uint8_t>(record_detail::Tag::kind);
    }
    if (!has_kind || record.message_id.empty()) {
        return Fault(Errc::corrupt, "journal.decode", "no record kind or no message id");
    }
    return record;
}

}  // namespace gatehouse::gateway
