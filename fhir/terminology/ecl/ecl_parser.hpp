#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The recursive-descent reader behind ecl::parse. Nesting is bounded, and no position is read more
// than a few times: where a parenthesis may open an attribute's name or a refinement, what follows
// its partner decides.

#include <optional>

#include "fhir/terminology/ecl/ecl.hpp"

namespace gatehouse::fhir::ecl {

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}
    Result<Constraint> run();

private:
    static constexpr int depth_max = 64;
    static constexpr std::size_t text_bytes_max = std::size_t{1} << 20U;

    // ecl.cpp: expressions and refinements
    Result<std::uint32_t> expression();
    Result<std::uint32_t> compound(std::uint32_t first);
    Result<std::uint32_t> dotted(std::uint32_t focus);
    Result<std::uint32_t> sub_expression();
    Result<void> focus(Node& node);
    Result<Sctid> concept_reference();
    Hierarchy hierarchy();
    Result<std::uint32_t> refinement(bool in_group);
    Result<std::uint32_t> refinement_item(bool in_group);
    Result<std::uint32_t> attribute(Refinement item);
    Result<void> attribute_value(Refinement& item);
    Result<void> cardinality(Refinement& item);
    [[nodiscard]] bool parenthesis_is_name() const;
    // ecl_filters.cpp: {{ ... }}
    Result<void> braces(Node& node);
    Result<void> history(Node& node);
    Result<FilterTerm> filter_term(bool on_concept);
    Result<void> term_values(FilterTerm& term);
    Result<void> word_values(FilterTerm& term);
    Result<std::vector<SearchText>> search_texts();
    Result<SearchText> search_text();
    Result<Compare> comparison();

    // Characters
    void skip();  // white space and comments
    bool take(std::string_view token);
    [[nodiscard]] bool ahead(std::string_view token) const {
        return text_.substr(at_).starts_with(token);
    }
    bool take_word(std::string_view word);  // without regard to case, and not within a longer word
    std::string_view word();
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    [[nodiscard]] Fault wrong(const std::string& expected) const { return wrong(at_, expected); }
    [[nodiscard]] static Fault wrong(std::size_t at, const std::string& expected);
    [[nodiscard]] static Fault refused(std::size_t at, const std::string& what);
    std::uint32_t add(Node node);
    std::uint32_t add(Refinement item);

    struct Deeper {
        explicit Deeper(int& depth_) : depth(depth_) { ++depth; }
        ~Deeper() { --depth; }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;
        int& depth;
    };

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
    Constraint out_;
};

}  // namespace gatehouse::fhir::ecl
