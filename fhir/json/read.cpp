// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <optional>

#include "fhir/base/utf8.hpp"
#include "fhir/json/bad_bytes.hpp"
#include "fhir/json/json.hpp"
#include "fhir/json/source_stream.hpp"
#include "fhir/json/tree_builder.hpp"

namespace gatehouse::fhir {

namespace json {

const char* words_of(rapidjson::ParseErrorCode code) noexcept {
    switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
        return "the text is empty; a JSON object was expected";
    case rapidjson::kParseErrorDocumentRootNotSingular:
        return "there is text after the end of the resource; send one resource and nothing else";
    case rapidjson::kParseErrorValueInvalid:
        return "a JSON value was expected here (text in double quotes, a number, true, false, "
               "null, "
               "an object or an array)";
    case rapidjson::kParseErrorObjectMissName:
        return "a member name in double quotes was expected here";
    case rapidjson::kParseErrorObjectMissColon: return "':' was expected after a member name";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket: return "',' or '}' was expected here";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket: return "',' or ']' was expected here";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
        return "\\u is not followed by four hexadecimal digits";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
        return "half of a \\u surrogate pair stands alone; write the character itself or both "
               "halves";
    case rapidjson::kParseErrorStringEscapeInvalid:
        return "a string holds a control character or an unknown escape; write \\n, \\t, \\\\, "
               "\\\" or "
               "\\u and four digits";
    case rapidjson::kParseErrorStringMissQuotationMark: return "a string has no closing quote";
    case rapidjson::kParseErrorStringInvalidEncoding: return "a string is not UTF-8";
    case rapidjson::kParseErrorNumberTooBig:
        return "a number is beyond 1e308; FHIR has none so large";
    case rapidjson::kParseErrorNumberMissFraction:
        return "a digit was expected after the decimal point";
    case rapidjson::kParseErrorNumberMissExponent: return "a digit was expected in the exponent";
    default: return "the text is not JSON";
    }
}

}  // namespace json

namespace {

// The offset of the first byte that is not UTF-8, or npos. Parts of a large text are looked at by
// helpers; they part where a character begins, so each says what it would say within the whole.
std::size_t first_bad_byte(std::string_view text, const Helpers* helpers) {
    constexpr std::size_t part_bytes = 256 * 1024;
    if (helpers == nullptr || helpers->count == 0 || text.size() < 4 * part_bytes) {
        return invalid_utf8_at(text);
    }
    const auto start_of = [&](std::size_t part) {
        std::size_t at = std::min(part * part_bytes, text.size());
        while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U
        ) {
            --at;
        }
        return at;
    };
    const std::size_t parts = (text.size() + part_bytes - 1) / part_bytes;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> bad{std::string_view::npos};
    helpers->run([&] {
        for (std::size_t part = next++; part < parts; part = next++) {
            const std::size_t from = start_of(part);
            const std::size_t to = start_of(part + 1);
            std::size_t found =
                to <= from ? std::string_view::npos : invalid_utf8_at(text.substr(from, to - from));
            if (found == std::string_view::npos) {
                continue;
            }
            found += from;
            std::size_t least = bad.load();
            while (found < least && !bad.compare_exchange_weak(least, found)) {
            }
        }
    });
    return bad;
}

Decoded read_whole(
    std::string_view text,
    Arena& arena,
    const SymbolTable& symbols,
    const DecodeLimits& limits,
    const ReadHelp& given
) {
    constexpr std::size_t text_bytes_max = 0xFFFFFFF0U;  // offsets in Element are 32 bits wide
    // A byte order mark is not part of the text (RFC 8259 §8.1 lets a reader pass over it).
    const std::size_t start = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    // Bytes that are not UTF-8 end the text: what stands before them says where in the tree they
    // are.
    const std::size_t bad = first_bad_byte(text, given.helpers);
    const std::size_t end = std::min({bad, text.size(), text_bytes_max});

    json::SourceStream stream(text.substr(0, end));
    stream.skip_bytes(start);
    ReadHelp help = given;
    if (end != text.size()) {
        help.helpers = nullptr;  // it will be refused
    }
    constexpr std::size_t large_bytes = 256 * 1024;
    json::TreeArenas one(arena);
    std::optional<json::TreeArenas> several;
    if (text.size() >= large_bytes) {
        several.emplace();
    }
    json::TreeBuilder builder(stream, text, several ? *several : one, symbols, limits, help);
    const auto finish = [&] {
        Decoded decoded = builder.finish();
        if (several) {
            several->give_to(arena);
        }
        return decoded;
    };
    if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE")) {
        builder.fail(
            IssueType::structure, "json-encoding", 0, "the text is UTF-16; FHIR JSON is UTF-8"
        );
        return finish();
    }
    rapidjson::Reader reader;
    const rapidjson::ParseResult result = reader.Parse<json::value_flags>(stream, builder);
    if (builder.failed()) {
        return finish();
    }
    stream.skip_whitespace();
    if (bad != std::string_view::npos) {
        builder.fail(
            IssueType::structure,
            "json-encoding",
            bad,
            "a byte here is not UTF-8; FHIR JSON is UTF-8"
        );
    } else if (text.size() > text_bytes_max) {
        builder.fail(IssueType::too_long, "json-size", 0, "the text is larger than 4 GiB");
    } else if (result.IsError()) {
        builder.fail(
            IssueType::structure, "json-syntax", result.Offset(), json::words_of(result.Code())
        );
    } else if (stream.Peek() != '\0') {
        builder.fail(
            IssueType::structure,
            "json-syntax",
            stream.Tell(),
            json::words_of(rapidjson::kParseErrorDocumentRootNotSingular)
        );
    } else if (!stream.at_end()) {
        builder.fail(
            IssueType::structure,
            "json-syntax",
            stream.Tell(),
            "a NUL byte stands after the resource; send one resource and nothing else"
        );
    }
    return finish();
}

}  // namespace

Decoded read_json(
    std::string_view text,
    Arena& arena,
    const SymbolTable& symbols,
    const DecodeLimits& limits,
    const ReadHelp& help
) {
    Decoded decoded = read_whole(text, arena, symbols, limits, help);
    if (decoded.root == nullptr && limits.read_past_bad_bytes) {
        read_past_bad_bytes(decoded, text, arena, "json-encoding", [&](std::string_view mended) {
            return read_whole(mended, arena, symbols, limits, help);
        });
    }
    return decoded;
}

}  // namespace gatehouse::fhir
