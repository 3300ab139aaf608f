// SPDX-License-Identifier: Apache-2.0
//
// _filter (FHIR R4 §3.1.3) for the slow evaluator: its conditions are other parameters in other
// words, so each becomes a clause. Mixed `and` and `or` stand in brackets in the test's searches.

#include "tests/gateway/search_reference/evaluator.hpp"

namespace gatehouse::search_reference {

class Evaluator::Filter {
public:
    Filter(const Evaluator& evaluator, const Subject& subject, std::string_view text)
        : evaluator_(evaluator), subject_(subject), rest_(text) {}

    Truth expression() {
        Truth result = operand();
        for (;;) {
            if (take("and ")) {
                const Truth other = operand();
                result = both(result, other);
            } else if (take("or ")) {
                const Truth other = operand();
                result = either(result, other);
            } else {
                return result;
            }
        }
    }

private:
    bool take(std::string_view wanted) {
        while (rest_.starts_with(' ')) {
            rest_.remove_prefix(1);
        }
        if (!rest_.starts_with(wanted)) {
            return false;
        }
        rest_.remove_prefix(wanted.size());
        return true;
    }
    std::string word() {
        take("");
        const std::string found(rest_.substr(0, rest_.find_first_of(" )")));
        rest_.remove_prefix(found.size());
        return found;
    }
    std::string value() {
        if (!take("\"")) {
            return word();
        }
        const std::string found(rest_.substr(0, rest_.find('"')));
        rest_.remove_prefix(std::min(rest_.size(), found.size() + 1));
        return found;
    }

    Truth operand() {
        if (take("not ")) {
            return opposite(operand());
        }
        if (take("(")) {
            const Truth inside = expression();
            take(")");
            return inside;
        }
        const std::string name = word();
        const std::string operation = word();
        std::string text;
        for (const char c : value()) {
            text += c == ',' || c == '$' ? std::string("\\") + c : std::string(1, c);
        }
        if (operation == "pr") {
            return evaluator_.clause(
                subject_, name + ":missing", text == "true" ? "false" : "true"
            );
        }
        if (operation == "co" || operation == "sw" || operation == "ew") {
            const char* modifier = operation == "co"   ? ":contains"
                                   : operation == "ew" ? ":ends"
                                                       : "";
            return evaluator_.clause(subject_, name + modifier, text);
        }
        const std::string type = evaluator_.last_type(*subject_.root, name);
        if (type == "string") {
            return evaluator_.clause(subject_, name + ":equals", text);
        }
        const bool compared = type == "date" || type == "number" || type == "quantity";
        return evaluator_.clause(subject_, name, (compared ? operation : std::string()) + text);
    }

    const Evaluator& evaluator_;
    const Subject& subject_;
    std::string_view rest_;
};

Truth Evaluator::filter(const Subject& subject, std::string_view text) const {
    return Filter(*this, subject, text).expression();
}

std::string Evaluator::last_type(const fhir::Element& root, const std::string& code) const {
    const Parameter* parameter = records_.definitions().find(root.resource_type(), code);
    return parameter == nullptr ? std::string() : parameter->type;
}

}  // namespace gatehouse::search_reference
