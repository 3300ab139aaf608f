#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What two sets of definitions ask differently: by profile and element (cardinality, types,
// binding, fixed and pattern values, slicing, invariants, flags), by value set and by code system.
// It compares what the validator walks, not texts, so a rewritten differential that means the same
// is no difference.

#include <cstdint>
#include <string>
#include <vector>

#include "fhir/engine/engine.hpp"

namespace gatehouse::cli {

// What a change does to records: `tightens` may refuse what was accepted, `loosens` the reverse.
enum class Effect : std::uint8_t { tightens, loosens, changes };
const char* to_string(Effect effect) noexcept;

struct RuleChange {
    std::string element;  // id in the snapshot; of value sets and code systems: the system
    std::string what;  // "min", "max", "types", "binding", "invariant ele-1", "slice", "code", ...
    std::string before;  // empty: was not there
    std::string after;   // empty: is not there any more
    Effect effect = Effect::changes;
};

struct DefinitionChange {
    enum class Kind : std::uint8_t { added, removed, changed, broken };
    Kind kind = Kind::changed;
    std::string type;  // "StructureDefinition", "ValueSet", "CodeSystem"
    std::string url;
    std::string version_before;
    std::string version_after;
    std::string problem;  // broken: why one of the two does not compile
    std::vector<RuleChange> rules;
};
const char* to_string(DefinitionChange::Kind kind) noexcept;

// In order of type and url. Definitions of FHIR's core package are left out unless they differ.
std::vector<DefinitionChange> diff_rules(const fhir::Engine& before, const fhir::Engine& after);

}  // namespace gatehouse::cli
