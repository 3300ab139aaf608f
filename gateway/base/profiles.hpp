#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// DefaultProfiles: which profile a resource is held to when it names none, read from
// config/profiles.yaml (the annotated reference of the format). The gateway takes one per rulebook,
// the command line one per run; the validator calls the chooser for every resource, contained ones
// too.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/validate/validate.hpp"

namespace gatehouse::gateway {

struct YamlNode;

// Immutable after loading; thread-safe.
class DefaultProfiles {
public:
    // Reads and checks the whole file. Fault invalid: every problem found, one a line, as
    // "file:line:column: what was found, what was expected". Fault io: the file cannot be read.
    static Result<DefaultProfiles> load(const std::string& file);
    // The same from text; `name` stands in the messages.
    static Result<DefaultProfiles> parse(const std::string& text, const std::string& name);

    // Appends the profile of the first rule that fits `resource`, if any. The view lives as long as
    // this object. Linear in the rules of the type: at most a dozen.
    void choose(const fhir::Element& resource, std::vector<std::string_view>& profiles) const;

    // The profile that a resource of that type gets when no condition fits; empty if there is none.
    [[nodiscard]] std::string_view default_of(std::string_view type) const;
    // The profiles that conditions of that type can choose, in file order (for /metadata).
    [[nodiscard]] std::vector<std::string_view> conditional_of(std::string_view type) const;

    // A chooser that keeps `table` alive.
    static fhir::ProfileChooser chooser(std::shared_ptr<const DefaultProfiles> table);

    struct Token {
        std::string system;
        std::string code;
        bool any_system = false;  // "code"
        bool any_code = false;    // "system|"
    };
    struct Condition {
        std::vector<std::string> path;  // element names from the resource down
        std::vector<Token> tokens;
    };
    struct Rule {
        std::string type;
        std::vector<Condition> when;  // all must hold
        std::string profile;
    };
    [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }

private:
    static Result<DefaultProfiles> from(const YamlNode& root, const std::string& name);

    std::vector<Rule> rules_;  // grouped by type, file order within a type
};

}  // namespace gatehouse::gateway
