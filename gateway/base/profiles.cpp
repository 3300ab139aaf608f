// SPDX-License-Identifier: Apache-2.0

#include "gateway/base/profiles.hpp"

#include "gateway/base/yaml.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

namespace gatehouse::gateway {
namespace {

using Token = DefaultProfiles::Token;
using Condition = DefaultProfiles::Condition;
using Rule = DefaultProfiles::Rule;

// Collects every problem, so that one run of `gatehouse check` shows them all.
class ProfileReader {
public:
    explicit ProfileReader(std::string name) : name_(std::move(name)) {}

    std::vector<Rule> read(const YamlNode& root);
    [[nodiscard]] const Problems& problems() const { return problems_; }

private:
    using Kind = YamlNode::Kind;

    void problem(const YamlNode& at, std::string_view words) { problems_.add(name_, at, words); }
    void check_keys(const YamlNode& map, std::span<const std::string_view> known);
    std::string scalar(const YamlNode& node, const char* what);
    void read_rule(const YamlNode& node, std::vector<Rule>& rules);
    void read_conditions(const YamlNode& node, Rule& rule);
    Token read_token(const YamlNode& node);
    void check_reachable(const YamlNode& node, const Rule& rule);

    std::string name_;
    std::string canonical_;
    Problems problems_;
    // type -> line of the rule that fits every resource of it
    std::map<std::string, std::uint32_t, std::less<>> default_line_;
};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

bool is_resource_type(std::string_view text) {
    return !text.empty() && text.front() >= 'A' && text.front() <= 'Z' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
           });
}

std::vector<Rule> ProfileReader::read(const YamlNode& root) {
    static constexpr std::string_view known[] = {"canonical", "rules"};
    std::vector<Rule> rules;
    if (!root.is(Kind::map)) {
        problem(root, "expected a map with the keys canonical and rules");
        return rules;
    }
    check_keys(root, known);
    if (const YamlNode* canonical = root.find("canonical")) {
        canonical_ = scalar(*canonical, "canonical");
    }
    const YamlNode* list = root.find("rules");
    if (list == nullptr || !list->is(Kind::sequence)) {
        problem(list != nullptr ? *list : root, "expected rules: a list");
        return rules;
    }
    for (const YamlNode& node : list->items) {
        read_rule(node, rules);
    }
    // The rules of one type stand together, in file order: choose() stops at the first that fits.
    std::stable_sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
        return a.type < b.type;
    });
    return rules;
}

void ProfileReader::check_keys(const YamlNode& map, std::span<const std::string_view> known) {
    for (const YamlNode::Member& member : map.members) {
        if (std::find(known.begin(), known.end(), member.name) != known.end()) {
            continue;
        }
        std::string words = "unknown key '" + member.name + "'; expected one of: ";
        for (const std::string_view one : known) {
            words += one;
            words += one == known.back() ? "" : ", ";
        }
        problems_.add(name_, member.line, member.column, words);
    }
}

std::string ProfileReader::scalar(const YamlNode& node, const char* what) {
    if (!node.is(Kind::scalar) || node.text.empty()) {
        problem(node, std::string("expected text for ") + what);
        return {};
    }
    return node.text;
}

void ProfileReader::read_rule(const YamlNode& node, std::vector<Rule>& rules) {
    static constexpr std::string_view known[] = {"type", "when", "profile"};
    if (!node.is(Kind::map)) {
        problem(node, "expected a rule: {type, when, profile}");
        return;
    }
    check_keys(node, known);
    Rule rule;
    if (const YamlNode* type = node.find("type")) {
        rule.type = scalar(*type, "type");
        if (!rule.type.empty() && !is_resource_type(rule.type)) {
            problem(*type, "'" + rule.type + "' is no resource type");
        }
    } else {
        problem(node, "a rule needs a type");
    }
    if (const YamlNode* profile = node.find("profile")) {
        rule.profile = scalar(*profile, "profile");
        if (rule.profile.find("://") == std::string::npos && !rule.profile.starts_with("urn:")) {
            if (canonical_.empty()) {
                problem(
                    *profile,
                    "'" + rule.profile +
                        "' is only a name; give the whole canonical URL or set canonical"
                );
            }
            rule.profile.insert(0, canonical_);
        }
    } else {
        problem(node, "a rule needs a profile");
    }
    if (const YamlNode* when = node.find("when")) {
        read_conditions(*when, rule);
    }
    check_reachable(node, rule);
    rules.push_back(std::move(rule));
}

void ProfileReader::read_conditions(const YamlNode& node, Rule& rule) {
    if (!node.is(Kind::map) || node.members.empty()) {
        problem(node, "expected when: a map of element paths to lists of codes");
        return;
    }
    for (const YamlNode::Member& member : node.members) {
        Condition condition;
        condition.path = split(member.name, '.');
        if (std::find(condition.path.begin(), condition.path.end(), "") != condition.path.end()) {
            problems_.add(
                name_,
                member.line,
                member.column,
                "an element path has names with single dots between them"
            );
        }
        if (!member.value.is(Kind::sequence) || member.value.items.empty()) {
            problem(member.value, "expected a list of codes, such as [\"system|code\"]");
            continue;
        }
        for (const YamlNode& token : member.value.items) {
            condition.tokens.push_back(read_token(token));
        }
        rule.when.push_back(std::move(condition));
    }
}

Token ProfileReader::read_token(const YamlNode& node) {
    const std::string text = scalar(node, "a code");
    Token token;
    const auto bar = text.rfind('|');
    if (bar == std::string::npos) {
        token.any_system = true;
        token.code = text;
        return token;
    }
    token.system = text.substr(0, bar);
    token.code = text.substr(bar + 1);
    token.any_code = token.code.empty();
    if (token.any_code && token.system.empty()) {
        problem(node, "'|' names neither a system nor a code");
    }
    return token;
}

void ProfileReader::check_reachable(const YamlNode& node, const Rule& rule) {
    const auto earlier = default_line_.find(rule.type);
    if (earlier != default_line_.end()) {
        problem(
            node,
            "never reached: the rule in line " + std::to_string(earlier->second) + " fits every " +
                rule.type + "; put this one before it"
        );
    } else if (rule.when.empty() && !rule.type.empty()) {
        default_line_.emplace(rule.type, node.line);
    }
}

bool token_fits(const std::vector<Token>& tokens, std::string_view system, std::string_view code) {
    return std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
        return (token.any_system || token.system == system) &&
               (token.any_code || token.code == code);
    });
}

// `element` is a code, a Coding or a CodeableConcept; what it is shows in its children.
bool element_fits(const fhir::Element& element, const std::vector<Token>& tokens) {
    if (element.has_value()) {
        return token_fits(tokens, {}, element.value);
    }
    for (const fhir::Element& child : element.children()) {
        if (child.name == "coding") {
            if (token_fits(tokens, child.child_value("system"), child.child_value("code"))) {
                return true;
            }
        } else if (child.name == "code" && child.has_value()) {
            return token_fits(tokens, element.child_value("system"), child.value);
        }
    }
    return false;
}

bool condition_fits(
    const fhir::Element& element,
    std::span<const std::string> path,
    const std::vector<Token>& tokens
) {
    if (path.empty()) {
        return element_fits(element, tokens);
    }
    for (const fhir::Element& child : element.children()) {
        if (child.name == path.front() && condition_fits(child, path.subspan(1), tokens)) {
            return true;
        }
    }
    return false;
}

struct ByType {
    bool operator()(const Rule& rule, std::string_view type) const { return rule.type < type; }
    bool operator()(std::string_view type, const Rule& rule) const { return type < rule.type; }
};

}  // namespace

Result<DefaultProfiles> DefaultProfiles::load(const std::string& file) {
    GH_TRY_ASSIGN(const YamlNode root, load_yaml(file));
    return from(root, file);
}

Result<DefaultProfiles> DefaultProfiles::parse(const std::string& text, const std::string& name) {
    GH_TRY_ASSIGN(const YamlNode root, parse_yaml(text, name));
    return from(root, name);
}

Result<DefaultProfiles> DefaultProfiles::from(const YamlNode& root, const std::string& name) {
    ProfileReader reader(name);
    DefaultProfiles table;
    table.rules_ = reader.read(root);
    if (!reader.problems().empty()) {
        return Fault(Errc::invalid, "default profiles", reader.problems().text());
    }
    return table;
}

void DefaultProfiles::choose(const fhir::Element& resource, std::vector<std::string_view>& profiles)
    const {
    const auto [first, last] =
        std::equal_range(rules_.begin(), rules_.end(), resource.resource_type(), ByType());
    for (auto rule = first; rule != last; ++rule) {
        const bool fits =
            std::all_of(rule->when.begin(), rule->when.end(), [&](const Condition& condition) {
                return condition_fits(resource, condition.path, condition.tokens);
            });
        if (fits) {
            profiles.push_back(rule->profile);
            return;
        }
    }
}

std::string_view DefaultProfiles::default_of(std::string_view type) const {
    const auto [first, last] = std::equal_range(rules_.begin(), rules_.end(), type, ByType());
    const auto rule =
        std::find_if(first, last, [](const Rule& candidate) { return candidate.when.empty(); });
    return rule == last ? std::string_view() : std::string_view(rule->profile);
}

std::vector<std::string_view> DefaultProfiles::conditional_of(std::string_view type) const {
    std::vector<std::string_view> found;
    const auto [first, last] = std::equal_range(rules_.begin(), rules_.end(), type, ByType());
    for (auto rule = first; rule != last; ++rule) {
        if (!rule->when.empty()) {
            found.push_back(rule->profile);
        }
    }
    return found;
}

fhir::ProfileChooser DefaultProfiles::chooser(std::shared_ptr<const DefaultProfiles> table) {
    return [table = std::move(table)](
               const fhir::Element& resource, std::vector<std::string_view>& profiles
           ) { table->choose(resource, profiles); };
}

}  // namespace gatehouse::gateway
