// SPDX-License-Identifier: Apache-2.0
//
// Loading every layer, putting them on top of one another, and answering per organisation.

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>

#include "fhir/json/value.hpp"
#include "gateway/base/ids.hpp"
#include "gateway/journal/file.hpp"
#include "gateway/policy/decide.hpp"
#include "gateway/policy/settings.hpp"

namespace gatehouse::gateway {
namespace policy {

namespace fs = std::filesystem;

class LoadedPolicySet final : public PolicySet {
public:
    [[nodiscard]] const std::string& digest() const override { return digest_; }
    [[nodiscard]] std::vector<std::string> layers() const override { return names_; }
    [[nodiscard]] PartnerLimits
    limits(const Partner& partner, std::string_view organisation) const override {
        return effective_limits(of(organisation), partner);
    }
    [[nodiscard]] std::vector<std::string> visible_types(
        const Partner& partner, std::string_view organisation, Micros now
    ) const override {
        const Effective& policy = of(organisation);
        if (policy.check(Check::g16).value.at(now) != Mode::enforce) {
            return {};
        }
        return effective_limits(policy, partner).types;
    }
    void decide(const GuardFacts& facts, Decision& decision) const override {
        decision.policy_digest = digest_;
        decide_before(of(facts.organisation), facts, decision);
    }
    void decide_findings(const GuardFacts& facts, Decision& decision) const override {
        decision.policy_digest = digest_;
        decide_after(of(facts.organisation), facts, decision);
    }

private:
    friend class SetLoader;
    [[nodiscard]] const Effective& of(std::string_view organisation) const {
        const auto found = by_organisation_.find(std::string(organisation));
        return found == by_organisation_.end() ? national_ : found->second;
    }

    std::string digest_;
    std::vector<std::string> names_;
    Effective national_;
    std::unordered_map<std::string, Effective> by_organisation_;
};

class SetLoader {
public:
    explicit SetLoader(fs::path folder) : folder_(std::move(folder)) {}
    Result<std::shared_ptr<const PolicySet>> load();

private:
    void read_files();
    void read_file(const fs::path& path, Layer::Kind kind);
    std::vector<fs::path> files_of(const fs::path& folder);
    void national_states_all(const Layer& national);
    [[nodiscard]] bool stems_from(const Layer& layer, const Layer& above) const;
    const Effective* effective_of(const Layer& layer);

    fs::path folder_;
    Problems problems_;
    Owners owners_;
    std::vector<Layer> layers_;
    std::map<std::string, Effective> effective_;
    std::set<std::string> in_progress_;
    std::string digested_;
};

std::vector<fs::path> SetLoader::files_of(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        if (it->path().extension() == ".yaml" || it->path().extension() == ".yml") {
            files.push_back(it->path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

void SetLoader::read_file(const fs::path& path, Layer::Kind kind) {
    auto bytes = read_whole(path);
    if (!bytes) {
        problems_.add(path.string() + ":1:1: " + bytes.error().detail);
        return;
    }
    digested_ += fs::relative(path, folder_.parent_path()).string() + '\n' + *bytes + '\n';
    const auto document = parse_yaml(*bytes, path.string());
    if (!document) {
        problems_.add(document.error().detail);
        return;
    }
    layers_.push_back(read_layer(path, *document, kind, owners_, problems_));
}

void SetLoader::read_files() {
    const fs::path owners = folder_.parent_path() / "owners";
    owners_ = load_owners(owners, problems_);
    for (const auto& path : files_of(owners)) {
        digested_ += path.filename().string() + '\n' + read_whole(path).value_or({}) + '\n';
    }
    read_file(folder_ / "national.yaml", Layer::Kind::national);
    for (const auto kind : {Layer::Kind::region, Layer::Kind::icb, Layer::Kind::organisation}) {
        for (const auto& path : files_of(folder_ / to_string(kind))) {
            read_file(path, kind);
        }
    }
    for (const auto& path : files_of(folder_)) {
        if (path.filename() != "national.yaml") {
            problems_.add(
                path.string() +
                ":1:1: only national.yaml stands here; put this layer into region/, icb/ "
                "or organisation/"
            );
        }
    }
}

// A rule that the floor does not mention would be off without anybody having said so.
void SetLoader::national_states_all(const Layer& national) {
    static constexpr std::array<std::pair<const char*, Check>, 6> rules{
        {{"G01", Check::g01},
         {"G03", Check::g03},
         {"G04", Check::g04},
         {"G05", Check::g05},
         {"G14", Check::g14},
         {"G16", Check::g16}}};
    for (const auto& [name, check] : rules) {
        if (!national.checks[static_cast<std::size_t>(check)]) {
            problems_.add(national.file + ":1:1: the national layer must state a mode for " + name);
        }
    }
    if (!national.environment) {
        problems_.add(
            national.file + ":1:1: the national layer must choose an `environment` for G05"
        );
    }
}

bool SetLoader::stems_from(const Layer& layer, const Layer& above) const {
    std::string at = layer.parent;
    for (std::size_t steps = 0; steps < layers_.size(); ++steps) {
        if (at == above.name) {
            return true;
        }
        const auto next = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& other) {
            return other.name == at;
        });
        if (next == layers_.end()) {
            return false;
        }
        at = next->parent;
    }
    return false;
}

const Effective* SetLoader::effective_of(const Layer& layer) {
    if (const auto done = effective_.find(layer.name); done != effective_.end()) {
        return &done->second;
    }
    if (!in_progress_.insert(layer.name).second) {
        problems_.add(
            layer.file, layer.parent_line, layer.parent_column, "the layers above form a ring"
        );
        return nullptr;
    }
    Effective above;
    if (layer.kind != Layer::Kind::national) {
        const auto parent = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& other) {
            return other.name == layer.parent;
        });
        if (parent == layers_.end()) {
            problems_.add(
                layer.file,
                layer.parent_line,
                layer.parent_column,
                "there is no layer `" + layer.parent + "`; write national, region:CODE or icb:CODE"
            );
            return nullptr;
        }
        if (parent->kind >= layer.kind) {
            problems_.add(
                layer.file,
                layer.parent_line,
                layer.parent_column,
                "`" + layer.parent + "` is not above this layer"
            );
            return nullptr;
        }
        const Effective* found = effective_of(*parent);
        if (found == nullptr) {
            return nullptr;
        }
        above = *found;
    } else {
        for (auto& check : above.checks) {
            check.layer = "national";
            check.file = layer.file;
            check.line = 1;
            check.column = 1;
        }
    }
    return &effective_.emplace(layer.name, compose(above, layer, problems_)).first->second;
}

Result<std::shared_ptr<const PolicySet>> SetLoader::load() {
    read_files();
    auto set = std::make_shared<LoadedPolicySet>();
    std::map<std::string, const Layer*> covered;
    for (const Layer& layer : layers_) {
        if (layer.kind == Layer::Kind::national) {
            national_states_all(layer);
        }
        const Effective* effective = effective_of(layer);
        set->names_.push_back(layer.name);
        if (effective == nullptr) {
            continue;
        }
        if (layer.kind == Layer::Kind::national) {
            set->national_ = *effective;
        }
        for (const auto& organisation : layer.organisations) {
            const auto [other, fresh] = covered.emplace(organisation, &layer);
            // The nearer layer speaks for the organisation, but only on top of the one that lists
            // it.
            if (!fresh && !stems_from(layer, *other->second)) {
                problems_.add(
                    layer.file + ":1:1: " + organisation + " is also covered by " +
                    other->second->file + ", which is not above this layer"
                );
            }
            other->second = &layer;
            set->by_organisation_[organisation] = *effective;
        }
    }
    if (!problems_.empty()) {
        return Fault(Errc::invalid, "policy.load", problems_.text());
    }
    set->digest_ = sha256_hex(digested_);
    return std::shared_ptr<const PolicySet>(std::move(set));
}

}  // namespace policy

Result<std::shared_ptr<const PolicySet>> PolicySet::load(const std::filesystem::path& folder) {
    std::error_code error;
    // A trailing slash would make the sister folder `owners` a child.
    auto clean = std::filesystem::absolute(folder, error).lexically_normal();
    if (clean.filename().empty()) {
        clean = clean.parent_path();
    }
    return policy::SetLoader(clean).load();
}

const char* to_string(Mode mode) noexcept {
    switch (mode) {
    case Mode::off: return "off";
    case Mode::observe: return "observe";
    case Mode::warn: return "warn";
    case Mode::enforce: return "enforce";
    }
    return "off";
}

const char* to_string(Effect effect) noexcept {
    switch (effect) {
    case Effect::permit: return "permit";
    case Effect::permit_with_findings: return "permit-with-findings";
    case Effect::deny: return "deny";
    }
    return "permit";
}

Effect effect_of(Mode mode) noexcept {
    return mode == Mode::enforce ? Effect::deny
           : mode == Mode::warn  ? Effect::permit_with_findings
                                 : Effect::permit;
}

std::optional<std::uint32_t> entry_in(std::string_view expression) noexcept {
    static constexpr std::string_view start = "Bundle.entry[";
    std::uint32_t index = 0;
    if (!expression.starts_with(start) ||
        std::from_chars(
            expression.data() + start.size(), expression.data() + expression.size(), index
        )
                .ec != std::errc{}) {
        return std::nullopt;
    }
    return index;
}

std::vector<std::string> deciding_rules(const Decision& decision) {
    std::vector<std::string> rules;
    const bool denied = decision.effect == Effect::deny;
    for (const RuleResult& result : decision.results) {
        if ((!denied || result.effect == Effect::deny) &&
            std::find(rules.begin(), rules.end(), result.rule) == rules.end()) {
            rules.push_back(result.rule);
        }
    }
    return rules;
}

std::string rules_json(const Decision& decision) {
    if (decision.results.empty()) {
        return {};
    }
    fhir::JsonWriter out;
    out.begin_array();
    for (const RuleResult& result : decision.results) {
        out.begin_object();
        out.key("rule").string(result.rule);
        out.key("layer").string(result.layer);
        out.key("mode").string(to_string(result.mode));
        out.key("effect").string(to_string(result.effect));
        out.key("reason").string(result.reason);
        if (!result.issue.expression.empty()) {
            out.key("expression").string(result.issue.expression);
        }
        if (result.issue.line != 0) {
            out.key("line").number(result.issue.line);
            out.key("column").number(result.issue.column);
        }
        out.end_object();
    }
    out.end_array();
    return out.take();
}

}  // namespace gatehouse::gateway
