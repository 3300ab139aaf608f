// SPDX-License-Identifier: Apache-2.0
//
// What stands in double braces: description filters, concept filters and history supplements (ECL
// 2.2 §6.8 to §6.11).
#include "fhir/terminology/ecl/ecl_parser.hpp"

namespace gatehouse::fhir::ecl {

Result<void> Parser::braces(Node& node) {
    Filter filter;
    filter.at = at_;
    take("{{");
    skip();
    if (take("+")) {
        return history(node);
    }
    if (take_word("M")) {
        return refused(filter.at, "member filters ({{ M ... }}) are");
    }
    if (take_word("C")) {
        filter.on_concept = true;
    } else {
        (void)take_word("D");
    }
    do {
        GH_TRY_ASSIGN(FilterTerm term, filter_term(filter.on_concept));
        filter.terms.push_back(std::move(term));
        skip();
    } while (take(","));
    if (!take("}}")) {
        return wrong("',' or '}}'");
    }
    node.filters.push_back(std::move(filter));
    return {};
}

Result<void> Parser::history(Node& node) {
    skip();
    const std::size_t from = at_;
    if (!take_word("HISTORY")) {
        return wrong("HISTORY, HISTORY-MIN, HISTORY-MOD, HISTORY-MAX or HISTORY (...)");
    }
    if (node.history != History::none) {
        return wrong(from, "one history supplement at most");
    }
    node.history = History::maximum;
    if (take("-") || take("_")) {
        if (take_word("MIN")) {
            node.history = History::minimum;
        } else if (take_word("MOD")) {
            node.history = History::moderate;
        } else if (!take_word("MAX")) {
            return wrong("MIN, MOD or MAX");
        }
    } else {
        skip();
        if (take("(")) {
            node.history = History::subset;
            GH_TRY_ASSIGN(node.history_subset, expression());
            skip();
            if (!take(")")) {
                return wrong("')'");
            }
        }
    }
    skip();
    return take("}}") ? Result<void>{} : wrong("'}}'");
}

Result<FilterTerm> Parser::filter_term(bool on_concept) {
    struct Name {
        std::string_view text;
        FilterField field;
        bool on_concept;
        bool on_description;
    };
    static constexpr Name names[] = {
        {"term", FilterField::term, false, true},
        {"language", FilterField::language, false, true},
        {"typeId", FilterField::type, false, true},
        {"type", FilterField::type, false, true},
        {"dialectId", FilterField::dialect, false, true},
        {"dialect", FilterField::dialect, false, true},
        {"active", FilterField::active, true, true},
        {"moduleId", FilterField::module, true, true},
        {"effectiveTime", FilterField::effective_time, true, true},
        {"definitionStatusId", FilterField::definition_status, true, false},
        {"definitionStatus", FilterField::definition_status, true, false},
    };
    skip();
    FilterTerm term;
    term.at = at_;
    const Name* found = nullptr;
    for (const Name& name : names) {
        if (take_word(name.text)) {
            found = &name;
            break;
        }
    }
    if (found == nullptr || !(on_concept ? found->on_concept : found->on_description)) {
        return wrong(
            term.at,
            on_concept ? "active, definitionStatus, moduleId or effectiveTime"
                       : "term, language, type, dialect, active, moduleId or effectiveTime"
        );
    }
    term.field = found->field;
    const std::size_t operator_at = at_;
    GH_TRY_ASSIGN(term.compare, comparison());
    if (term.field != FilterField::effective_time && term.compare != Compare::equal &&
        term.compare != Compare::not_equal) {
        return wrong(operator_at, "= or !=");
    }
    GH_TRY(term_values(term));
    return term;
}

Result<void> Parser::term_values(FilterTerm& term) {
    skip();
    switch (term.field) {
    case FilterField::term: {
        GH_TRY_ASSIGN(term.texts, search_texts());
        return {};
    }
    case FilterField::active:
        if (take_word("true") || take("1")) {
            term.flag = true;
        } else if (!take_word("false") && !take("0")) {
            return wrong("true or false");
        }
        return {};
    case FilterField::module: {
        GH_TRY_ASSIGN(term.expression, sub_expression());
        return {};
    }
    case FilterField::effective_time: {
        const std::size_t from = at_;
        if (!take("\"")) {
            return wrong("a date in quotes, such as \"20261118\"");
        }
        term.words.emplace_back(word());
        if (!take("\"") || term.words.back().size() != 8 ||
            term.words.back().find_first_not_of("0123456789") != std::string::npos) {
            return wrong(from, "a date in quotes, such as \"20261118\"");
        }
        return {};
    }
    default: return word_values(term);
    }
}

// A word, an identifier, or several of them in parentheses.
Result<void> Parser::word_values(FilterTerm& term) {
    const bool several = take("(");
    do {
        skip();
        const std::size_t from = at_;
        if (peek() >= '0' && peek() <= '9') {
            GH_TRY_ASSIGN(const Sctid id, concept_reference());
            term.words.push_back(std::to_string(id));
        } else {
            term.words.emplace_back(word());
            if (term.words.back().empty()) {
                return wrong(from, "a word or a concept identifier");
            }
        }
        skip();
        if (term.field == FilterField::dialect && peek() == '(') {
            return refused(at_, "acceptability of a dialect (prefer, accept) is");
        }
    } while (several && peek() != ')' && at_ < text_.size());
    return !several || take(")") ? Result<void>{} : wrong("')'");
}

Result<std::vector<SearchText>> Parser::search_texts() {
    std::vector<SearchText> texts;
    skip();
    const bool several = take("(");
    do {
        GH_TRY_ASSIGN(SearchText text, search_text());
        texts.push_back(std::move(text));
        skip();
    } while (several && peek() != ')' && at_ < text_.size());
    if (several && !take(")")) {
        return wrong("')'");
    }
    return texts;
}

Result<SearchText> Parser::search_text() {
    skip();
    SearchText out;
    if (take_word("wild")) {
        out.wild = true;
        skip();
        if (!take(":")) {
            return wrong("':'");
        }
    } else if (take_word("match")) {
        skip();
        if (!take(":")) {
            return wrong("':'");
        }
    }
    skip();
    if (!take("\"")) {
        return wrong("a text in quotes");
    }
    while (at_ < text_.size() && text_[at_] != '"') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
            ++at_;
        }
        out.text += text_[at_++];
    }
    if (!take("\"")) {
        return wrong("'\"' at the end of the text");
    }
    return out;
}

}  // namespace gatehouse::fhir::ecl
