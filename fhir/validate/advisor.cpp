// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/advisor.hpp"

#include <algorithm>

#include "fhir/base/arena.hpp"
#include "fhir/base/wildcard.hpp"
#include "fhir/json/value.hpp"
#include "fhir/model/element.hpp"
#include "fhir/packages/source.hpp"
#include "fhir/validate/rule_list.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::size_t entries_max = 1000;

std::string without_indices(std::string_view path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '[') {
            const std::size_t end = path.find(']', i);
            if (end == std::string_view::npos) {
                break;
            }
            i = end;
            continue;
        }
        out += path[i];
    }
    return out;
}

class Reader {
public:
    Reader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

    void read(const JsonValue& root) {
        if (!root.is(JsonValue::Kind::object)) {
            problem(text_.data(), "expected an object with the keys suppress and rules");
            return;
        }
        for (const JsonValue::Member& member : root.members) {
            if (member.name == "suppress") {
                for (const JsonValue& one : list(member)) {
                    read_short(one);
                }
            } else if (member.name == "rules") {
                for (const JsonValue& one : list(member)) {
                    read_rule(one);
                }
            } else if (member.name != "about" && member.name != "$schema") {
                problem(
                    member.name.data(),
                    "unknown key '" + std::string(member.name) +
                        "'; expected about, suppress or rules"
                );
            }
        }
        if (entries.size() > entries_max) {
            problem(text_.data(), "more than " + std::to_string(entries_max) + " entries");
        }
    }

    std::vector<Advisor::Entry> entries;
    std::vector<std::string> unknown;
    std::string problems;

private:
    void problem(const char* at, const std::string& words) {
        const Position place = position_of(text_, static_cast<std::size_t>(at - text_.data()));
        problems += problems.empty() ? "" : "\n";
        problems += name_ + ":" + std::to_string(place.line) + ": " + words;
    }

    std::span<const JsonValue> list(const JsonValue::Member& member) {
        if (!member.value.is(JsonValue::Kind::array)) {
            problem(member.name.data(), "expected a list for " + std::string(member.name));
            return {};
        }
        return member.value.items;
    }

    // Nothing that a message rests on may be argued away: that it was not read to its end.
    bool check_rule(const char* at, std::string_view rule, bool must_be_known) {
        if (rule == "budget-exhausted" || rule == "too-many-issues" || rule == "advisor") {
            problem(at, "rule " + std::string(rule) + " cannot be advised on");
            return false;
        }
        if (rule.empty() || rule.find_first_not_of('*') == std::string_view::npos) {
            problem(at, "an entry names a rule; '*' alone would be all of them");
            return false;
        }
        if (rule.starts_with("inv:") || rule.find('*') != std::string_view::npos ||
            rule.find("/StructureDefinition/") != std::string_view::npos || is_rule(rule)) {
            return true;
        }
        if (must_be_known) {
            problem(
                at,
                "there is no rule '" + std::string(rule.substr(0, 80)) +
                    "'; 'gatehouse rules' lists them"
            );
            return false;
        }
        unknown.emplace_back(rule);
        return true;
    }

    bool check_path(const char* at, std::string_view path) {
        if (path.find_first_of("^$|+?{}\\") == std::string_view::npos) {
            return true;
        }
        problem(at, "a path takes '*' for any run of characters and no regular expression");
        return false;
    }

    // HL7's form: "ID" or "ID@path".
    void read_short(const JsonValue& one) {
        if (!one.is(JsonValue::Kind::string)) {
            problem(place_of(one), "expected \"ID\" or \"ID@path\"");
            return;
        }
        Advisor::Entry entry;
        const std::size_t at = one.text.find('@');
        entry.rule = one.text.substr(0, at);
        if (at != std::string_view::npos) {
            entry.path = one.text.substr(at + 1);
        }
        if (check_rule(place_of(one), entry.rule, false) && check_path(place_of(one), entry.path)) {
            entries.push_back(std::move(entry));
        }
    }

    void read_rule(const JsonValue& one) {
        if (!one.is(JsonValue::Kind::object) || one.members.empty()) {
            problem(place_of(one), "expected {rule, path, type, profile, action, reason}");
            return;
        }
        const char* at = one.members.front().name.data();
        Advisor::Entry entry;
        std::string_view action;
        std::string_view reason;
        for (const JsonValue::Member& member : one.members) {
            const std::string_view name = member.name;
            if (!member.value.is(JsonValue::Kind::string)) {
                problem(name.data(), "expected text for " + std::string(name));
                return;
            }
            const std::string_view text = member.value.text;
            if (name == "rule") {
                entry.rule = text;
            } else if (name == "path") {
                entry.path = text;
            } else if (name == "type") {
                entry.type = text;
            } else if (name == "profile") {
                entry.profile = text;
            } else if (name == "action") {
                action = text;
            } else if (name == "reason") {
                reason = text;
            } else {
                problem(
                    name.data(),
                    "unknown key '" + std::string(name) +
                        "'; expected rule, path, type, profile, action or reason"
                );
                return;
            }
        }
        if (action == "warning") {
            entry.severity = Severity::warning;
        } else if (action == "information") {
            entry.severity = Severity::information;
        } else if (action != "suppress") {
            problem(at, "an entry needs an action: suppress, warning or information");
            return;
        }
        if (reason.empty()) {
            problem(at, "an entry needs a reason, for those who read it later");
            return;
        }
        if (check_rule(at, entry.rule, true) && check_path(at, entry.path)) {
            entries.push_back(std::move(entry));
        }
    }

    // Where a value stands: its text is a view of the source unless it had escapes.
    const char* place_of(const JsonValue& value) const {
        const char* at = value.text.data();
        const bool inside =
            at != nullptr && at >= text_.data() && at <= text_.data() + text_.size();
        return inside ? at : text_.data();
    }

    std::string_view text_;
    std::string name_;
};

}  // namespace

Result<std::shared_ptr<const Advisor>>
Advisor::parse(std::string_view text, const std::string& name, Reach reach) {
    Arena arena;
    auto root = parse_json_value(text, arena);
    if (!root) {
        return Fault(Errc::invalid, "advisor", name + ": " + root.error().detail);
    }
    Reader reader(text, name);
    reader.read(*root);
    if (!reader.problems.empty()) {
        return Fault(Errc::invalid, "advisor", std::move(reader.problems));
    }
    auto out = std::make_shared<Advisor>();
    out->entries_ = std::move(reader.entries);
    out->unknown_ = std::move(reader.unknown);
    out->digest_ = packages::sha256_text(text);
    out->reach_ = reach;
    return std::shared_ptr<const Advisor>(std::move(out));
}

std::optional<Severity> Advisor::judge(
    const Issue& issue, std::string_view type, std::string_view inner, Advised& out
) const {
    const auto at_path = [&](const std::string& path) {
        if (path.empty() || fits_pattern(issue.expression, path) || fits_pattern(inner, path)) {
            return true;
        }
        return path.find('[') == std::string::npos &&
               (fits_pattern(without_indices(issue.expression), path) ||
                fits_pattern(without_indices(inner), path));
    };
    for (const Entry& entry : entries_) {
        if (!(fits_pattern(issue.rule, entry.rule) ||
              (!issue.message_id.empty() && fits_pattern(issue.message_id, entry.rule))) ||
            (!entry.type.empty() && entry.type != type) ||
            (!entry.profile.empty() && !fits_pattern(issue.profile, entry.profile) &&
             !fits_pattern(
                 std::string_view(issue.profile).substr(0, issue.profile.find('|')), entry.profile
             )) ||
            !at_path(entry.path)) {
            continue;
        }
        if (issue.severity == Severity::fatal ||
            (entry.severity && *entry.severity <= issue.severity)) {
            return issue.severity;  // nothing to make less severe
        }
        if (issue.severity == Severity::error && reach_ == Reach::lesser_only) {
            ++out.kept;
            return issue.severity;
        }
        ++(entry.severity ? out.demoted : out.suppressed);
        return entry.severity;
    }
    return issue.severity;
}

}  // namespace gatehouse::fhir
