// SPDX-License-Identifier: Apache-2.0
//
// Folding of text for string search. ASCII, nearly all of what comes, takes a byte loop; the rest
// goes through ICU (NFKD, marks dropped, full lower case).

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "fhir/search/search.hpp"

namespace gatehouse::fhir {
namespace {

// Letters and digits stay; everything else becomes one space between words and none at the ends.
class WordJoiner {
public:
    explicit WordJoiner(std::string& out) : out_(out) {}
    void letter(char byte) {
        if (gap_ && !out_.empty()) {
            out_.push_back(' ');
        }
        gap_ = false;
        out_.push_back(byte);
    }
    void gap() { gap_ = true; }

private:
    std::string& out_;
    bool gap_ = false;
};

bool fold_ascii(std::string_view text, std::string& out) {
    WordJoiner joiner(out);
    for (const char byte : text) {
        if (static_cast<unsigned char>(byte) >= 0x80) {
            return false;
        }
        if (byte >= 'A' && byte <= 'Z') {
            joiner.letter(static_cast<char>(byte - 'A' + 'a'));
        } else if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9')) {
            joiner.letter(byte);
        } else if (byte != '\'') {
            joiner.gap();
        }
    }
    return true;
}

// Marks vanish, so "é" is "e"; the apostrophes of "O'Brien" vanish too, as people leave them out.
bool vanishes(UChar32 point) {
    const int8_t category = u_charType(point);
    return category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK ||
           category == U_FORMAT_CHAR || point == U'\'' || point == 0x2019 || point == 0x2bc;
}

}  // namespace

std::string fold(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    if (fold_ascii(text, out)) {
        return out;
    }
    out.clear();
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* nfkd = icu::Normalizer2::getNFKDInstance(status);
    GH_ASSERT(U_SUCCESS(status) && nfkd != nullptr);
    icu::UnicodeString source = icu::UnicodeString::fromUTF8(
        icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))
    );
    source.foldCase();
    const icu::UnicodeString parts = nfkd->normalize(source, status);
    if (U_FAILURE(status)) {
        return std::string(text);
    }
    WordJoiner joiner(out);
    for (int32_t i = 0; i < parts.length();) {
        const UChar32 point = parts.char32At(i);
        i += U16_LENGTH(point);
        if (vanishes(point)) {
            continue;
        }
        if (!u_isalnum(point) && u_charType(point) != U_COMBINING_SPACING_MARK) {
            joiner.gap();
            continue;
        }
        std::string bytes;
        icu::UnicodeString(point).toUTF8String(bytes);
        for (const char byte : bytes) {
            joiner.letter(byte);
        }
    }
    return out;
}

}  // namespace gatehouse::fhir
