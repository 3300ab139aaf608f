#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Tokens -> Program nodes. Names become symbols, types and functions become indexes, so evaluation
// compares no text.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/path/lexer.hpp"
#include "fhir/path/program.hpp"

namespace gatehouse::fhir::path {

// Bounds on the tree: evaluation recurses once or twice per level. R4's deepest expression (a union
// of search paths) stays under 80.
inline constexpr std::uint16_t parse_depth_max = 400;
inline constexpr int parse_nesting_max = 200;
inline constexpr std::int64_t integer_max = 2'147'483'647;
inline constexpr std::int64_t integer_min = -2'147'483'648;

class Parser {
public:
    Parser(Expression::Program& program, const std::vector<Token>& tokens, Error& error);
    bool parse();

private:
    [[nodiscard]] const Token& peek() const { return tokens_[at_]; }
    bool expect(std::string_view symbol);
    NodeId fail(const Token& token, std::string_view expected);
    NodeId fail_with(ErrorPhase phase, std::uint32_t offset, std::string message);
    NodeId add(Node node);
    std::string_view own(std::string text);

    NodeId expression(int level);
    NodeId unary();
    NodeId postfix();
    NodeId term();
    NodeId literal(const Token& token, const Item& item);
    NodeId number();
    NodeId moment(ItemKind kind);
    NodeId variable();
    NodeId dollar();
    NodeId invocation(NodeId input);
    NodeId call(Node node);
    void sort_direction(NodeId argument);
    void compile_regex(Node& node);
    bool type_specifier(std::uint32_t& index);

    Expression::Program& program_;
    const std::vector<Token>& tokens_;
    Error& error_;
    std::vector<std::uint16_t> depths_;  // by node
    std::vector<bool> moving_;           // by node: may differ with $this, $index or $total
    std::size_t at_ = 0;
    int nesting_ = 0;
};

// Finds what a type name means; false if nothing.
bool resolve_type(TypeName& type, const TypeModel& types);

// RE2 with '.' matching line ends (N1 §5.6.9); `flags` may hold i, m and s. Check ok() before use.
std::unique_ptr<re2::RE2> make_regex(std::string_view pattern, std::string_view flags);

}  // namespace gatehouse::fhir::path
