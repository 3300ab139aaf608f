#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What the published definitions say about search, read for the tests straight from the
// SearchParameter and StructureDefinition resources: nothing of fhir/search takes part.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "fhir/path/path.hpp"

namespace gatehouse::search_reference {

// One operand of an expression's union. `where(resolve() is T)` at its end is taken off and kept as
// `target`: R4 means the type that the reference names, whether or not the target is here.
struct Operand {
    fhir::path::Expression expression;
    std::string target;
};

struct Parameter {
    std::string url;
    std::string code;
    std::string type;  // "token"
    std::string expression;
    std::vector<std::string> bases;
    std::vector<std::string> targets;
    struct Component {
        std::string definition;
        std::string expression;
        std::vector<Operand> operands;
    };
    std::vector<Component> components;
    std::vector<Operand> operands;
};

class Definitions {
public:
    explicit Definitions(const fhir::Engine& engine);

    [[nodiscard]] const Parameter* find(std::string_view type, std::string_view code) const;
    [[nodiscard]] const Parameter* by_url(std::string_view url) const;
    // Of a type: its own and those of Resource and DomainResource.
    [[nodiscard]] const std::vector<const Parameter*>& all(std::string_view type) const;
    // Concrete resource types, in order of name.
    [[nodiscard]] const std::vector<std::string>& types() const { return types_; }
    // What a `code` element at this path ("Patient.gender") is a code of; empty if not one system.
    [[nodiscard]] std::string_view code_system(const std::string& path) const;
    // Resource types that a Reference at this path may point at; empty: any.
    [[nodiscard]] const std::vector<std::string>& reference_targets(const std::string& path) const;
    // Expressions that did not compile, for the record.
    [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }

private:
    std::vector<Operand> compile(const std::string& expression, const std::string& whose);
    void read_parameters();
    void read_elements();
    std::string one_system(std::string_view value_set) const;

    const fhir::Engine& engine_;
    std::deque<Parameter> parameters_;
    std::map<std::string, std::map<std::string, const Parameter*, std::less<>>, std::less<>>
        by_type_;
    std::map<std::string, std::vector<const Parameter*>, std::less<>> lists_;
    std::vector<std::string> types_;
    std::map<std::string, std::string> code_systems_;
    std::map<std::string, std::vector<std::string>> reference_targets_;
    std::vector<std::string> broken_;
};

}  // namespace gatehouse::search_reference
