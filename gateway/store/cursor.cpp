// SPDX-License-Identifier: Apache-2.0

#include "gateway/store/cursor.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gatehouse::gateway {
namespace cursor_detail {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string to_base64(std::string_view bytes) {
    std::string out;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char byte : bytes) {
        bits = (bits << 8U) | static_cast<unsigned char>(byte);
        count += 8;
        while (count >= 6) {
            count -= 6;
            out.push_back(digits[(bits >> count) & 63U]);
        }
    }
    if (count > 0) {
        out.push_back(digits[(bits << (6 - count)) & 63U]);
    }
    return out;
}

bool from_base64(std::string_view text, std::string& out) {
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos) {
            return false;
        }
        bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<char>((bits >> count) & 255U));
        }
    }
    return true;
}

void put_u64(std::string& out, std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        out.push_back(static_cast<char>((value >> shift) & 255U));
    }
}

bool get_u64(std::string_view& in, std::uint64_t& value) {
    if (in.size() < 8) {
        return false;
    }
    value = 0;
    for (unsigned i = 0; i < 8; ++i) {
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
    }
    in.remove_prefix(8);
    return true;
}

void put_key(std::string& out, const SqlValue& key) {
    out.push_back(static_cast<char>(key.index()));
    if (const auto* integer = std::get_if<std::int64_t>(&key)) {
        put_u64(out, static_cast<std::uint64_t>(*integer));
    } else if (const auto* real = std::get_if<double>(&key)) {
        put_u64(out, std::bit_cast<std::uint64_t>(*real));
    } else if (const auto* text = std::get_if<std::string>(&key)) {
        put_u64(out, text->size());
        out += *text;
    }
}

bool get_key(std::string_view& in, SqlValue& key) {
    if (in.empty()) {
        return false;
    }
    const auto kind = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    if (kind == 0) {
        key = nullptr;
        return true;
    }
    std::uint64_t word = 0;
    if (kind > 3 || !get_u64(in, word)) {
        return false;
    }
    if (kind == 1) {
        key = static_cast<std::int64_t>(word);
    } else if (kind == 2) {
        key = std::bit_cast<double>(word);
    } else {
        if (word > in.size()) {
            return false;
        }
        key = std::string(in.substr(0, word));
        in.remove_prefix(word);
    }
    return true;
}

// Key stream from the seal: every cursor has its own.
void encipher(std::string& bytes, std::uint64_t seal, const CursorSecret& secret) {
    const CursorSecret key{~secret[1], ~secret[0]};
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i % 8 == 0) {
            std::string block;
            put_u64(block, seal);
            put_u64(block, i);
            word = sip_hash(block, key);
        }
        bytes[i] = static_cast<char>(
            static_cast<unsigned char>(bytes[i]) ^ ((word >> (8 * (i % 8))) & 255U)
        );
    }
}

std::uint64_t seal_of(std::string_view plain, std::string_view search, const CursorSecret& secret) {
    std::string text;
    put_u64(text, plain.size());
    text.append(plain).append(search);
    return sip_hash(text, secret);
}

}  // namespace cursor_detail

std::string seal_cursor(const Cursor& cursor, std::string_view search, const CursorSecret& secret) {
    std::string plain;
    cursor_detail::put_u64(plain, static_cast<std::uint64_t>(cursor.rid));
    plain.push_back(static_cast<char>((cursor.above ? 1 : 0) + (cursor.back ? 2 : 0)));
    for (const SqlValue& key : cursor.keys) {
        cursor_detail::put_key(plain, key);
    }
    const std::uint64_t seal = cursor_detail::seal_of(plain, search, secret);
    cursor_detail::encipher(plain, seal, secret);
    std::string bytes;
    cursor_detail::put_u64(bytes, seal);
    return cursor_detail::to_base64(bytes + plain);
}

std::optional<Cursor>
open_cursor(std::string_view text, std::string_view search, const CursorSecret& secret) {
    std::string bytes;
    if (!cursor_detail::from_base64(text, bytes)) {
        return std::nullopt;
    }
    std::string_view in = bytes;
    std::uint64_t seal = 0;
    if (!cursor_detail::get_u64(in, seal)) {
        return std::nullopt;
    }
    std::string plain(in);
    cursor_detail::encipher(plain, seal, secret);
    if (cursor_detail::seal_of(plain, search, secret) != seal) {
        return std::nullopt;
    }
    in = plain;
    std::uint64_t rid = 0;
    if (!cursor_detail::get_u64(in, rid) || in.empty()) {
        return std::nullopt;
    }
    Cursor cursor;
    cursor.rid = static_cast<std::int64_t>(rid);
    cursor.above = (in.front() & 1) != 0;
    cursor.back = (in.front() & 2) != 0;
    in.remove_prefix(1);
    while (!in.empty()) {
        if (!cursor_detail::get_key(in, cursor.keys.emplace_back())) {
            return std::nullopt;
        }
    }
    return cursor;
}

std::string fingerprint_of(const HistoryQuery& query) {
    std::string print = "history";
    const auto add = [&print](std::string_view text) {
        print.push_back('\0');
        print += text;
    };
    add(query.type);
    add(query.id);
    add(std::to_string(query.since));
    add(std::to_string(query.at_low));
    add(std::to_string(query.at_high));
    if (query.among) {
        add("among");  // a List's members, which may change between its pages
    }
    return print;
}

PageLinks settle_page(
    std::vector<PageRow>& rows,
    const Cursor* from,
    std::uint32_t count,
    std::string_view search,
    const CursorSecret& secret
) {
    const bool back = from != nullptr && from->back;
    const bool more = rows.size() > count;
    PageLinks links;
    if (more) {
        rows.resize(count);
        const Cursor on{rows.back().keys, rows.back().rid, back, back};
        (back ? links.previous : links.next) = seal_cursor(on, search, secret);
    }
    if (back) {
        std::ranges::reverse(rows);
    }
    if (from != nullptr) {
        Cursor whence = *from;
        whence.back = !back;
        (back ? links.next : links.previous) = seal_cursor(whence, search, secret);
    }
    return links;
}

std::uint64_t sip_hash(std::string_view bytes, const CursorSecret& key) noexcept {
    std::array<std::uint64_t, 4> v{
        key[0] ^ 0x736f6d6570736575U,
        key[1] ^ 0x646f72616e646f6dU,
        key[0] ^ 0x6c7967656e657261U,
        key[1] ^ 0x7465646279746573U};
    const auto round = [&v] {
        v[0] += v[1];
        v[1] = std::rotl(v[1], 13) ^ v[0];
        v[0] = std::rotl(v[0], 32);
        v[2] += v[3];
        v[3] = std::rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = std::rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = std::rotl(v[1], 17) ^ v[2];
        v[2] = std::rotl(v[2], 32);
    };
    const auto absorb = [&](std::uint64_t word) {
        v[3] ^= word;
        round();
        round();
        v[0] ^= word;
    };
    std::uint64_t word = 0;
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        std::memcpy(&word, bytes.data() + at, 8);
        absorb(word);
    }
    word = static_cast<std::uint64_t>(bytes.size()) << 56U;
    for (std::size_t i = 0; at + i < bytes.size(); ++i) {
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    }
    absorb(word);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) {
        round();
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace gatehouse::gateway
