#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What SearchParameters keeps: every parameter once for each resource type it is for, with its
// operands as walks or as FHIRPath, grouped by the member with which a walk begins, so that what a
// record does not have costs nothing.

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "fhir/search/bindings.hpp"
#include "fhir/search/convert.hpp"
#include "fhir/search/steps.hpp"

namespace gatehouse::fhir {

// What loading has to say of a parameter.
void note(Issues& notes, const SearchParameter& parameter, const std::string& words);

struct SearchParameters::Impl {
    // A walk of one parameter from a resource of one type.
    struct Walk {
        const SearchParameter* parameter = nullptr;
        search_steps::Steps steps;
        std::string code_system;  // of codes at its end, where a required binding has one
    };
    struct Formula {
        const SearchParameter* parameter = nullptr;
        path::Expression expression;
    };
    // The elements that a composite is about, and the walks from each to its components' values.
    struct ComponentWalk {
        std::size_t component = 0;
        bool from_resource = false;  // %resource...: not from the element
        search_steps::Steps steps;
        std::string code_system;
    };
    struct Items {
        const SearchParameter* parameter = nullptr;
        std::size_t part = 0;  // of SearchParameter::parts
        search_steps::Steps steps;
        std::vector<ComponentWalk> walks;
    };
    struct TypePlan {
        std::unordered_map<Symbol, std::vector<Walk>> walks;  // by first member
        std::vector<Walk> whole;                              // of the resource itself
        std::vector<Formula> formulas;
        std::vector<Items> items;
        std::map<std::string, const SearchParameter*, std::less<>> by_code;
    };

    Impl(const TypeModel& model, const Definitions& source)
        : types(model), definitions(source), converter(model) {}

    void read(const Element& definition, Issues& notes);
    void plan_type(TypeId type, BoundSystems& systems, Issues& notes);
    // composites.cpp
    void read_components(const Element& definition, SearchParameter& parameter);
    void link_components(Issues& notes);
    void plan_composite(TypeId type, const SearchParameter& composite, BoundSystems& systems);
    const SearchParameter*
    same_values(TypeId type, SearchType kind, const std::vector<search_steps::Steps>& wanted);
    std::vector<search_steps::Steps> operands_of(TypeId type, std::string_view expression) const;
    // shared_rows.cpp
    void share_rows(TypeId type);
    // Nothing if a part of the expression is no walk.
    std::optional<std::vector<search_steps::Steps>>
    walks_of(TypeId type, std::string_view expression) const;
    // `target.holder` is set.
    void extract_one(
        const Element& resource, Arena& arena, search_convert::Converter::Target target
    ) const;
    void extract_members(
        const TypePlan& plan, const Element& resource, search_convert::Converter::Target target
    ) const;
    void extract_items(
        const TypePlan& plan, const Element& resource, search_convert::Converter::Target target
    ) const;
    std::shared_ptr<const Schema> schema;  // keeps the two below, where given
    const TypeModel& types;
    const Definitions& definitions;
    search_convert::Converter converter;
    std::deque<SearchParameter> parameters;
    std::unordered_map<TypeId, TypePlan> plans;
};

}  // namespace gatehouse::fhir
