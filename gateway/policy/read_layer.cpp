// SPDX-License-Identifier: Apache-2.0
//
// One policy file: YAML to Layer. The same shape is published for editors as
// config/policies/schema.json.

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "gateway/pipeline/interaction.hpp"
#include "gateway/policy/acting.hpp"
#include "gateway/policy/settings.hpp"

namespace gatehouse::gateway::policy {
namespace {

class LayerReader {
public:
    LayerReader(std::string file, Layer& layer, Problems& problems)
        : file_(std::move(file)), layer_(layer), problems_(problems) {}

    void read_head(const YamlNode& document, Layer::Kind kind, const Owners& owners);
    void read_rules(const YamlNode& document);

private:
    void problem(const YamlNode& at, const std::string& what) { problems_.add(file_, at, what); }
    bool is_map(const YamlNode& node, const char* what);
    void only(const YamlNode& map, std::initializer_list<const char*> known);
    template <class T> Stated<T> stated(const YamlNode& at, T value) const {
        return {std::move(value), layer_.name, file_, at.line, at.column};
    }
    void read_code(const YamlNode& document);
    void read_parent(const YamlNode& document);
    std::optional<Stated<Schedule>> read_schedule(const YamlNode& rule);
    void read_check(Check check, const YamlNode* rule);
    void read_standard_profile(const YamlNode& rule);
    void read_nhs_number(const YamlNode& rule);
    void read_environment(const YamlNode::Member& member);
    void read_limits(const YamlNode& limits);
    std::optional<Stated<std::uint64_t>> read_count(const YamlNode& map, const char* name);
    std::optional<Stated<double>> read_rate(const YamlNode& map, const char* name);
    std::optional<Stated<std::vector<std::string>>>
    read_list(const YamlNode& map, const char* name);

    std::string file_;
    Layer& layer_;
    Problems& problems_;
};

std::optional<std::uint64_t> ten_digits(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.size() != 10 || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

bool LayerReader::is_map(const YamlNode& node, const char* what) {
    if (!node.is(YamlNode::Kind::map)) {
        problem(node, std::string("expected a map: ") + what);
        return false;
    }
    return true;
}

void LayerReader::only(const YamlNode& map, std::initializer_list<const char*> known) {
    for (const auto& member : map.members) {
        if (std::find(known.begin(), known.end(), member.name) == known.end()) {
            std::string names;
            for (const char* name : known) {
                names += names.empty() ? "" : ", ";
                names += name;
            }
            problems_.add(
                file_,
                member.line,
                member.column,
                "unknown key `" + member.name + "`; known here: " + names
            );
        }
    }
}

void LayerReader::read_head(const YamlNode& document, Layer::Kind kind, const Owners& owners) {
    only(document, {"layer", "code", "name", "parent", "organisations", "owner", "rules"});
    layer_.kind = kind;
    const YamlNode* said = document.find("layer");
    if (said == nullptr || said->text != to_string(kind)) {
        problem(
            said == nullptr ? document : *said,
            std::string("expected `layer: ") + to_string(kind) + "`, as this file's folder says"
        );
    }
    read_code(document);
    read_parent(document);
    if (const YamlNode* list = document.find("organisations"); list != nullptr) {
        if (kind == Layer::Kind::national || kind == Layer::Kind::organisation) {
            problem(*list, "only a region or an ICB lists organisations");
        }
        for (const YamlNode& item : list->items) {
            const std::string code = normalise_ods(item.text);
            if (code.empty()) {
                problem(item, "this is not an ODS code");
                continue;
            }
            layer_.organisations.push_back(code);
        }
    }
    layer_.owner = read_owner(document.find("owner"), document, owners, file_, problems_);
}

void LayerReader::read_code(const YamlNode& document) {
    const YamlNode* code = document.find("code");
    if (layer_.kind == Layer::Kind::national) {
        layer_.name = "national";
        return;
    }
    layer_.code = code == nullptr ? std::string() : normalise_ods(code->text);
    if (layer_.code.empty()) {
        problem(code == nullptr ? document : *code, "expected `code:` with an ODS code");
    }
    layer_.name = std::string(to_string(layer_.kind)) + ":" + layer_.code;
    if (layer_.kind == Layer::Kind::organisation) {
        layer_.organisations.push_back(layer_.code);
    }
}

void LayerReader::read_parent(const YamlNode& document) {
    const YamlNode* parent = document.find("parent");
    if (layer_.kind == Layer::Kind::national) {
        if (parent != nullptr) {
            problem(*parent, "the national layer has none above it");
        }
        return;
    }
    layer_.parent = "national";
    if (parent != nullptr) {
        layer_.parent = parent->text;
        layer_.parent_line = parent->line;
        layer_.parent_column = parent->column;
    }
}

std::optional<Stated<Schedule>> LayerReader::read_schedule(const YamlNode& rule) {
    const YamlNode* mode = rule.find("mode");
    const YamlNode* from = rule.find("enforceFrom");
    if (mode == nullptr) {
        if (from != nullptr) {
            problem(*from, "`enforceFrom` needs `mode: enforce` beside it");
        }
        return std::nullopt;
    }
    Schedule schedule;
    static constexpr std::array<std::pair<const char*, Mode>, 4> modes{
        {{"off", Mode::off},
         {"observe", Mode::observe},
         {"warn", Mode::warn},
         {"enforce", Mode::enforce}}};
    const auto* const found = std::find_if(modes.begin(), modes.end(), [&](const auto& known) {
        return mode->text == known.first;
    });
    if (found == modes.end()) {
        problem(*mode, "the mode is none of off, observe, warn, enforce");
        return std::nullopt;
    }
    schedule.mode = found->second;
    if (from != nullptr) {
        if (schedule.mode != Mode::enforce) {
            problem(*from, "`enforceFrom` goes with `mode: enforce` only");
        } else if (!is_calendar_date(from->text)) {
            problem(*from, "expected a date, YYYY-MM-DD");
        } else {
            schedule.enforce_from = day_start(from->text);
        }
    }
    return stated(*mode, schedule);
}

void LayerReader::read_check(Check check, const YamlNode* rule) {
    if (rule == nullptr || !is_map(*rule, "`mode` and perhaps `enforceFrom`")) {
        return;
    }
    if (auto schedule = read_schedule(*rule)) {
        layer_.checks[static_cast<std::size_t>(check)] = std::move(*schedule);
    }
}

void LayerReader::read_rules(const YamlNode& document) {
    const YamlNode* rules = document.find("rules");
    if (rules == nullptr) {
        return;
    }
    if (!is_map(*rules, "rules by their ids")) {
        return;
    }
    only(*rules, {"G01", "G03", "G04", "G05", "G14", "G16"});
    read_check(Check::g01, rules->find("G01"));
    read_check(Check::g03, rules->find("G03"));
    read_check(Check::g04, rules->find("G04"));
    read_check(Check::g05, rules->find("G05"));
    read_check(Check::g14, rules->find("G14"));
    read_check(Check::g16, rules->find("G16"));
    if (const YamlNode* rule = rules->find("G01")) {
        read_standard_profile(*rule);
    }
    if (const YamlNode* rule = rules->find("G03")) {
        only(*rule, {"mode", "enforceFrom", "overdue"});
        read_check(Check::g03_overdue, rule->find("overdue"));
    }
    if (const YamlNode* rule = rules->find("G04")) {
        only(*rule, {"mode", "enforceFrom"});
    }
    if (const YamlNode* rule = rules->find("G05")) {
        read_nhs_number(*rule);
    }
    if (const YamlNode* rule = rules->find("G14")) {
        only(*rule, {"mode"});
        const auto& g14 = layer_.checks[static_cast<std::size_t>(Check::g14)];
        if (g14 && g14->value.mode != Mode::enforce) {
            problems_.add(
                file_, g14->line, g14->column, "G14 (no audit, no answer) can only be enforced"
            );
        }
    }
    if (const YamlNode* rule = rules->find("G16")) {
        only(*rule, {"mode", "enforceFrom", "limits"});
        if (const YamlNode* limits = rule->find("limits");
            limits != nullptr && is_map(*limits, "limits")) {
            read_limits(*limits);
        }
    }
}

void LayerReader::read_standard_profile(const YamlNode& rule) {
    only(rule, {"mode", "enforceFrom", "profiles"});
    const YamlNode* profiles = rule.find("profiles");
    if (profiles == nullptr) {
        return;
    }
    for (const YamlNode& item : profiles->items) {
        if (!is_map(item, "`profile` and `mode`")) {
            continue;
        }
        only(item, {"profile", "mode", "enforceFrom"});
        const YamlNode* profile = item.find("profile");
        auto schedule = read_schedule(item);
        if (profile == nullptr || profile->text.empty() || !schedule) {
            problem(item, "expected `profile` (a canonical URL) and `mode`");
            continue;
        }
        if (!layer_.profiles.emplace(profile->text, std::move(*schedule)).second) {
            problem(*profile, "this profile is listed twice");
        }
    }
}

void LayerReader::read_nhs_number(const YamlNode& rule) {
    only(
        rule,
        {"mode",
         "enforceFrom",
         "environment",
         "environments",
         "verificationStatus",
         "secondPatient",
         "searches"}
    );
    read_check(Check::g05_status, rule.find("verificationStatus"));
    read_check(Check::g05_second, rule.find("secondPatient"));
    read_check(Check::g05_searches, rule.find("searches"));
    for (const char* name : {"verificationStatus", "secondPatient", "searches"}) {
        if (const YamlNode* part = rule.find(name)) {
            only(*part, {"mode", "enforceFrom"});
        }
    }
    if (const YamlNode* environments = rule.find("environments")) {
        if (layer_.kind != Layer::Kind::national) {
            problem(
                *environments, "environments are declared in the national layer; choose one here"
            );
        }
        for (const auto& member : environments->members) {
            read_environment(member);
        }
    }
    if (const YamlNode* environment = rule.find("environment")) {
        layer_.environment = stated(*environment, environment->text);
    }
}

void LayerReader::read_environment(const YamlNode::Member& member) {
    if (!is_map(member.value, "`ranges` and `repeatedDigits`")) {
        return;
    }
    only(member.value, {"ranges", "repeatedDigits", "exceptions"});
    Environment environment;
    const YamlNode* ranges = member.value.find("ranges");
    if (ranges == nullptr || ranges->items.empty()) {
        problem(member.value, "expected `ranges`: a list of {from, to}, ten digits each");
        return;
    }
    for (const YamlNode& range : ranges->items) {
        const YamlNode* from = range.find("from");
        const YamlNode* to = range.find("to");
        const auto low = from == nullptr ? std::nullopt : ten_digits(from->text);
        const auto high = to == nullptr ? std::nullopt : ten_digits(to->text);
        if (!low || !high || *low > *high) {
            problem(range, "expected {from: \"…\", to: \"…\"}, ten digits each, in order");
            continue;
        }
        environment.ranges.emplace_back(*low, *high);
    }
    if (const YamlNode* repeated = member.value.find("repeatedDigits")) {
        if (repeated->text != "refuse" && repeated->text != "allow") {
            problem(*repeated, "expected refuse or allow");
        }
        environment.repeated_refused = repeated->text != "allow";
    }
    if (const YamlNode* exceptions = member.value.find("exceptions")) {
        for (const YamlNode& item : exceptions->items) {
            environment.exceptions.push_back(item.text);
        }
    }
    layer_.environments.emplace(member.name, stated(member.value, std::move(environment)));
}

std::optional<Stated<std::uint64_t>>
LayerReader::read_count(const YamlNode& map, const char* name) {
    const YamlNode* node = map.find(name);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto value = yaml_integer(*node);
    if (!value || *value < 1) {
        problem(*node, "expected a whole number from 1");
        return std::nullopt;
    }
    return stated(*node, static_cast<std::uint64_t>(*value));
}

std::optional<Stated<double>> LayerReader::read_rate(const YamlNode& map, const char* name) {
    const YamlNode* node = map.find(name);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto value = yaml_number(*node);
    if (!value || *value <= 0) {
        problem(*node, "expected a number above 0");
        return std::nullopt;
    }
    return stated(*node, *value);
}

std::optional<Stated<std::vector<std::string>>>
LayerReader::read_list(const YamlNode& map, const char* name) {
    const YamlNode* node = map.find(name);
    if (node == nullptr) {
        return std::nullopt;
    }
    if (!node->is(YamlNode::Kind::sequence) || node->items.empty()) {
        problem(*node, "expected a list with at least one item");
        return std::nullopt;
    }
    std::vector<std::string> items;
    for (const YamlNode& item : node->items) {
        items.push_back(item.text);
    }
    return stated(*node, std::move(items));
}

void LayerReader::read_limits(const YamlNode& limits) {
    only(
        limits, {"bodyBytesMax", "depthMax", "requestsPerSecond", "burst", "types", "interactions"}
    );
    layer_.limits.body_bytes_max = read_count(limits, "bodyBytesMax");
    layer_.limits.depth_max = read_count(limits, "depthMax");
    layer_.limits.requests_per_second = read_rate(limits, "requestsPerSecond");
    layer_.limits.burst = read_rate(limits, "burst");
    layer_.limits.types = read_list(limits, "types");
    layer_.limits.interactions = read_list(limits, "interactions");
    if (layer_.limits.interactions) {
        for (const std::string& name : layer_.limits.interactions->value) {
            if (interaction_named(name) == Interaction::unknown) {
                problem(*limits.find("interactions"), "unknown interaction '" + name + "'");
            }
        }
    }
}

}  // namespace

const char* to_string(Layer::Kind kind) noexcept {
    switch (kind) {
    case Layer::Kind::national: return "national";
    case Layer::Kind::region: return "region";
    case Layer::Kind::icb: return "icb";
    case Layer::Kind::organisation: return "organisation";
    }
    return "national";
}

Layer read_layer(
    const std::filesystem::path& path,
    const YamlNode& document,
    Layer::Kind kind,
    const Owners& owners,
    Problems& problems
) {
    Layer layer;
    layer.file = path.string();
    LayerReader reader(layer.file, layer, problems);
    if (!document.is(YamlNode::Kind::map)) {
        problems.add(layer.file, document, "expected a map: layer, owner, rules");
        return layer;
    }
    reader.read_head(document, kind, owners);
    reader.read_rules(document);
    return layer;
}

}  // namespace gatehouse::gateway::policy
