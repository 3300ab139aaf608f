#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// One value of a search against one thing that a parameter's FHIRPath found: the tables of FHIR R4
// search, type by type.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/gateway/search_reference/amounts.hpp"
#include "tests/gateway/search_reference/moments.hpp"
#include "tests/gateway/search_reference/records.hpp"

namespace gatehouse::search_reference {

// Parts at an unescaped separator, still escaped; and without the escapes.
std::vector<std::string> split(std::string_view text, char separator);
std::string unescape(std::string_view text);
// "ge5" -> ge, "5".
Prefix take_prefix(std::string_view& text);

// A token: no system is not the same as any system.
struct Token {
    std::optional<std::string> system;
    std::string code;
};
// A resource of ours, or a URL of something elsewhere.
struct Literal {
    std::string type;
    std::string id;   // with type
    std::string url;  // without type
};

class Matcher {
public:
    Matcher(const Records& records, std::string own_base, std::int64_t now)
        : records_(records), own_base_(std::move(own_base)), now_(now) {}

    // `text` is one alternative, escaped as it came.
    [[nodiscard]] Truth token(const Found& found, std::string_view text) const;
    [[nodiscard]] Truth token_text(const Found& found, std::string_view text) const;
    [[nodiscard]] Truth of_type(const Found& found, std::string_view text) const;
    [[nodiscard]] Truth
    string(const Found& found, std::string_view text, std::string_view modifier) const;
    [[nodiscard]] Truth date(const Found& found, std::string_view text) const;
    [[nodiscard]] Truth number(const Found& found, std::string_view text) const;
    [[nodiscard]] Truth quantity(const Found& found, std::string_view text) const;
    [[nodiscard]] Truth
    uri(const Found& found, std::string_view text, std::string_view modifier) const;
    // An id alone may be of a type in `targets`; `type` is the modifier's.
    [[nodiscard]] Truth reference(
        const Found& found,
        std::string_view text,
        std::string_view type,
        const std::vector<std::string>& targets
    ) const;
    // :in the value set, :below and :above the code; see code_set().
    [[nodiscard]] Truth
    in_set(const Found& found, std::string_view text, std::string_view modifier) const;
    [[nodiscard]] static Truth near(const Found& found, std::string_view text);
    // By Reference.identifier.
    [[nodiscard]] Truth identifier(const Found& found, std::string_view text) const;

    // Whether the item is a value of a parameter of this type, for :missing.
    [[nodiscard]] Truth is_value(const Found& found, std::string_view parameter_type) const;

    // What the item holds, for those above and for sorting.
    [[nodiscard]] std::vector<Token> tokens(const Found& found) const;
    [[nodiscard]] std::vector<std::string> strings(const Found& found) const;
    [[nodiscard]] std::optional<Span> span(const Found& found) const;
    [[nodiscard]] std::optional<Literal> literal(const Found& found) const;
    [[nodiscard]] Literal read_literal(std::string_view text) const;
    [[nodiscard]] std::int64_t now() const { return now_; }

private:
    [[nodiscard]] static Truth token_of(const std::vector<Token>& tokens, std::string_view text);
    [[nodiscard]] std::vector<Token> identifier_tokens(const fhir::Element& identifier) const;

    const Records& records_;
    std::string own_base_;
    std::int64_t now_;
};

}  // namespace gatehouse::search_reference
