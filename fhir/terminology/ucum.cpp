// SPDX-License-Identifier: Apache-2.0
//
// The grammar of UCUM unit expressions (UCUM §2.1, case-sensitive form): terms joined by '.' and
// '/', exponents, parentheses, {annotations} and [bracketed] atoms. It says whether a text can be a
// unit, not whether its atoms are defined.

#include "fhir/terminology/code_system.hpp"

namespace gatehouse::fhir {
namespace {

class UcumReader {
public:
    explicit UcumReader(std::string_view text) : text_(text) {}

    bool read() {
        return !text_.empty() && text_.size() <= 256 && read_main() && at_ == text_.size();
    }

private:
    static constexpr int depth_max = 32;

    [[nodiscard]] bool more() const { return at_ < text_.size(); }
    [[nodiscard]] char now() const { return more() ? text_[at_] : '\0'; }

    bool read_main() {
        if (now() == '/') {
            ++at_;
        }
        return read_term(0);
    }
    bool read_term(int depth) {
        if (depth > depth_max || !read_component(depth)) {
            return false;
        }
        while (now() == '.' || now() == '/') {
            ++at_;
            if (!read_component(depth)) {
                return false;
            }
        }
        return true;
    }
    bool read_component(int depth) {
        if (now() == '(') {
            ++at_;
            if (!read_term(depth + 1) || now() != ')') {
                return false;
            }
            ++at_;
            return true;
        }
        const std::size_t from = at_;
        if (!read_simple()) {
            return false;
        }
        while (now() == '{') {
            if (!read_annotation()) {
                return false;
            }
        }
        return at_ > from;
    }
    bool read_annotation() {
        const std::size_t close = text_.find('}', at_);
        if (close == std::string_view::npos) {
            return false;
        }
        for (std::size_t i = at_ + 1; i < close; ++i) {
            if (text_[i] < '!' || text_[i] > '~' || text_[i] == '{') {
                return false;
            }
        }
        at_ = close + 1;
        return true;
    }
    // Atom with an optional exponent, a number, or nothing (then an annotation must follow).
    bool read_simple() {
        while (more() && now() != '.' && now() != '/' && now() != '(' && now() != ')' &&
               now() != '{') {
            const char c = now();
            if (c == '[') {
                const std::size_t close = text_.find(']', at_);
                if (close == std::string_view::npos || close == at_ + 1) {
                    return false;
                }
                at_ = close + 1;
                continue;
            }
            if (c <= ' ' || c > '~' || c == ']' || c == '}' || c == '"' || c == '=') {
                return false;
            }
            ++at_;
        }
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

bool is_ucum_unit(std::string_view text) {
    return UcumReader(text).read();
}

}  // namespace gatehouse::fhir
