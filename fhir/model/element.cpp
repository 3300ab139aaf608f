// SPDX-License-Identifier: Apache-2.0
#include "fhir/model/element.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace gatehouse::fhir {
namespace {

// Primitive type names by their spelling in a choice ("valueDateTime"), for expression_of().
constexpr std::array<std::string_view, 20> primitive_suffixes = {
    "Base64Binary", "Boolean", "Canonical",   "Code",      "Date",     "DateTime", "Decimal",
    "Id",           "Instant", "Integer",     "Integer64", "Markdown", "Oid",      "PositiveInt",
    "String",       "Time",    "UnsignedInt", "Uri",       "Url",      "Uuid",
};

void append_choice(std::string& out, std::string_view name, std::size_t base_bytes) {
    out += name.substr(0, base_bytes);
    std::string suffix(name.substr(base_bytes));
    for (const std::string_view primitive : primitive_suffixes) {
        if (suffix == primitive) {
            suffix.front() = static_cast<char>(suffix.front() | 0x20);
            break;
        }
    }
    out += ".ofType(";
    out += suffix;
    out += ')';
}

}  // namespace

Element* Element::child(std::string_view wanted) const noexcept {
    for (Element* at = first_child; at != nullptr; at = at->next) {
        if (at->name == wanted) {
            return at;
        }
    }
    return nullptr;
}

Element* Element::child(Symbol wanted) const noexcept {
    if (wanted == unknown_symbol) {
        return nullptr;
    }
    for (Element* at = first_child; at != nullptr; at = at->next) {
        if (at->symbol == wanted) {
            return at;
        }
    }
    return nullptr;
}

std::string_view Element::child_value(std::string_view wanted) const noexcept {
    const Element* found = child(wanted);
    return found != nullptr ? found->value : std::string_view{};
}

Element* Element::next_same() const noexcept {
    // Repeats are adjacent by invariant, so only the neighbour can be one.
    return next != nullptr && next->name == name ? next : nullptr;
}

std::uint32_t Element::index() const noexcept {
    if (parent == nullptr) {
        return 0;
    }
    std::uint32_t position = 0;
    for (const Element* at = parent->first_child; at != nullptr && at != this; at = at->next) {
        if (at->name == name) {
            ++position;
        }
    }
    return position;
}

bool Element::repeats() const noexcept {
    return in_array || next_same() != nullptr || index() > 0;
}

Position position_of(std::string_view source, std::size_t offset) noexcept {
    return PositionCursor(source).at(offset);
}

Position PositionCursor::at(std::size_t offset) noexcept {
    offset = std::min(offset, source_.size());
    if (offset < line_start_) {
        line_start_ = 0;
        seen_ = 0;
        line_ = 1;
    }
    while (seen_ < offset) {
        const void* end = std::memchr(source_.data() + seen_, '\n', offset - seen_);
        if (end == nullptr) {
            break;
        }
        seen_ = static_cast<std::size_t>(static_cast<const char*>(end) - source_.data()) + 1;
        line_start_ = seen_;
        ++line_;
    }
    seen_ = std::max(seen_, offset);
    Position position{line_, 1};
    for (std::size_t at = line_start_; at < offset; ++at) {
        // Continuation bytes belong to the code point before them.
        position.column += (static_cast<unsigned char>(source_[at]) & 0xC0U) != 0x80U ? 1U : 0U;
    }
    return position;
}

std::string expression_of(const Element& element) {
    std::vector<const Element*> steps;
    const Element* at = &element;
    for (; at->parent != nullptr; at = at->parent) {
        steps.push_back(at);
    }
    std::string out(at->is_resource ? at->value : at->name);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        const Element& node = **step;
        if (!out.empty()) {
            out += '.';
        }
        if (node.choice_bytes != 0 && node.choice_bytes < node.name.size()) {
            append_choice(out, node.name, node.choice_bytes);
        } else {
            out += node.name;
        }
        if (node.may_repeat || node.repeats()) {
            out += '[';
            out += std::to_string(node.index());
            out += ']';
        }
    }
    return out;
}

const Element& enclosing_resource(const Element& element) noexcept {
    const Element* at = &element;
    while (!at->is_resource && at->parent != nullptr) {
        at = at->parent;
    }
    return *at;
}

const Element& root_resource(const Element& element) noexcept {
    const Element* at = &element;
    while (at->parent != nullptr) {
        at = at->parent;
    }
    return *at;
}

}  // namespace gatehouse::fhir
