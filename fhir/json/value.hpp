#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Plain JSON documents that are not FHIR resources: JWKS, tokens, JSON Patch, admin answers, audit
// lines, batch rows. A small immutable value tree in an arena, read by the same strict reader.

#include <span>
#include <string>
#include <string_view>

#include "fhir/base/arena.hpp"
#include "fhir/base/result.hpp"

namespace gatehouse::fhir {

class JsonValue {
public:
    enum class Kind : unsigned char { null, boolean, number, string, array, object };
    struct Member;

    Kind kind = Kind::null;
    std::string_view text;       // string content, number digits, "true"/"false"
    std::span<JsonValue> items;  // array
    std::span<Member> members;   // object, in order

    // Member by name, or nullptr.
    [[nodiscard]] const JsonValue* find(std::string_view name) const noexcept;
    // Text of a string member, or `fallback`.
    [[nodiscard]] std::string_view
    string(std::string_view name, std::string_view fallback = {}) const noexcept;
    [[nodiscard]] bool is(Kind wanted) const noexcept { return kind == wanted; }
};

struct JsonValue::Member {
    std::string_view name;
    JsonValue value;
};

// Errc::invalid with line and column in the detail. Depth is capped at 64, duplicates are refused.
Result<JsonValue> parse_json_value(std::string_view text, Arena& arena);

// A writer for such documents: comma and nesting are its business.
class JsonWriter {
public:
    explicit JsonWriter(bool pretty = false) : pretty_(pretty) {}
    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);
    JsonWriter& string(std::string_view text);
    JsonWriter& number(long long value);
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    JsonWriter& raw(std::string_view json);  // already JSON
    [[nodiscard]] const std::string& text() const noexcept { return out_; }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    void separate();
    std::string out_;
    std::string stack_;  // '{' or '[' per level, upper bit: has items
    bool pretty_;
    bool after_key_ = false;
    bool has_items_ = false;
};

}  // namespace gatehouse::fhir
