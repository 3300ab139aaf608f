// SPDX-License-Identifier: Apache-2.0
//
// The form of SNOMED CT's Expression Constraint Language (SNOMED International, ECL 2.2 §5), read
// by recursive descent. It says only whether a text can be an expression constraint; what it means
// needs SNOMED CT content.
#include <array>

#include "fhir/terminology/ecl/sctid.hpp"
#include "fhir/validate/definitions/definitions.hpp"

namespace gatehouse::fhir::judge::definitions {
namespace {

class EclForm {
public:
    explicit EclForm(std::string_view text) : text_(text) {}

    bool read() { return constraint(0) && (space(), at_ == text_.size()); }

private:
    static constexpr int depth_max = 32;

    void space() {
        while (at_ < text_.size()) {
            if (is_space(text_[at_])) {
                ++at_;
            } else if (text_.substr(at_).starts_with("/*")) {
                const std::size_t end = text_.find("*/", at_ + 2);
                at_ = end == std::string_view::npos ? text_.size() : end + 2;
            } else {
                return;
            }
        }
    }
    bool take(std::string_view token) {
        space();
        if (!text_.substr(at_).starts_with(token)) {
            return false;
        }
        at_ += token.size();
        return true;
    }
    // A word in any case, not followed by a letter.
    bool word(std::string_view wanted) {
        space();
        if (at_ + wanted.size() > text_.size()) {
            return false;
        }
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if ((text_[at_ + i] | 0x20) != (wanted[i] | 0x20)) {
                return false;
            }
        }
        const std::size_t end = at_ + wanted.size();
        if (end < text_.size() && ((text_[end] | 0x20) >= 'a' && (text_[end] | 0x20) <= 'z')) {
            return false;
        }
        at_ = end;
        return true;
    }
    bool joiner() { return take(",") || word("AND") || word("OR"); }
    bool conjunction() { return joiner() || word("MINUS"); }

    bool constraint(int depth) {
        if (depth > depth_max || !operand(depth)) {
            return false;
        }
        if (take(":")) {
            if (!refinement(depth)) {
                return false;
            }
        }
        while (take(".")) {
            if (!operand(depth)) {
                return false;
            }
        }
        while (conjunction()) {
            if (!operand(depth) || (take(":") && !refinement(depth))) {
                return false;
            }
        }
        return true;
    }

    bool operand(int depth) {
        // The brief signs, and the words that mean the same (ECL 2.2 long syntax).
        static constexpr std::array<std::string_view, 10> signs{
            "<<!", ">>!", "!!<", "!!>", "<<", ">>", "<!", ">!", "<", ">"};
        static constexpr std::array<std::string_view, 10> words{
            "descendantOrSelfOf",
            "descendantOf",
            "childOrSelfOf",
            "childOf",
            "ancestorOrSelfOf",
            "ancestorOf",
            "parentOrSelfOf",
            "parentOf",
            "top",
            "bottom"};
        bool taken = false;
        for (std::size_t i = 0; i < signs.size() && !taken; ++i) {
            taken = take(signs[i]);
        }
        for (std::size_t i = 0; i < words.size() && !taken; ++i) {
            taken = word(words[i]);
        }
        if (take("^") || word("memberOf")) {
            if (take("[")) {
                const std::size_t close = text_.find(']', at_);
                if (close == std::string_view::npos) {
                    return false;
                }
                at_ = close + 1;
            }
        }
        if (take("(")) {
            if (!constraint(depth + 1) || !take(")")) {
                return false;
            }
        } else if (!take("*") && !word("ANY") && !concept_reference()) {
            return false;
        }
        while (take("{{")) {
            const std::size_t close = text_.find("}}", at_);
            if (close == std::string_view::npos) {
                return false;
            }
            at_ = close + 2;
        }
        return true;
    }

    bool concept_reference() {
        space();
        const std::size_t from = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
            ++at_;
        }
        if (at_ - from < 6 || at_ - from > 18 || text_[from] == '0') {
            return false;
        }
        if (take("|")) {
            const std::size_t close = text_.find('|', at_);
            if (close == std::string_view::npos) {
                return false;
            }
            at_ = close + 1;
        }
        return true;
    }

    bool refinement(int depth) {
        if (depth > depth_max) {
            return false;
        }
        do {
            if (!refined_part(depth)) {
                return false;
            }
        } while (joiner());
        return true;
    }

    bool refined_part(int depth) {
        if (!cardinality()) {
            return false;
        }
        if (take("{")) {
            return refinement(depth + 1) && take("}");
        }
        space();
        if (take("(")) {
            // Attributes in brackets, or a bracketed attribute name.
            const std::size_t back = at_;
            if (refinement(depth + 1) && take(")")) {
                return true;
            }
            at_ = back;
            if (!constraint(depth + 1) || !take(")")) {
                return false;
            }
            return comparison(depth);
        }
        if (!word("R")) {
            word("reverseOf");
        }
        return operand(depth) && comparison(depth);
    }

    bool cardinality() {
        if (!take("[")) {
            return true;
        }
        const std::size_t close = text_.find(']', at_);
        if (close == std::string_view::npos ||
            text_.substr(at_, close - at_).find("..") == std::string_view::npos) {
            return false;
        }
        at_ = close + 1;
        return true;
    }

    bool comparison(int depth) {
        bool equals = false;
        if (take("!=") || take("=")) {
            equals = true;
        } else if (!take("<=") && !take(">=") && !take("<") && !take(">")) {
            return false;
        }
        space();
        if (take("#")) {
            const std::size_t from = at_;
            while (at_ < text_.size() &&
                   (text_[at_] == '-' || text_[at_] == '+' || text_[at_] == '.' ||
                    (text_[at_] >= '0' && text_[at_] <= '9'))) {
                ++at_;
            }
            return at_ > from;
        }
        if (!equals) {
            return false;
        }
        if (take("\"")) {
            const std::size_t close = text_.find('"', at_);
            if (close == std::string_view::npos) {
                return false;
            }
            at_ = close + 1;
            return true;
        }
        return word("true") || word("false") || operand(depth + 1);
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

bool is_ecl(std::string_view text) {
    return EclForm(text).read();
}

bool is_concept_id(std::string_view text) noexcept {
    const auto id = snomed::parse_sctid(text);
    return id && snomed::partition_of(*id) == snomed::Partition::concept_id;
}

}  // namespace gatehouse::fhir::judge::definitions
