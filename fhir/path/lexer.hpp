#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// FHIRPath text -> tokens with byte offsets (FHIRPath N1 grammar, lexical rules).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/path/path.hpp"

namespace gatehouse::fhir::path {

enum class TokenKind : std::uint8_t {
    end,
    identifier,  // bare
    delimited,   // `in backticks`; text without them, still escaped
    string,      // text without quotes, still escaped
    number,
    date,       // text without '@'
    date_time,  // "
    time,       // text without "@T"
    variable,   // '%' alone; its name is the next token
    dollar,     // $this, $index, $total with the '$'
    symbol,     // operators and brackets
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::uint32_t offset = 0;
    std::string_view text;

    [[nodiscard]] bool is(std::string_view symbol) const {
        return kind == TokenKind::symbol && text == symbol;
    }
    [[nodiscard]] bool is_word(std::string_view word) const {
        return kind == TokenKind::identifier && text == word;
    }
};

// False on a lexical error, which `error` then describes. The last token is `end`.
bool tokenize(std::string_view text, std::vector<Token>& tokens, Error& error);

// Resolves the escapes of a string or delimited identifier (N1 §4.1.2); a backslash before anything
// that is no escape is dropped, as the specification says.
std::string unescape(std::string_view raw);

// The reverse, for printing: quotes, backslashes and control characters.
void append_escaped(std::string& out, std::string_view text, char quote);

// UTF-8 of one code point.
void append_code_point(std::string& out, char32_t code_point);

}  // namespace gatehouse::fhir::path
