// SPDX-License-Identifier: Apache-2.0
//
// The part of SNOMED CT's Expression Constraint Language that needs no SNOMED CT content: a list of
// concept ids, each perhaps with a |term|, joined by OR, perhaps in parentheses.
// (Specification: SNOMED International, ECL 1.3, simple expression constraints and disjunction.)

#include "fhir/terminology/value_set.hpp"

namespace gatehouse::fhir {
namespace {

class EclReader {
public:
    explicit EclReader(std::string_view text) : text_(text) {}

    bool read(std::vector<std::string_view>& ids) {
        if (!read_list(ids, 0)) {
            return false;
        }
        skip_space();
        return at_ == text_.size();
    }

private:
    static constexpr int depth_max = 16;

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\r' || text_[at_] == '\n')) {
            ++at_;
        }
    }
    bool take_or() {
        skip_space();
        if (at_ + 2 > text_.size() || (text_[at_] | 0x20) != 'o' ||
            (text_[at_ + 1] | 0x20) != 'r') {
            return false;
        }
        at_ += 2;
        return true;
    }
    bool read_operand(std::vector<std::string_view>& ids, int depth) {
        skip_space();
        if (at_ < text_.size() && text_[at_] == '(') {
            ++at_;
            if (depth >= depth_max || !read_list(ids, depth + 1)) {
                return false;
            }
            skip_space();
            if (at_ >= text_.size() || text_[at_] != ')') {
                return false;
            }
            ++at_;
            return true;
        }
        const std::size_t from = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
            ++at_;
        }
        if (at_ - from < 6 || at_ - from > 18) {  // the length of an SCTID
            return false;
        }
        ids.push_back(text_.substr(from, at_ - from));
        skip_space();
        if (at_ < text_.size() && text_[at_] == '|') {
            const std::size_t close = text_.find('|', at_ + 1);
            if (close == std::string_view::npos) {
                return false;
            }
            at_ = close + 1;
        }
        return true;
    }
    bool read_list(std::vector<std::string_view>& ids, int depth) {
        do {
            if (!read_operand(ids, depth)) {
                return false;
            }
        } while (take_or());
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

bool read_ecl_id_list(std::string_view constraint, std::vector<std::string_view>& ids) {
    return EclReader(constraint).read(ids);
}

}  // namespace gatehouse::fhir
