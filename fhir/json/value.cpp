// SPDX-License-Identifier: Apache-2.0
#include "fhir/json/value.hpp"

#include <algorithm>
#include <vector>

#include "fhir/base/utf8.hpp"
#include "fhir/json/source_stream.hpp"
#include "fhir/model/element.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::size_t value_depth_max = 64;

// RapidJSON events -> JsonValue. Values of open containers wait on one stack; closing a container
// moves its part of the stack into the arena.
class ValueBuilder {
public:
    ValueBuilder(json::SourceStream& stream, Arena& arena) : stream_(stream), arena_(arena) {}

    bool Null() { return add({}); }
    bool Bool(bool truth) {
        JsonValue value;
        value.kind = JsonValue::Kind::boolean;
        value.text = truth ? "true" : "false";
        return add(value);
    }
    bool RawNumber(const char*, rapidjson::SizeType length, bool) {
        JsonValue value;
        value.kind = JsonValue::Kind::number;
        value.text = stream_.source(stream_.Tell() - length, length);
        return add(value);
    }
    bool String(const char*, rapidjson::SizeType, bool) {
        if (!check_token()) {
            return false;
        }
        JsonValue value;
        value.kind = JsonValue::Kind::string;
        value.text = stream_.token(arena_);
        return add(value);
    }
    bool Key(const char*, rapidjson::SizeType, bool) {
        if (!check_token()) {
            return false;
        }
        keys_.push_back(stream_.token(arena_));
        return true;
    }
    bool StartObject() { return open(); }
    bool StartArray() { return open(); }
    bool EndObject(rapidjson::SizeType count) {
        --depth_;
        const auto members = arena_.array<JsonValue::Member>(count);
        const std::size_t first_key = keys_.size() - count;
        const std::size_t first_value = values_.size() - count;
        for (std::size_t i = 0; i < count; ++i) {
            members[i] = {keys_[first_key + i], values_[first_value + i]};
        }
        if (!unique(members)) {
            return refuse("a member stands twice in one object");
        }
        keys_.resize(first_key);
        values_.resize(first_value);
        JsonValue value;
        value.kind = JsonValue::Kind::object;
        value.members = members;
        return add(value);
    }
    bool EndArray(rapidjson::SizeType count) {
        --depth_;
        const auto items = arena_.array<JsonValue>(count);
        const std::size_t first = values_.size() - count;
        std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first), count, items.begin());
        values_.resize(first);
        JsonValue value;
        value.kind = JsonValue::Kind::array;
        value.items = items;
        return add(value);
    }
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(std::int64_t) { return false; }
    bool Uint64(std::uint64_t) { return false; }
    bool Double(double) { return false; }

    [[nodiscard]] const char* refusal() const { return refusal_; }
    [[nodiscard]] const JsonValue& root() const { return values_.front(); }

private:
    bool add(const JsonValue& value) {
        values_.push_back(value);
        return true;
    }
    bool open() { return ++depth_ <= value_depth_max || refuse("values nest deeper than 64"); }
    bool refuse(const char* words) {
        refusal_ = words;
        return false;
    }
    bool check_token() {
        if (stream_.has_lone_surrogate()) {
            return refuse("half of a \\u surrogate pair stands alone");
        }
        return !stream_.has_nul() || refuse("a string holds U+0000");
    }
    static bool unique(std::span<JsonValue::Member> members) {
        if (members.size() <= 16) {
            for (std::size_t i = 1; i < members.size(); ++i) {
                for (std::size_t k = 0; k < i; ++k) {
                    if (members[i].name == members[k].name) {
                        return false;
                    }
                }
            }
            return true;
        }
        std::vector<std::string_view> names;
        names.reserve(members.size());
        for (const JsonValue::Member& member : members) {
            names.push_back(member.name);
        }
        std::sort(names.begin(), names.end());
        return std::adjacent_find(names.begin(), names.end()) == names.end();
    }

    json::SourceStream& stream_;
    Arena& arena_;
    std::vector<JsonValue> values_;
    std::vector<std::string_view> keys_;
    std::size_t depth_ = 0;
    const char* refusal_ = nullptr;
};

Fault value_fault(std::string_view text, std::size_t offset, const char* words) {
    const Position position = position_of(text, offset);
    return {
        Errc::invalid,
        "JSON",
        "line " + std::to_string(position.line) + ", column " + std::to_string(position.column) +
            ": " + words};
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const noexcept {
    for (const Member& member : members) {
        if (member.name == name) {
            return &member.value;
        }
    }
    return nullptr;
}

std::string_view
JsonValue::string(std::string_view name, std::string_view fallback) const noexcept {
    const JsonValue* found = find(name);
    return found != nullptr && found->kind == Kind::string ? found->text : fallback;
}

Result<JsonValue> parse_json_value(std::string_view text, Arena& arena) {
    if (const std::size_t bad = invalid_utf8_at(text); bad != std::string_view::npos) {
        return value_fault(text, bad, "a byte is not UTF-8");
    }
    json::SourceStream stream(text);
    if (text.starts_with("\xEF\xBB\xBF")) {
        stream.skip_bytes(3);
    }
    ValueBuilder builder(stream, arena);
    rapidjson::Reader reader;
    const rapidjson::ParseResult result = reader.Parse<json::parse_flags>(stream, builder);
    if (builder.refusal() != nullptr) {
        return value_fault(text, stream.Tell(), builder.refusal());
    }
    if (result.IsError()) {
        return value_fault(text, result.Offset(), json::words_of(result.Code()));
    }
    if (!stream.at_end()) {
        return value_fault(text, stream.Tell(), "a NUL byte stands after the value");
    }
    return builder.root();
}

}  // namespace gatehouse::fhir
