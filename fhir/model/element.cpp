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

// Counts the bytes for which `counts` is true: written so that compilers do many at once.
template <class Counts> std::uint32_t count_bytes(std::string_view text, Counts counts) {
    using Bytes = std::uint8_t __attribute__((vector_size(16)));
    std::uint32_t count = 0;
    const char* at = text.data();
    std::size_t left = text.size();
    while (left >= sizeof(Bytes)) {
        // A byte of the sums holds 255 at most.
        Bytes sums{};
        for (int i = 0; i < 255 && left >= sizeof(Bytes);
             ++i, at += sizeof(Bytes), left -= sizeof(Bytes)) {
            Bytes bytes;
            std::memcpy(&bytes, at, sizeof(Bytes));
            sums -= reinterpret_cast<Bytes>(counts(bytes));  // true is all bits set, which is -1
        }
        for (std::size_t i = 0; i < sizeof(Bytes); ++i) {
            count += sums[i];
        }
    }
    for (; left > 0; ++at, --left) {
        count += counts(Bytes{} + static_cast<std::uint8_t>(*at))[0] != 0 ? 1U : 0U;
    }
    return count;
}

// Continuation bytes (10xxxxxx) belong to the code point before them.
std::uint32_t count_code_points(std::string_view text) {
    return count_bytes(text, [](auto bytes) { return (bytes & 0xC0U) != 0x80U; });
}

std::uint32_t count_lines(std::string_view text) {
    return count_bytes(text, [](auto bytes) { return bytes == '\n'; });
}

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
        const bool same = symbol != unknown_symbol && at->symbol != unknown_symbol
                              ? at->symbol == symbol
                              : at->name == name;
        position += same ? 1U : 0U;
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
    const auto code_points = [this](std::size_t from, std::size_t to) {
        return count_code_points(source_.substr(from, to - from));
    };
    const auto last_line_start = [this](std::size_t from, std::size_t to) {
        const std::size_t found = source_.substr(from, to - from).rfind('\n');
        return found == std::string_view::npos ? from : from + found + 1;
    };
    const std::string_view between =
        source_.substr(std::min(seen_, offset), seen_ < offset ? offset - seen_ : seen_ - offset);
    const std::uint32_t lines = count_lines(between);
    if (offset >= seen_) {
        line_ += lines;
        column_ = lines == 0 ? column_ + code_points(seen_, offset)
                             : 1 + code_points(last_line_start(seen_, offset), offset);
    } else {
        line_ -= lines;
        column_ = lines == 0 ? column_ - code_points(offset, seen_)
                             : 1 + code_points(last_line_start(0, offset), offset);
    }
    seen_ = offset;
    return {line_, column_};
}

std::string expression_of(const Element& element) {
    return ExpressionCursor().of(element);
}

std::uint32_t ExpressionCursor::index_of(const Element& node) {
    if (node.parent->parent != nullptr) {
        return node.index();
    }
    // Repeats stand next to one another, so from one of them the others are found going on.
    if (seen_ != nullptr && seen_->parent == node.parent && seen_->name == node.name) {
        std::uint32_t index = index_;
        for (const Element* at = seen_; at != nullptr && at->name == node.name; at = at->next) {
            if (at == &node) {
                seen_ = at;
                index_ = index;
                return index;
            }
            ++index;
        }
    }
    seen_ = &node;
    index_ = node.index();
    return index_;
}

std::string ExpressionCursor::of(const Element& element) {
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
            out += std::to_string(index_of(node));
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
