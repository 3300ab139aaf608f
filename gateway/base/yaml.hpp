#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// YAML as plain text nodes with their place. yaml-cpp stays behind this header (STYLE §4), and no
// value is typed by YAML's guesses: `NO`, `1e3` and `2026-01-01` are the text that was written, and
// the reader that knows the key decides what it means. Duplicate keys are refused.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway {

struct YamlNode {
    enum class Kind : std::uint8_t { null, scalar, sequence, map };

    Kind kind = Kind::null;
    std::string text;             // scalar, as written
    bool quoted = false;          // scalar in quotes: never a number or boolean
    std::uint32_t line = 0;       // 1-based
    std::uint32_t column = 0;     // 1-based
    std::vector<YamlNode> items;  // sequence
    struct Member;
    std::vector<Member> members;  // map, in order

    [[nodiscard]] bool is(Kind wanted) const noexcept { return kind == wanted; }
    // Member by name, or nullptr.
    [[nodiscard]] const YamlNode* find(std::string_view name) const noexcept;
};

struct YamlNode::Member {
    std::string name;
    std::uint32_t line = 0;  // of the key
    std::uint32_t column = 0;
    YamlNode value;
};

// The one document of a text. Errc::invalid with "name:line:column: what" in the detail.
Result<YamlNode> parse_yaml(std::string_view text, std::string_view name);
// The same from a file; Errc::not_found or io when it cannot be read.
Result<YamlNode> load_yaml(const std::filesystem::path& file);

// A list of what is wrong with configuration files, each as "file:line:column: what".
class Problems {
public:
    void
    add(std::string_view file, std::uint32_t line, std::uint32_t column, std::string_view what);
    void add(std::string_view file, const YamlNode& at, std::string_view what) {
        add(file, at.line, at.column, what);
    }
    void add(std::string text) { lines_.push_back(std::move(text)); }
    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] const std::vector<std::string>& all() const noexcept { return lines_; }
    // One a line.
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::string> lines_;
};

// Typed readings of a scalar; nullopt when the text is not of that form.
std::optional<long long> yaml_integer(const YamlNode& node) noexcept;
std::optional<double> yaml_number(const YamlNode& node) noexcept;
std::optional<bool> yaml_boolean(const YamlNode& node) noexcept;  // true or false, nothing else
// YYYY-MM-DD that exists in the calendar.
bool is_calendar_date(std::string_view text) noexcept;

}  // namespace gatehouse::gateway
