#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The input stream under RapidJSON's reader, and the tokenizer call both readers share.
//
// RapidJSON either copies each string (slow) or unescapes in place (destroys the message that the
// journal keeps). This stream claims to be in-place but writes nowhere: as long as a string holds
// no escape its token is a view of the source; from the first escape on it is collected beside it.
// Runs without quote, backslash or control byte are skipped eight bytes at a time.
//
// UTF-8 is checked once for the whole text before parsing, so the reader need not. The recursive
// parser is used because the handlers bound the depth, and it is faster than RapidJSON's state
// table.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "fhir/base/assert.hpp"

#define RAPIDJSON_ASSERT(x) GH_ASSERT(x)
#include <rapidjson/reader.h>

#include "fhir/base/arena.hpp"

namespace gatehouse::fhir::json {

// Containers nest no deeper, whatever the configured limit: the parser and everything that walks
// the tree recurse. 1,024 is ten times what any published resource needs and well inside a thread's
// stack.
inline constexpr std::size_t depth_ceiling = 1024;

class SourceStream {
public:
    using Ch = char;

    explicit SourceStream(std::string_view text)
        : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()), token_(at_),
          run_end_(at_) {}

    [[nodiscard]] Ch Peek() const { return at_ != end_ ? *at_ : '\0'; }
    Ch Take() { return at_ != end_ ? *at_++ : '\0'; }
    [[nodiscard]] std::size_t Tell() const { return static_cast<std::size_t>(at_ - begin_); }

    Ch* PutBegin() {
        token_ = at_;
        run_end_ = at_;
        copied_ = false;
        return nullptr;
    }
    // Called with each unescaped character, and with a closing '\0' when the run ended at the
    // quote.
    void Put(Ch c) {
        if (*run_end_ == '"') {
            return;
        }
        if (!copied_) {
            scratch_.assign(token_, run_end_);
            copied_ = true;
        }
        scratch_.push_back(c);
    }
    std::size_t PutEnd(Ch*) { return 1; }
    void Flush() {}
    void skip_bytes(std::size_t count) { at_ += count; }

    // Moves over everything that needs no unescaping.
    void skip_run() {
        const char* at = run_end(at_, end_);
        if (copied_) {
            scratch_.append(at_, at);
        }
        at_ = at;
        run_end_ = at;
    }
    void skip_whitespace() {
        if (at_ != end_ && *at_ == ' ') {
            ++at_;
        }
        if (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ') {
            at_ = white_end(at_, end_);
        }
    }

    // The string token just read: a view of the source, or a copy in `arena`.
    [[nodiscard]] std::string_view token(Arena& arena) const {
        return copied_ ? arena.copy(scratch_)
                       : std::string_view(token_, static_cast<std::size_t>(run_end_ - token_));
    }
    // Offset of the token's opening quote.
    [[nodiscard]] std::size_t token_offset() const {
        return static_cast<std::size_t>(token_ - begin_) - 1;
    }
    [[nodiscard]] bool unescaped() const { return copied_; }
    // Escapes can make what the text itself cannot hold: U+0000 and half a surrogate pair.
    [[nodiscard]] bool has_nul() const {
        return copied_ && scratch_.find('\0') != std::string::npos;
    }
    [[nodiscard]] bool has_lone_surrogate() const {
        for (std::size_t at = 0; copied_ && at + 1 < scratch_.size(); ++at) {
            if (scratch_[at] == '\xED' && static_cast<unsigned char>(scratch_[at + 1]) >= 0xA0) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::string_view source(std::size_t from, std::size_t length) const {
        return {begin_ + from, length};
    }
    [[nodiscard]] bool at_end() const { return at_ == end_; }

private:
    // First byte in [at, end) that is no white space. Indentation goes up to eight spaces at a
    // time.
    static const char* white_end(const char* at, const char* end) {
        constexpr std::uint64_t spaces = 0x2020202020202020ULL;
        for (; at != end; ++at) {
            while (std::endian::native == std::endian::little && end - at >= 8) {
                std::uint64_t word = 0;
                std::memcpy(&word, at, 8);
                word ^= spaces;
                if (word != 0) {
                    at += __builtin_ctzll(word) >> 3;
                    break;
                }
                at += 8;
            }
            if (at == end || (*at != ' ' && *at != '\n' && *at != '\r' && *at != '\t')) {
                break;
            }
        }
        return at;
    }

    // First quote, backslash or control byte in [at, end).
    static const char* run_end(const char* at, const char* end) {
        constexpr std::uint64_t ones = 0x0101010101010101ULL;
        constexpr std::uint64_t highs = 0x8080808080808080ULL;
        while (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, 8);
            const std::uint64_t quote = word ^ (ones * '"');
            const std::uint64_t slash = word ^ (ones * '\\');
            // A byte is zero, or below 0x20, exactly where its high bit comes up (high bytes
            // aside).
            const std::uint64_t found = (((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
                                         ((word - ones * 0x20) & ~word)) &
                                        highs;
            if (found != 0) {
                if constexpr (std::endian::native == std::endian::little) {
                    return at + (__builtin_ctzll(found) >> 3);
                }
                break;
            }
            at += 8;
        }
        while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) {
            ++at;
        }
        return at;
    }

    const char* begin_;
    const char* at_;
    const char* end_;
    const char* token_;
    const char* run_end_;
    bool copied_ = false;
    std::string scratch_;
};

// Found by argument-dependent lookup in place of RapidJSON's own template.
inline void SkipWhitespace(SourceStream& stream) {
    stream.skip_whitespace();
}

inline constexpr unsigned parse_flags =
    rapidjson::kParseInsituFlag | rapidjson::kParseNumbersAsStringsFlag;

// The same for one value, with whatever behind it.
inline constexpr unsigned value_flags = parse_flags | rapidjson::kParseStopWhenDoneFlag;

// Words for a syntax error, without RapidJSON's own.
const char* words_of(rapidjson::ParseErrorCode code) noexcept;

}  // namespace gatehouse::fhir::json

#if defined(RAPIDJSON_SSE2) || defined(RAPIDJSON_SSE42)
#error "RapidJSON's own vector paths replace the hook below; build without them"
#endif

namespace rapidjson {

template <>
template <>
inline void Reader::
    ScanCopyUnescapedString(gatehouse::fhir::json::SourceStream& in, gatehouse::fhir::json::SourceStream&) {
    in.skip_run();
}

}  // namespace rapidjson
