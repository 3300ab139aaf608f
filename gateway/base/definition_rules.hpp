#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// DefinitionRules: which set of definitions judges a record, read from config/packages/sets.yaml
// (the annotated reference of the format). Names of sets only; the engines behind them are the
// composition root's. `gatehouse check` reads the same table.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "gateway/base/clock.hpp"

namespace gatehouse::gateway {

struct YamlNode;

// The set of packages.lock_file and packages.load, which needs no entry.
inline constexpr std::string_view default_set = "default";

class DefinitionRules {
public:
    struct Set {
        std::string name;
        std::string lock_file;          // as written; empty: the gateway's own
        std::vector<std::string> load;  // after it, in order
        std::string profiles;           // default profiles; empty: the gateway's own
    };
    struct Rule {
        std::vector<std::string> partners;       // ids; empty: any
        std::vector<std::string> organisations;  // acting ODS codes; empty: any
        std::vector<std::string> profiles;       // canonical|version, '*' for a run; empty: any
        Micros from = INT64_MIN;                 // of receipt; first instant
        Micros until = INT64_MAX;                // first instant after
        std::string set;
    };
    // What is known of a message when its definitions are chosen.
    struct Facts {
        std::string_view partner;
        std::string_view organisation;
        std::vector<std::string_view> profiles;  // claimed in meta.profile or asked for
        Micros now = 0;
    };

    // Reads and checks the whole file. Errc::invalid: every problem, one a line with its place.
    static Result<DefinitionRules> load(const std::filesystem::path& file);
    static Result<DefinitionRules> parse(std::string_view text, const std::string& name);

    // The set of the first rule that fits, or default_set. Linear in the rules.
    [[nodiscard]] std::string_view choose(const Facts& facts) const;
    [[nodiscard]] const std::vector<Set>& sets() const { return sets_; }
    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
    // True if a rule looks at profiles, so that a record has to be read before the choice.
    [[nodiscard]] bool ask_profiles() const { return ask_profiles_; }

private:
    static Result<DefinitionRules> from(const YamlNode& root, const std::string& name);

    std::vector<Set> sets_;
    std::vector<Rule> rules_;
    bool ask_profiles_ = false;
};

}  // namespace gatehouse::gateway
