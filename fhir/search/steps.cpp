// SPDX-License-Identifier: Apache-2.0

#include "fhir/search/steps.hpp"

#include <cctype>

#include "fhir/base/blanks.hpp"

namespace gatehouse::fhir::search_steps {
namespace {

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Operands of `|` outside brackets and quotes.
std::vector<std::string_view> split_union(std::string_view text) {
    std::vector<std::string_view> operands;
    int depth = 0;
    char quote = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            i += c == '\\' ? 1 : 0;
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '`') {
            quote = c;
        } else if (c == '(' || c == '[') {
            ++depth;
        } else if (c == ')' || c == ']') {
            --depth;
        } else if (c == '|' && depth == 0) {
            operands.push_back(trimmed(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    operands.push_back(trimmed(text.substr(begin)));
    return operands;
}

// Recursive descent over the part of FHIRPath that is a walk.
class Reader {
public:
    Reader(std::string_view text, const TypeModel& types) : text_(text), types_(types) {}

    bool read(Steps& steps, std::string& type) { return expression(steps, type) && at_end(); }

private:
    void space() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
            ++at_;
        }
    }
    bool at_end() {
        space();
        return at_ == text_.size();
    }
    bool take(std::string_view wanted) {
        space();
        if (!text_.substr(at_).starts_with(wanted)) {
            return false;
        }
        at_ += wanted.size();
        return true;
    }
    std::string word() {
        space();
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_word(text_[at_])) {
            ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }
    // A whole word such as `as`, not the start of another.
    bool keyword(std::string_view wanted) {
        space();
        const std::string_view rest = text_.substr(at_);
        if (!rest.starts_with(wanted) ||
            (rest.size() > wanted.size() && is_word(rest[wanted.size()]))) {
            return false;
        }
        at_ += wanted.size();
        return true;
    }
    bool quoted(std::string& out) {
        if (!take("'")) {
            return false;
        }
        const std::size_t end = text_.find('\'', at_);
        if (end == std::string_view::npos) {
            return false;
        }
        out = text_.substr(at_, end - at_);
        at_ = end + 1;
        return out.find('\\') == std::string::npos;
    }

    bool expression(Steps& steps, std::string& type) {
        if (!term(steps, type)) {
            return false;
        }
        while (keyword("as")) {
            if (!as_type(steps, word())) {
                return false;
            }
        }
        return true;
    }
    bool term(Steps& steps, std::string& type) {
        if (take("(")) {
            if (!expression(steps, type) || !take(")")) {
                return false;
            }
        } else {
            const std::string first = word();
            if (first.empty()) {
                return false;
            }
            if (std::isupper(static_cast<unsigned char>(first.front())) != 0) {
                type = first;
            } else {
                child(steps, first);
            }
        }
        for (;;) {
            if (take(".")) {
                if (!member(steps)) {
                    return false;
                }
            } else if (take("[")) {
                if (!position(steps)) {
                    return false;
                }
            } else {
                return true;
            }
        }
    }
    void child(Steps& steps, const std::string& name) {
        Step step;
        step.name = name;
        step.symbol = types_.symbols().find(name);
        steps.push_back(std::move(step));
    }
    bool position(Steps& steps) {
        const std::string digits = word();
        if (digits.empty() || digits.size() > 4 || steps.empty() ||
            steps.back().kind != StepKind::child ||
            digits.find_first_not_of("0123456789") != std::string::npos || !take("]")) {
            return false;
        }
        steps.back().position = std::stoi(digits);
        return true;
    }
    bool as_type(Steps& steps, const std::string& name) {
        Step step;
        step.kind = StepKind::as_type;
        step.name = name;
        step.type = types_.find(name);
        if (step.type == unknown_type && !name.empty()) {
            // R4's code-value-date says "DateTime".
            step.name.front() =
                static_cast<char>(std::tolower(static_cast<unsigned char>(name.front())));
            step.type = types_.find(step.name);
        }
        steps.push_back(std::move(step));
        return steps.back().type != unknown_type;
    }
    bool member(Steps& steps) {
        const std::string name = word();
        if (name.empty()) {
            return false;
        }
        if (!take("(")) {
            child(steps, name);
            return true;
        }
        if (name == "as" || name == "ofType") {
            return as_type(steps, word()) && take(")");
        }
        if (name == "extension") {
            child(steps, name);
            Step step;
            step.kind = StepKind::where_equals;
            step.name = "url";
            const bool read = quoted(step.text) && take(")");
            steps.push_back(std::move(step));
            return read;
        }
        return name == "where" && condition(steps) && take(")");
    }
    bool condition(Steps& steps) {
        Step step;
        step.name = word();
        if (step.name == "resolve") {
            step.kind = StepKind::resolves_to;
            if (!take("(") || !take(")") || !keyword("is")) {
                return false;
            }
            step.name = word();
        } else if (step.name == "hasExtension") {
            step.kind = StepKind::has_extension;
            if (!take("(") || !quoted(step.text) || !take(")")) {
                return false;
            }
        } else {
            step.kind = StepKind::where_equals;
            if (!take("=") || !quoted(step.text)) {
                return false;
            }
        }
        const bool named = !step.name.empty();
        steps.push_back(std::move(step));
        return named;
    }

    std::string_view text_;
    const TypeModel& types_;
    std::size_t at_ = 0;
};

// The resource type with which a text that is no walk begins.
std::string leading_type(std::string_view text) {
    const std::size_t begin = text.find_first_not_of("( ");
    if (begin == std::string_view::npos ||
        std::isupper(static_cast<unsigned char>(text[begin])) == 0) {
        return {};
    }
    std::size_t end = begin;
    while (end < text.size() && is_word(text[end])) {
        ++end;
    }
    return std::string(text.substr(begin, end - begin));
}

}  // namespace

std::vector<Operand> read_expression(std::string_view expression, const TypeModel& types) {
    std::vector<Operand> operands;
    for (const std::string_view text : split_union(expression)) {
        Operand& operand = operands.emplace_back();
        operand.text = text;
        Steps steps;
        if (Reader(text, types).read(steps, operand.type)) {
            operand.steps = std::move(steps);
        } else {
            operand.type = leading_type(text);
        }
    }
    return operands;
}

bool meets(const Step& step, const Element& element, const TypeModel& types) {
    switch (step.kind) {
    case StepKind::child: return true;
    case StepKind::as_type: return types.is_a(element.type, step.type);
    case StepKind::resolves_to: return resolves_to(element, step.name);
    case StepKind::where_equals: return element.child_value(step.name) == step.text;
    case StepKind::has_extension:
        for (const Element& child : element.children()) {
            if (child.name == "extension" && child.child_value("url") == step.text) {
                return true;
            }
        }
        return false;
    }
    return false;
}

bool resolves_to(const Element& reference, std::string_view type) {
    const std::string_view target = target_type(reference);
    if (!target.empty()) {
        return target == type;
    }
    return reference.child("reference") == nullptr && reference.child("identifier") != nullptr;
}

std::string_view target_type(const Element& reference) {
    std::string_view text = reference.child_value("reference");
    if (text.starts_with('#')) {
        const Element& holder = root_resource(reference);
        for (const Element& child : holder.children()) {
            if (child.name == "contained" && child.child_value("id") == text.substr(1)) {
                return child.resource_type();
            }
        }
    } else if (!text.starts_with("urn:")) {
        if (const std::size_t condition = text.find('?'); condition != std::string_view::npos) {
            // "Patient?identifier=...": a conditional reference on its way to become a literal one.
            text = text.substr(0, condition);
            return text.substr(text.rfind('/') + 1);
        }
        if (const std::size_t version = text.find("/_history/");
            version != std::string_view::npos) {
            text = text.substr(0, version);
        }
        if (const std::size_t slash = text.rfind('/'); slash != std::string_view::npos) {
            text = text.substr(0, slash);
            const std::string_view type = text.substr(text.rfind('/') + 1);
            if (!type.empty() && std::isupper(static_cast<unsigned char>(type.front())) != 0) {
                return type;
            }
        }
    }
    return reference.child_value("type");
}

}  // namespace gatehouse::fhir::search_steps
