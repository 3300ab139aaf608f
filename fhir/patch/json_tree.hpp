#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A JSON document that can be changed, for JSON Patch. Numbers keep their text, since FHIR decimals
// keep their digits.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/json/value.hpp"

namespace gatehouse::fhir::patch {

struct Node {
    using Kind = JsonValue::Kind;
    Kind kind = Kind::null;
    std::string text;  // string content, number digits, "true"/"false"
    std::vector<Node> items;
    std::vector<std::pair<std::string, Node>> members;

    [[nodiscard]] Node* member(std::string_view name) noexcept;
};

Node node_of(const JsonValue& value);
void write(const Node& node, std::string& out);
// RFC 6902 §4.6: numbers by their value, objects whatever the order of their members.
bool equal(const Node& a, const Node& b);
// Nodes in it, itself included; and levels.
std::size_t size_of(const Node& node);
std::size_t depth_of(const Node& node);
// Takes away arrays and objects without content, from the inside out.
void prune(Node& node);

// A JSON Pointer (RFC 6901) in its unescaped steps; nothing when it is none.
std::optional<std::vector<std::string>> read_pointer(std::string_view text);

}  // namespace gatehouse::fhir::patch
