#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// One snapshot tree -> one Profile. Lives for a compile session: what it makes is owned by the
// pool, what it needs on the way (trees of bases) goes with it.

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "fhir/schema/schema.hpp"
#include "fhir/schema/snapshot_tree.hpp"

namespace gatehouse::fhir {

// What profiles share and what lives as long as the schema.
struct SchemaPool {
    Arena values;  // fixed, pattern, minValue, maxValue
    std::deque<Invariant> invariants;
    std::unordered_map<std::string, const Invariant*> invariant_by_statement;
};

class ProfileCompiler {
public:
    ProfileCompiler(const TypeModel& types, SchemaPool& pool) : types_(types), pool_(pool) {}

    std::unique_ptr<Profile> compile(const Element& structure, const snapshot::Node& root);

private:
    RuleId add_rule(const snapshot::Node& node, const std::string& path, const std::string& id);
    void fill(Rule& rule, const Element& definition);
    void fill_types(Rule& rule, const Element& definition);
    void fill_binding(Rule& rule, const Element& binding);
    void fill_slicing(Rule& rule, const Element& slicing);
    void fill_contexts(const Element& structure);
    const Invariant* invariant(const Element& constraint);
    const Element* keep_value(const Element& value, std::string_view prefix);
    void annotate_value(Element& value, TypeId type);
    TypeId type_of(const Element& type) const;

    const TypeModel& types_;
    SchemaPool& pool_;
    Profile* profile_ = nullptr;
    std::unordered_map<std::string, RuleId> by_id_;
    std::vector<std::pair<RuleId, std::string>> references_;  // contentReferences to resolve
};

}  // namespace gatehouse::fhir
