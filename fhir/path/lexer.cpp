// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/lexer.hpp"

#include <array>

namespace gatehouse::fhir::path {
namespace lexical {

bool digit(char c) {
    return c >= '0' && c <= '9';
}

bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

int hex_value(char c) {
    if (digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class Lexer {
public:
    Lexer(std::string_view text, std::vector<Token>& tokens, Error& error)
        : text_(text), tokens_(tokens), error_(error) {}

    bool run() {
        for (;;) {
            if (!skip_space()) {
                return false;
            }
            if (at_ == text_.size()) {
                add(TokenKind::end, at_, 0);
                return true;
            }
            if (!next()) {
                return false;
            }
        }
    }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void add(TokenKind kind, std::size_t start, std::size_t size) {
        tokens_.push_back({kind, static_cast<std::uint32_t>(start), text_.substr(start, size)});
    }

    bool fail(std::size_t offset, std::string message) {
        error_ = {ErrorPhase::syntax, std::move(message), static_cast<std::uint32_t>(offset)};
        return false;
    }

    bool skip_space() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
                ++at_;
            } else if (c == '\xC2' && peek(1) == '\xA0') {  // no-break space, from pasted profiles
                at_ += 2;
            } else if (c == '/' && peek(1) == '/') {
                const auto end = text_.find('\n', at_);
                at_ = end == std::string_view::npos ? text_.size() : end + 1;
            } else if (c == '/' && peek(1) == '*') {
                const auto end = text_.find("*/", at_ + 2);
                if (end == std::string_view::npos) {
                    return fail(at_, "a comment starts here and never ends; close it with */");
                }
                at_ = end + 2;
            } else {
                break;
            }
        }
        return true;
    }

    bool next() {
        const char c = peek();
        const std::size_t start = at_;
        if (letter(c)) {
            while (letter(peek()) || digit(peek())) {
                ++at_;
            }
            add(TokenKind::identifier, start, at_ - start);
            return true;
        }
        if (digit(c)) {
            return number();
        }
        switch (c) {
        case '\'': return quoted('\'', TokenKind::string, "string");
        case '`': return quoted('`', TokenKind::delimited, "delimited name");
        case '"': return quoted('"', TokenKind::delimited, "delimited name");
        case '@': return moment();
        case '%':
            ++at_;
            add(TokenKind::variable, start, 1);
            return true;
        case '$':
            ++at_;
            while (letter(peek())) {
                ++at_;
            }
            add(TokenKind::dollar, start, at_ - start);
            return true;
        default: return symbol();
        }
    }

    bool number() {
        const std::size_t start = at_;
        while (digit(peek())) {
            ++at_;
        }
        if (peek() == '.' && digit(peek(1))) {
            ++at_;
            while (digit(peek())) {
                ++at_;
            }
        }
        add(TokenKind::number, start, at_ - start);
        return true;
    }

    bool quoted(char quote, TokenKind kind, std::string_view what) {
        const std::size_t start = at_++;
        while (at_ < text_.size() && text_[at_] != quote) {
            at_ += text_[at_] == '\\' && at_ + 1 < text_.size() ? 2 : 1;
        }
        if (at_ >= text_.size()) {
            std::string message = "a ";
            message += what;
            message += " starts here and never ends; expected a closing ";
            message += quote;
            return fail(start, std::move(message));
        }
        add(kind, start + 1, at_ - start - 1);
        tokens_.back().offset = static_cast<std::uint32_t>(start);
        ++at_;
        return true;
    }

    void time_of_day() {
        const auto two_digits = [&] { return digit(peek()) && digit(peek(1)); };
        if (!two_digits()) {
            return;
        }
        at_ += 2;
        for (int part = 0; part < 2 && peek() == ':' && digit(peek(1)) && digit(peek(2)); ++part) {
            at_ += 3;
            if (part == 1 && peek() == '.' && digit(peek(1))) {
                for (++at_; digit(peek()); ++at_) {
                }
            }
        }
    }

    bool moment() {
        const std::size_t start = at_++;
        if (peek() == 'T') {
            const std::size_t first = ++at_;
            time_of_day();
            if (at_ == first) {
                return fail(start, "expected a time after @T, such as @T14:30");
            }
            if (peek() == 'Z' || ((peek() == '+' || peek() == '-') && digit(peek(1)) &&
                                  digit(peek(2)) && peek(3) == ':')) {
                return fail(
                    at_, "a time has no time zone; write a DateTime, or leave the zone out"
                );
            }
            add(TokenKind::time, first, at_ - first);
            tokens_.back().offset = static_cast<std::uint32_t>(start);
            return true;
        }
        const std::size_t first = at_;
        TokenKind kind = TokenKind::date;
        while (digit(peek()) && at_ - first < 4) {
            ++at_;
        }
        if (at_ - first != 4) {
            return fail(start, "expected a date or time after @, such as @2015-02-04 or @T14:30");
        }
        for (int part = 0; part < 2 && peek() == '-' && digit(peek(1)) && digit(peek(2)); ++part) {
            at_ += 3;
        }
        if (peek() == 'T') {
            kind = TokenKind::date_time;
            ++at_;
            const std::size_t before = at_;
            time_of_day();
            if (at_ != before) {
                zone();
            }
        }
        add(kind, first, at_ - first);
        tokens_.back().offset = static_cast<std::uint32_t>(start);
        return true;
    }

    void zone() {
        if (peek() == 'Z') {
            ++at_;
        } else if ((peek() == '+' || peek() == '-') && digit(peek(1)) && digit(peek(2)) && peek(3) == ':' && digit(peek(4)) && digit(peek(5))) {
            at_ += 6;
        }
    }

    bool symbol() {
        constexpr std::array<std::string_view, 4> pairs{"<=", ">=", "!=", "!~"};
        for (const auto pair : pairs) {
            if (text_.substr(at_, 2) == pair) {
                add(TokenKind::symbol, at_, 2);
                at_ += 2;
                return true;
            }
        }
        constexpr std::string_view single = ".,()[]{}+-*/&|<>=~";
        if (single.find(text_[at_]) == std::string_view::npos) {
            return fail(at_, "a character that means nothing in FHIRPath");
        }
        add(TokenKind::symbol, at_, 1);
        ++at_;
        return true;
    }

    std::string_view text_;
    std::vector<Token>& tokens_;
    Error& error_;
    std::size_t at_ = 0;
};

// Four hex digits at `at`, or -1.
int unicode_unit(std::string_view raw, std::size_t at) {
    if (at + 4 > raw.size()) {
        return -1;
    }
    int value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const int digit_value = hex_value(raw[i]);
        if (digit_value < 0) {
            return -1;
        }
        value = value * 16 + digit_value;
    }
    return value;
}

}  // namespace lexical

bool tokenize(std::string_view text, std::vector<Token>& tokens, Error& error) {
    return lexical::Lexer(text, tokens, error).run();
}

void append_code_point(std::string& out, char32_t c) {
    const auto byte = [&out](char32_t value) { out.push_back(static_cast<char>(value)); };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xC0 | (c >> 6));
        byte(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        byte(0xE0 | (c >> 12));
        byte(0x80 | ((c >> 6) & 0x3F));
        byte(0x80 | (c & 0x3F));
    } else {
        byte(0xF0 | (c >> 18));
        byte(0x80 | ((c >> 12) & 0x3F));
        byte(0x80 | ((c >> 6) & 0x3F));
        byte(0x80 | (c & 0x3F));
    }
}

std::string unescape(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\') {
            out.push_back(raw[i]);
            continue;
        }
        if (++i == raw.size()) {
            break;
        }
        switch (raw[i]) {
        case 'f': out.push_back('\f'); break;
        case 'n': out.push_back('\n'); break;
        case 'r': out.push_back('\r'); break;
        case 't': out.push_back('\t'); break;
        case 'u': {
            const int unit = lexical::unicode_unit(raw, i + 1);
            if (unit < 0) {
                out.push_back('u');
                break;
            }
            i += 4;
            auto code_point = static_cast<char32_t>(unit);
            const bool high = unit >= 0xD800 && unit < 0xDC00;
            const int low =
                high && raw.substr(i + 1, 2) == "\\u" ? lexical::unicode_unit(raw, i + 3) : -1;
            if (low >= 0xDC00 && low < 0xE000) {
                code_point =
                    0x10000 + ((code_point - 0xD800) << 10) + (static_cast<char32_t>(low) - 0xDC00);
                i += 6;
            } else if (unit >= 0xD800 && unit < 0xE000) {
                code_point = 0xFFFD;  // half a surrogate pair has no UTF-8
            }
            append_code_point(out, code_point);
            break;
        }
        default: out.push_back(raw[i]);
        }
    }
    return out;
}

void append_escaped(std::string& out, std::string_view text, char quote) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const char c : text) {
        switch (c) {
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\\': out += "\\\\"; break;
        default:
            if (c == quote) {
                out += '\\';
                out += c;
            } else if (static_cast<unsigned char>(c) < 0x20) {
                out += "\\u00";
                out += hex[static_cast<unsigned char>(c) >> 4];
                out += hex[static_cast<unsigned char>(c) & 15];
            } else {
                out += c;
            }
        }
    }
}

}  // namespace gatehouse::fhir::path
