// SPDX-License-Identifier: Apache-2.0
//
// JsonWriter and the one place that quotes a JSON string.
#include <array>
#include <cstdint>
#include <cstring>

#include "fhir/base/assert.hpp"
#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"

namespace gatehouse::fhir {
namespace {

// stack_ keeps a byte per open container: '{' or '['.
constexpr int pretty_indent = 2;

// Whether any of the 8 bytes must be escaped: a control character, '"' or '\\'.
bool needs_escape(const char* at) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t high = 0x8080808080808080U;
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t slash = word ^ (ones * '\\');
    const std::uint64_t found =
        ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (found & high) != 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    std::size_t run = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        while (at + 8 <= text.size() && !needs_escape(text.data() + at)) {
            at += 8;
        }
        if (at == text.size()) {
            break;
        }
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        out.append(text, run, at - run);
        run = at + 1;
        switch (byte) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        default:
            out += "\\u00";
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    out.append(text, run, text.size() - run);
    out += '"';
}

void JsonWriter::separate() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (has_items_) {
        out_ += ',';
    }
    if (pretty_ && !stack_.empty()) {
        out_ += '\n';
        out_.append(stack_.size() * pretty_indent, ' ');
    }
    has_items_ = true;
}

JsonWriter& JsonWriter::begin_object() {
    if (out_.empty()) {
        out_.reserve(512);
    }
    separate();
    out_ += '{';
    stack_ += '{';
    has_items_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_object() {
    GH_ASSERT(!stack_.empty() && stack_.back() == '{' && !after_key_);
    stack_.pop_back();
    if (pretty_ && has_items_) {
        out_ += '\n';
        out_.append(stack_.size() * pretty_indent, ' ');
    }
    out_ += '}';
    has_items_ = true;  // the container just closed is an item of its parent
    return *this;
}

JsonWriter& JsonWriter::begin_array() {
    separate();
    out_ += '[';
    stack_ += '[';
    has_items_ = false;
    return *this;
}

JsonWriter& JsonWriter::end_array() {
    GH_ASSERT(!stack_.empty() && stack_.back() == '[' && !after_key_);
    stack_.pop_back();
    if (pretty_ && has_items_) {
        out_ += '\n';
        out_.append(stack_.size() * pretty_indent, ' ');
    }
    out_ += ']';
    has_items_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    GH_ASSERT(!stack_.empty() && stack_.back() == '{' && !after_key_);
    separate();
    append_json_string(out_, name);
    out_ += pretty_ ? ": " : ":";
    after_key_ = true;
    return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
}

JsonWriter& JsonWriter::number(long long value) {
    separate();
    out_ += std::to_string(value);
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null() {
    separate();
    out_ += "null";
    return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
}

}  // namespace gatehouse::fhir
