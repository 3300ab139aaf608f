// SPDX-License-Identifier: Apache-2.0
//
// encode, decode, escape, unescape (FHIRPath 3.0 §5.6).
#include <array>

#include "fhir/path/functions.hpp"
#include "fhir/path/lexer.hpp"

namespace gatehouse::fhir::path::functions {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view hex_digits = "0123456789abcdef";

std::string encode_base64(std::string_view text, std::string_view symbols) {
    std::string out;
    std::uint32_t buffer = 0;
    int bits = 0;
    for (const char c : text) {
        buffer = (buffer << 8) | static_cast<unsigned char>(c);
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            out += symbols[(buffer >> bits) & 63];
        }
    }
    if (bits > 0) {
        out += symbols[(buffer << (6 - bits)) & 63];
    }
    while (out.size() % 4 != 0) {
        out += '=';
    }
    return out;
}

bool decode_base64(std::string_view text, std::string_view symbols, std::string& out) {
    while (!text.empty() && text.back() == '=') {
        text.remove_suffix(1);
    }
    std::uint32_t buffer = 0;
    int bits = 0;
    for (const char c : text) {
        const auto digit = symbols.find(c);
        if (digit == std::string_view::npos) {
            return false;
        }
        buffer = (buffer << 6) | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>((buffer >> bits) & 255);
        }
    }
    return text.size() % 4 != 1;
}

bool decode_hex(std::string_view text, std::string& out) {
    const auto digit = [](char c) {
        const char lower_case = static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c);
        const auto at = hex_digits.find(lower_case);
        return at == std::string_view::npos ? -1 : static_cast<int>(at);
    };
    if (text.size() % 2 != 0) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]);
        const int low = digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out += static_cast<char>(high * 16 + low);
    }
    return true;
}

// Decoded bytes are a String only if they are text.
bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t bytes = lead < 0x80 ? 1 : (lead >= 0xF0 ? 4 : (lead >= 0xE0 ? 3 : 2));
        if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || i + bytes > text.size()) {
            return false;
        }
        for (std::size_t k = 1; k < bytes; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) {
                return false;
            }
        }
        i += bytes;
    }
    return true;
}

std::string escape_html(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '&': out += "&amp;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string escape_json(std::string_view text) {
    std::string out;
    append_escaped(out, text, '"');
    return out;
}

std::string unescape_html(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> names{{
        {"&lt;", "<"},
        {"&gt;", ">"},
        {"&amp;", "&"},
        {"&quot;", "\""},
        {"&apos;", "'"},
        {"&nbsp;", "\xC2\xA0"},
    }};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        bool done = false;
        for (const auto& [name, value] : names) {
            if (text.substr(i, name.size()) == name) {
                out += value;
                i += name.size();
                done = true;
                break;
            }
        }
        if (!done && text.substr(i, 2) == "&#") {
            const auto end = text.find(';', i);
            const bool is_hex = i + 2 < text.size() && (text[i + 2] == 'x' || text[i + 2] == 'X');
            std::uint32_t value = 0;
            bool good = end != std::string_view::npos && end - i < 12;
            const std::size_t first = i + (is_hex ? 3 : 2);
            good = good && end > first;
            for (std::size_t k = first; good && k < end; ++k) {
                const char c =
                    static_cast<char>(text[k] >= 'A' && text[k] <= 'F' ? text[k] + 32 : text[k]);
                const auto digit = hex_digits.find(c);
                good = digit < (is_hex ? 16U : 10U) && value < 0x200000;
                value = value * (is_hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
            }
            if (good && value > 0 && value < 0x110000 && (value < 0xD800 || value > 0xDFFF)) {
                append_code_point(out, value);
                i = end + 1;
                done = true;
            }
        }
        if (!done) {
            out += text[i++];
        }
    }
    return out;
}

using Coder = bool (*)(std::string_view format, std::string_view text, std::string& out);

bool recode(Evaluator& run, const Node& node, const Frame& frame, Sink sink, Coder coder) {
    std::string_view text;
    std::string_view format;
    const int has_text = run.input_text(node, frame, text);
    const int has_format = has_text < 0 ? -1 : run.text_argument(node, frame, 0, format);
    if (has_text != 1 || has_format != 1) {
        return has_text >= 0 && has_format >= 0;
    }
    std::string out;
    if (!run.pay(text.size() / 8) || !coder(format, text, out)) {
        return !run.failed();
    }
    return run.emit_text(sink, out);
}

}  // namespace

bool encode(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return recode(
        run,
        node,
        frame,
        sink,
        [](std::string_view format, std::string_view text, std::string& out) {
            if (format == "base64" || format == "urlbase64") {
                out = encode_base64(text, format == "base64" ? alphabet : url_alphabet);
                return true;
            }
            if (format != "hex") {
                return false;
            }
            for (const char c : text) {
                out += hex_digits[static_cast<unsigned char>(c) >> 4];
                out += hex_digits[static_cast<unsigned char>(c) & 15];
            }
            return true;
        }
    );
}

bool decode(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return recode(
        run,
        node,
        frame,
        sink,
        [](std::string_view format, std::string_view text, std::string& out) {
            bool good = false;
            if (format == "hex") {
                good = decode_hex(text, out);
            } else if (format == "base64" || format == "urlbase64") {
                good = decode_base64(text, format == "base64" ? alphabet : url_alphabet, out);
            }
            return good && is_utf8(out);
        }
    );
}

bool escape(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return recode(
        run,
        node,
        frame,
        sink,
        [](std::string_view format, std::string_view text, std::string& out) {
            out = format == "html" ? escape_html(text) : escape_json(text);
            return format == "html" || format == "json";
        }
    );
}

bool unescape(Evaluator& run, const Node& node, const Frame& frame, Sink sink) {
    return recode(
        run,
        node,
        frame,
        sink,
        [](std::string_view format, std::string_view text, std::string& out) {
            out = format == "html" ? unescape_html(text) : path::unescape(text);
            return format == "html" || format == "json";
        }
    );
}

}  // namespace gatehouse::fhir::path::functions
