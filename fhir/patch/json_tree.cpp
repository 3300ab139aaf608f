// SPDX-License-Identifier: Apache-2.0
#include "fhir/patch/json_tree.hpp"

#include <algorithm>
#include <charconv>

#include "fhir/json/json.hpp"

namespace gatehouse::fhir::patch {
namespace {

// A number as sign, digits without leading and trailing zeros, and the power of ten of the last
// one.
struct Decimal {
    bool negative = false;
    std::string digits;
    long long exponent = 0;
    bool operator==(const Decimal&) const = default;
};

Decimal decimal_of(std::string_view text) {
    Decimal out;
    if (!text.empty() && text.front() == '-') {
        out.negative = true;
        text.remove_prefix(1);
    }
    const auto e = text.find_first_of("eE");
    if (e != std::string_view::npos) {
        std::string_view power = text.substr(e + 1);
        if (!power.empty() && power.front() == '+') {
            power.remove_prefix(1);
        }
        std::from_chars(power.data(), power.data() + power.size(), out.exponent);
        text = text.substr(0, e);
    }
    for (const char c : text) {
        if (c != '.') {
            out.digits.push_back(c);
        }
    }
    if (const auto point = text.find('.'); point != std::string_view::npos) {
        out.exponent -= static_cast<long long>(text.size() - point - 1);
    }
    while (!out.digits.empty() && out.digits.back() == '0') {
        out.digits.pop_back();
        ++out.exponent;
    }
    out.digits.erase(0, std::min(out.digits.find_first_not_of('0'), out.digits.size()));
    if (out.digits.empty()) {
        return {};
    }
    return out;
}

bool is_empty(const Node& node) noexcept {
    return (node.kind == Node::Kind::array && node.items.empty()) ||
           (node.kind == Node::Kind::object && node.members.empty());
}

}  // namespace

Node* Node::member(std::string_view name) noexcept {
    for (auto& [key, value] : members) {
        if (key == name) {
            return &value;
        }
    }
    return nullptr;
}

Node node_of(const JsonValue& value) {
    Node node;
    node.kind = value.kind;
    node.text = value.text;
    node.items.reserve(value.items.size());
    for (const JsonValue& item : value.items) {
        node.items.push_back(node_of(item));
    }
    node.members.reserve(value.members.size());
    for (const JsonValue::Member& member : value.members) {
        node.members.emplace_back(std::string(member.name), node_of(member.value));
    }
    return node;
}

void write(const Node& node, std::string& out) {
    switch (node.kind) {
    case Node::Kind::null: out.append("null"); return;
    case Node::Kind::boolean:
    case Node::Kind::number: out.append(node.text); return;
    case Node::Kind::string: append_json_string(out, node.text); return;
    case Node::Kind::array: {
        out.push_back('[');
        for (const Node& item : node.items) {
            if (&item != &node.items.front()) {
                out.push_back(',');
            }
            write(item, out);
        }
        out.push_back(']');
        return;
    }
    case Node::Kind::object: {
        out.push_back('{');
        for (const auto& member : node.members) {
            if (&member != &node.members.front()) {
                out.push_back(',');
            }
            append_json_string(out, member.first);
            out.push_back(':');
            write(member.second, out);
        }
        out.push_back('}');
        return;
    }
    }
}

bool equal(const Node& a, const Node& b) {
    if (a.kind != b.kind) {
        return false;
    }
    switch (a.kind) {
    case Node::Kind::null: return true;
    case Node::Kind::boolean:
    case Node::Kind::string: return a.text == b.text;
    case Node::Kind::number: return decimal_of(a.text) == decimal_of(b.text);
    case Node::Kind::array:
        return a.items.size() == b.items.size() &&
               std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
    case Node::Kind::object:
        return a.members.size() == b.members.size() &&
               std::all_of(a.members.begin(), a.members.end(), [&](const auto& member) {
                   return std::any_of(b.members.begin(), b.members.end(), [&](const auto& other) {
                       return other.first == member.first && equal(member.second, other.second);
                   });
               });
    }
    return false;
}

std::size_t size_of(const Node& node) {
    std::size_t sum = 1;
    for (const Node& item : node.items) {
        sum += size_of(item);
    }
    for (const auto& member : node.members) {
        sum += size_of(member.second);
    }
    return sum;
}

std::size_t depth_of(const Node& node) {
    std::size_t deepest = 0;
    for (const Node& item : node.items) {
        deepest = std::max(deepest, depth_of(item));
    }
    for (const auto& member : node.members) {
        deepest = std::max(deepest, depth_of(member.second));
    }
    return deepest + 1;
}

void prune(Node& node) {
    for (Node& item : node.items) {
        prune(item);
    }
    for (auto& member : node.members) {
        prune(member.second);
    }
    std::erase_if(node.items, is_empty);
    std::erase_if(node.members, [](const auto& member) { return is_empty(member.second); });
}

std::optional<std::vector<std::string>> read_pointer(std::string_view text) {
    std::vector<std::string> steps;
    if (text.empty()) {
        return steps;
    }
    if (text.front() != '/') {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '/') {
            steps.emplace_back();
        } else if (text[i] != '~') {
            steps.back().push_back(text[i]);
        } else if (i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
            steps.back().push_back(text[++i] == '0' ? '~' : '/');
        } else {
            return std::nullopt;
        }
    }
    return steps;
}

}  // namespace gatehouse::fhir::patch
