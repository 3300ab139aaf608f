// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/definition_rules.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "fhir/base/wildcard.hpp"
#include "gateway/base/yaml.hpp"

namespace gatehouse::gateway {
namespace {

using SetRule = DefinitionRules::Rule;
using SetEntry = DefinitionRules::Set;

constexpr Micros day = 86'400'000'000;

// Midnight UTC of a date that is_calendar_date() accepts.
Micros midnight_of(std::string_view date) {
    int year = 0;
    unsigned month = 0;
    unsigned day_of_month = 0;
    std::from_chars(date.data(), date.data() + 4, year);
    std::from_chars(date.data() + 5, date.data() + 7, month);
    std::from_chars(date.data() + 8, date.data() + 10, day_of_month);
    const std::chrono::sys_days days =
        std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day_of_month);
    return static_cast<Micros>(days.time_since_epoch().count()) * day;
}

class SetReader {
public:
    explicit SetReader(std::string name) : name_(std::move(name)) {}

    void read(const YamlNode& root, std::vector<SetEntry>& sets, std::vector<SetRule>& rules) {
        if (!root.is(YamlNode::Kind::map)) {
            problem(root, "expected a map with the keys sets and rules");
            return;
        }
        check_keys(root, {"sets", "rules"});
        for (const YamlNode& node : list(root, "sets")) {
            read_set(node, sets);
        }
        for (const YamlNode& node : list(root, "rules")) {
            read_rule(node, sets, rules);
        }
    }
    [[nodiscard]] const Problems& problems() const { return problems_; }

private:
    void problem(const YamlNode& at, std::string_view words) { problems_.add(name_, at, words); }

    void check_keys(const YamlNode& map, std::initializer_list<std::string_view> known) {
        for (const YamlNode::Member& member : map.members) {
            if (std::find(known.begin(), known.end(), member.name) != known.end()) {
                continue;
            }
            std::string words = "unknown key '" + member.name + "'; expected one of:";
            for (const std::string_view one : known) {
                words.append(" ").append(one);
            }
            problems_.add(name_, member.line, member.column, words);
        }
    }

    const std::vector<YamlNode>& list(const YamlNode& map, std::string_view key) {
        static const std::vector<YamlNode> none;
        const YamlNode* node = map.find(key);
        if (node == nullptr || node->is(YamlNode::Kind::null)) {
            return none;
        }
        if (!node->is(YamlNode::Kind::sequence)) {
            problem(*node, "expected a list for " + std::string(key));
            return none;
        }
        return node->items;
    }

    std::string text(const YamlNode& map, std::string_view key) {
        const YamlNode* node = map.find(key);
        if (node == nullptr) {
            return {};
        }
        if (!node->is(YamlNode::Kind::scalar) || node->text.empty()) {
            problem(*node, "expected text for " + std::string(key));
            return {};
        }
        return node->text;
    }

    std::vector<std::string> texts(const YamlNode& map, std::string_view key) {
        std::vector<std::string> out;
        for (const YamlNode& node : list(map, key)) {
            if (!node.is(YamlNode::Kind::scalar) || node.text.empty()) {
                problem(node, "expected text in the list " + std::string(key));
            }
            out.push_back(node.text);
        }
        return out;
    }

    Micros date(const YamlNode& map, std::string_view key, Micros otherwise, Micros plus) {
        const std::string given = text(map, key);
        if (given.empty()) {
            return otherwise;
        }
        if (!is_calendar_date(given)) {
            problem(*map.find(key), "found '" + given + "', expected a date, YYYY-MM-DD");
            return otherwise;
        }
        return midnight_of(given) + plus;
    }

    void read_set(const YamlNode& node, std::vector<SetEntry>& sets) {
        if (!node.is(YamlNode::Kind::map)) {
            problem(node, "expected a set: {name, lock_file, load, profiles}");
            return;
        }
        check_keys(node, {"name", "lock_file", "load", "profiles"});
        SetEntry set;
        set.name = text(node, "name");
        set.lock_file = text(node, "lock_file");
        set.load = texts(node, "load");
        set.profiles = text(node, "profiles");
        if (set.name.empty()) {
            problem(node, "a set needs a name");
        } else if (set.name == default_set) {
            problem(node, "'default' is the set of packages.lock_file and packages.load");
        } else if (named(sets, set.name)) {
            problem(node, "the set '" + set.name + "' is declared twice");
        }
        if (set.lock_file.empty() && set.load.empty()) {
            problem(node, "a set needs a lock_file, or packages to load after the gateway's own");
        }
        sets.push_back(std::move(set));
    }

    void read_rule(
        const YamlNode& node, const std::vector<SetEntry>& sets, std::vector<SetRule>& rules
    ) {
        if (!node.is(YamlNode::Kind::map)) {
            problem(node, "expected a rule: {partner, organisation, profile, from, until, set}");
            return;
        }
        check_keys(node, {"partner", "organisation", "profile", "from", "until", "set"});
        SetRule rule;
        rule.partners = texts(node, "partner");
        rule.organisations = texts(node, "organisation");
        rule.profiles = texts(node, "profile");
        rule.from = date(node, "from", INT64_MIN, 0);
        rule.until = date(node, "until", INT64_MAX, day);  // the day itself belongs to it
        rule.set = text(node, "set");
        if (rule.set.empty()) {
            problem(node, "a rule needs a set");
        } else if (rule.set != default_set && !named(sets, rule.set)) {
            problem(node, "there is no set '" + rule.set + "'");
        }
        if (rule.from >= rule.until) {
            problem(node, "until is before from, so this rule never fits");
        }
        rules.push_back(std::move(rule));
    }

    static bool named(const std::vector<SetEntry>& sets, std::string_view name) {
        return std::any_of(sets.begin(), sets.end(), [&](const SetEntry& set) {
            return set.name == name;
        });
    }

    std::string name_;
    Problems problems_;
};

bool among(const std::vector<std::string>& list, std::string_view text) {
    return list.empty() || std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

Result<DefinitionRules> DefinitionRules::from(const YamlNode& root, const std::string& name) {
    DefinitionRules out;
    SetReader reader(name);
    reader.read(root, out.sets_, out.rules_);
    if (!reader.problems().empty()) {
        return Fault(Errc::invalid, "definition sets", reader.problems().text());
    }
    out.ask_profiles_ = std::any_of(out.rules_.begin(), out.rules_.end(), [](const Rule& rule) {
        return !rule.profiles.empty();
    });
    return out;
}

Result<DefinitionRules> DefinitionRules::load(const std::filesystem::path& file) {
    GH_TRY_ASSIGN(const YamlNode root, load_yaml(file));
    return from(root, file.string());
}

Result<DefinitionRules> DefinitionRules::parse(std::string_view text, const std::string& name) {
    GH_TRY_ASSIGN(const YamlNode root, parse_yaml(text, name));
    return from(root, name);
}

std::string_view DefinitionRules::choose(const Facts& facts) const {
    for (const Rule& rule : rules_) {
        const bool fits =
            facts.now >= rule.from && facts.now < rule.until &&
            among(rule.partners, facts.partner) && among(rule.organisations, facts.organisation) &&
            (rule.profiles.empty() ||
             std::any_of(facts.profiles.begin(), facts.profiles.end(), [&](std::string_view one) {
                 return std::any_of(
                     rule.profiles.begin(),
                     rule.profiles.end(),
                     [&](const std::string& pattern) { return fhir::fits_pattern(one, pattern); }
                 );
             }));
        if (fits) {
            return rule.set;
        }
    }
    return default_set;
}

}  // namespace gatehouse::gateway
