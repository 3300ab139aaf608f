// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/ecl/ecl.hpp"

#include "fhir/terminology/ecl/ecl_parser.hpp"

namespace gatehouse::fhir::ecl {
namespace {

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_figure(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

Result<Constraint> parse(std::string_view text) {
    return Parser(text).run();
}

bool Constraint::lists_ids(std::vector<Sctid>& ids) const {
    for (const Node& node : nodes) {
        const bool plain = node.hierarchy == Hierarchy::self && !node.member_of &&
                           node.filters.empty() && node.history == History::none;
        if (!plain || (node.kind != NodeKind::single && node.kind != NodeKind::any_of)) {
            return false;
        }
        if (node.kind == NodeKind::single) {
            ids.push_back(node.id);
        }
    }
    return true;
}

Fault Parser::wrong(std::size_t at, const std::string& expected) {
    return Fault(
        Errc::invalid,
        "ECL",
        "character " + std::to_string(at + 1) + " of the expression constraint: expected " +
            expected
    );
}

Fault Parser::refused(std::size_t at, const std::string& what) {
    return Fault(
        Errc::unsupported,
        "ECL",
        "character " + std::to_string(at + 1) + " of the expression constraint: " + what +
            " not supported here"
    );
}

std::uint32_t Parser::add(Node node) {
    out_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(out_.nodes.size() - 1);
}

std::uint32_t Parser::add(Refinement item) {
    out_.refinements.push_back(std::move(item));
    return static_cast<std::uint32_t>(out_.refinements.size() - 1);
}

void Parser::skip() {
    while (at_ < text_.size()) {
        if (is_blank(text_[at_])) {
            ++at_;
        } else if (ahead("/*")) {
            const std::size_t end = text_.find("*/", at_ + 2);
            if (end == std::string_view::npos) {
                return;  // left standing: whoever comes next reports it
            }
            at_ = end + 2;
        } else {
            return;
        }
    }
}

bool Parser::take(std::string_view token) {
    if (!ahead(token)) {
        return false;
    }
    at_ += token.size();
    return true;
}

bool Parser::take_word(std::string_view word) {
    if (text_.size() - at_ < word.size()) {
        return false;
    }
    for (std::size_t i = 0; i < word.size(); ++i) {
        if ((text_[at_ + i] | 0x20) != (word[i] | 0x20)) {
            return false;
        }
    }
    if (at_ + word.size() < text_.size() && is_letter(text_[at_ + word.size()])) {
        return false;
    }
    at_ += word.size();
    return true;
}

std::string_view Parser::word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_figure(text_[at_]) ||
                                  text_[at_] == '-' || text_[at_] == '_')) {
        ++at_;
    }
    return text_.substr(from, at_ - from);
}

Result<Constraint> Parser::run() {
    if (text_.size() > text_bytes_max) {
        return Fault(Errc::too_large, "ECL", "an expression constraint of more than 1 MiB");
    }
    GH_TRY_ASSIGN(out_.root, expression());
    skip();
    if (at_ != text_.size()) {
        return wrong("AND, OR, MINUS, a refinement, or the end");
    }
    return std::move(out_);
}

Result<std::uint32_t> Parser::expression() {
    const Deeper deeper(depth_);
    if (depth_ > depth_max) {
        return Fault(Errc::too_large, "ECL", "more than 64 levels of parentheses");
    }
    GH_TRY_ASSIGN(const std::uint32_t first, sub_expression());
    skip();
    if (take(":")) {
        Node node;
        node.kind = NodeKind::refined;
        node.at = out_.nodes[first].at;
        node.operands.push_back(first);
        GH_TRY_ASSIGN(node.refinement, refinement(false));
        return add(std::move(node));
    }
    if (peek() == '.') {
        return dotted(first);
    }
    return compound(first);
}

Result<std::uint32_t> Parser::dotted(std::uint32_t focus_node) {
    Node node;
    node.kind = NodeKind::dotted;
    node.at = out_.nodes[focus_node].at;
    node.operands.push_back(focus_node);
    while (take(".")) {
        skip();
        GH_TRY_ASSIGN(const std::uint32_t name, sub_expression());
        node.operands.push_back(name);
        skip();
    }
    return add(std::move(node));
}

Result<std::uint32_t> Parser::compound(std::uint32_t first) {
    Node node;
    node.at = out_.nodes[first].at;
    node.operands.push_back(first);
    while (true) {
        skip();
        const std::size_t before = at_;
        NodeKind kind = NodeKind::all_of;
        if (take_word("AND") || take(",")) {
            kind = NodeKind::all_of;
        } else if (take_word("OR")) {
            kind = NodeKind::any_of;
        } else if (take_word("MINUS")) {
            kind = NodeKind::minus;
        } else {
            break;
        }
        if (node.operands.size() > 1 && (kind != node.kind || kind == NodeKind::minus)) {
            return wrong(
                before,
                "parentheses around what belongs together: AND, OR and MINUS have no precedence"
            );
        }
        node.kind = kind;
        GH_TRY_ASSIGN(const std::uint32_t next, sub_expression());
        node.operands.push_back(next);
    }
    return node.operands.size() == 1 ? Result<std::uint32_t>(first) : add(std::move(node));
}

Hierarchy Parser::hierarchy() {
    struct Operator {
        std::string_view text;
        Hierarchy meaning;
    };
    static constexpr Operator operators[] = {
        {"!!>", Hierarchy::top},
        {"!!<", Hierarchy::bottom},
        {"<<!", Hierarchy::children_or_self},
        {"<<", Hierarchy::descendants_or_self},
        {"<!", Hierarchy::children},
        {"<", Hierarchy::descendants},
        {">>!", Hierarchy::parents_or_self},
        {">>", Hierarchy::ancestors_or_self},
        {">!", Hierarchy::parents},
        {">", Hierarchy::ancestors},
    };
    for (const Operator& one : operators) {
        if (take(one.text)) {
            return one.meaning;
        }
    }
    return Hierarchy::self;
}

Result<std::uint32_t> Parser::sub_expression() {
    const Deeper deeper(depth_);
    if (depth_ > depth_max) {
        return Fault(Errc::too_large, "ECL", "more than 64 levels of parentheses");
    }
    skip();
    Node node;
    node.at = at_;
    node.hierarchy = hierarchy();
    skip();
    if (take("^")) {
        node.member_of = true;
        skip();
        if (peek() == '[') {
            return refused(at_, "selected reference set fields (^ [...]) are");
        }
    }
    GH_TRY(focus(node));
    skip();
    while (ahead("{{")) {
        GH_TRY(braces(node));
        skip();
    }
    return add(std::move(node));
}

Result<void> Parser::focus(Node& node) {
    if (take("*")) {
        node.kind = NodeKind::any;
        return {};
    }
    if (take("(")) {
        GH_TRY_ASSIGN(const std::uint32_t inner, expression());
        skip();
        if (!take(")")) {
            return wrong("')'");
        }
        node.kind = NodeKind::any_of;  // of one operand
        node.operands.push_back(inner);
        return {};
    }
    if (is_figure(peek())) {
        node.kind = NodeKind::single;
        GH_TRY_ASSIGN(node.id, concept_reference());
        return {};
    }
    if (is_letter(peek())) {
        const std::size_t from = at_;
        const std::string_view name = word();
        if (peek() == '#') {
            return refused(from, "alternate identifiers (SCHEME#CODE) are");
        }
        for (const std::string_view keyword :
             {"descendantOf",
              "descendantOrSelfOf",
              "childOf",
              "childOrSelfOf",
              "ancestorOf",
              "ancestorOrSelfOf",
              "parentOf",
              "parentOrSelfOf",
              "memberOf",
              "top",
              "bottom",
              "any"}) {
            if (name == keyword) {
                return refused(
                    from,
                    "the long syntax ('" + std::string(name) + "'; write <, <<, ^ and so on) is"
                );
            }
        }
        at_ = from;
    }
    return wrong("a concept identifier, '*', '^' or '('");
}

Result<Sctid> Parser::concept_reference() {
    const std::size_t from = at_;
    while (is_figure(peek())) {
        ++at_;
    }
    const auto id = snomed::parse_sctid(text_.substr(from, at_ - from));
    if (!id) {
        return wrong(
            from, "a SNOMED CT identifier (6 to 18 digits, the last a check digit that holds)"
        );
    }
    const std::size_t after = at_;
    skip();
    if (!take("|")) {
        at_ = after;
        return *id;
    }
    const std::size_t close = text_.find('|', at_);
    if (close == std::string_view::npos) {
        return wrong(text_.size(), "'|' behind the term");
    }
    at_ = close + 1;
    return *id;
}

// ---- Refinements ----

Result<std::uint32_t> Parser::refinement(bool in_group) {
    const Deeper deeper(depth_);
    if (depth_ > depth_max) {
        return Fault(Errc::too_large, "ECL", "more than 64 levels of parentheses");
    }
    Refinement list;
    skip();
    list.at = at_;
    GH_TRY_ASSIGN(const std::uint32_t first, refinement_item(in_group));
    list.items.push_back(first);
    while (true) {
        skip();
        const std::size_t before = at_;
        RefinementKind kind = RefinementKind::all_of;
        if (take_word("AND") || take(",")) {
            kind = RefinementKind::all_of;
        } else if (take_word("OR")) {
            kind = RefinementKind::any_of;
        } else {
            break;
        }
        if (list.items.size() > 1 && kind != list.kind) {
            return wrong(
                before, "parentheses around what belongs together: AND and OR have no precedence"
            );
        }
        list.kind = kind;
        GH_TRY_ASSIGN(const std::uint32_t next, refinement_item(in_group));
        list.items.push_back(next);
    }
    return list.items.size() == 1 ? Result<std::uint32_t>(first) : add(std::move(list));
}

Result<std::uint32_t> Parser::refinement_item(bool in_group) {
    skip();
    Refinement item;
    item.at = at_;
    if (peek() == '(' && !parenthesis_is_name()) {
        take("(");
        GH_TRY_ASSIGN(const std::uint32_t inner, refinement(in_group));
        skip();
        if (!take(")")) {
            return wrong("')'");
        }
        return inner;
    }
    if (peek() == '[') {
        GH_TRY(cardinality(item));
        skip();
    }
    if (peek() == '{' && !ahead("{{")) {
        if (in_group) {
            return wrong("an attribute: groups do not nest");
        }
        take("{");
        item.kind = RefinementKind::group;
        GH_TRY_ASSIGN(const std::uint32_t inner, refinement(true));
        item.items.push_back(inner);
        skip();
        if (!take("}")) {
            return wrong("'}'");
        }
        return add(std::move(item));
    }
    return attribute(std::move(item));
}

// A '(' here opens the name of an attribute if a comparison stands behind its partner, else a
// refinement in parentheses.
bool Parser::parenthesis_is_name() const {
    int open = 0;
    for (std::size_t i = at_; i < text_.size(); ++i) {
        const char c = text_[i];
        if (c == '|' || c == '"') {
            std::size_t close = i + 1;
            while (close < text_.size() && text_[close] != c) {
                close += c == '"' && text_[close] == '\\' ? 2U : 1U;
            }
            i = close;
        } else if (c == '/' && text_.substr(i).starts_with("/*")) {
            const std::size_t close = text_.find("*/", i + 2);
            i = close == std::string_view::npos ? text_.size() : close + 1;
        } else if (c == '(') {
            ++open;
        } else if (c == ')' && --open == 0) {
            Parser behind(text_);
            behind.at_ = i + 1;
            behind.skip();
            const char next = behind.peek();
            return next == '=' || next == '!' || next == '<' || next == '>' || behind.ahead("{{");
        }
    }
    return false;
}

Result<void> Parser::cardinality(Refinement& item) {
    take("[");
    skip();
    const auto number = [&]() -> std::optional<std::uint32_t> {
        const std::size_t from = at_;
        std::uint32_t value = 0;
        while (is_figure(peek()) && at_ - from < 6) {
            value = value * 10 + static_cast<std::uint32_t>(text_[at_++] - '0');
        }
        return at_ == from ? std::nullopt : std::optional(value);
    };
    const auto least = number();
    skip();
    if (!least || !(take("..") || take_word("to"))) {
        return wrong("a cardinality such as [0..1] or [1..*]");
    }
    skip();
    item.at_least = *least;
    if (take("*")) {
        item.at_most = unbounded;
    } else if (const auto most = number()) {
        item.at_most = *most;
    } else {
        return wrong("the upper end of a cardinality: a number or '*'");
    }
    if (item.at_most < item.at_least) {
        return wrong("a cardinality whose lower end is not above its upper end");
    }
    skip();
    return take("]") ? Result<void>{} : wrong("']'");
}

Result<std::uint32_t> Parser::attribute(Refinement item) {
    skip();
    if (take_word("R") || take_word("reverseOf")) {
        item.reverse = true;
    }
    GH_TRY_ASSIGN(item.name, sub_expression());
    skip();
    GH_TRY(attribute_value(item));
    return add(std::move(item));
}

Result<Compare> Parser::comparison() {
    skip();
    if (take("<=")) {
        return Compare::less_or_equal;
    }
    if (take(">=")) {
        return Compare::greater_or_equal;
    }
    if (take("!=") || take("<>")) {
        return Compare::not_equal;
    }
    if (take("=")) {
        return Compare::equal;
    }
    if (take("<")) {
        return Compare::less;
    }
    if (take(">")) {
        return Compare::greater;
    }
    return wrong("a comparison: =, !=, <, <=, > or >=");
}

Result<void> Parser::attribute_value(Refinement& item) {
    GH_TRY_ASSIGN(item.compare, comparison());
    skip();
    if (take("#")) {
        const std::size_t from = at_;
        if (peek() == '-' || peek() == '+') {
            ++at_;
        }
        while (is_figure(peek()) || peek() == '.') {
            ++at_;
        }
        item.value_kind = ValueKind::number;
        item.number = text_.substr(from, at_ - from);
        if (item.number.empty() || !is_figure(item.number.back())) {
            return wrong(from, "a number behind '#'");
        }
        return {};
    }
    if (item.compare != Compare::equal && item.compare != Compare::not_equal) {
        return wrong("'#' and a number: only numbers have an order");
    }
    const std::size_t before = at_;
    if (take_word("true") || take_word("false")) {
        return refused(before, "boolean attribute values are");
    }
    bool text_set = false;
    if (peek() == '(') {
        const std::size_t from = at_;
        take("(");
        skip();
        text_set = peek() == '"' || ahead("match:") || ahead("wild:");
        at_ = from;
    }
    if (text_set || peek() == '"' || ahead("match:") || ahead("wild:")) {
        item.value_kind = ValueKind::text;
        GH_TRY_ASSIGN(item.texts, search_texts());
        return {};
    }
    GH_TRY_ASSIGN(item.value, sub_expression());
    return {};
}

}  // namespace gatehouse::fhir::ecl
