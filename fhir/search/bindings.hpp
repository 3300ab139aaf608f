#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A `code` has no system of its own; where it must come from a value set of one code system, that
// system is meant: gender=http://hl7.org/fhir/administrative-gender|male, and in the data types
// too: address-use=http://hl7.org/fhir/address-use|home. Used while search parameters are read.

#include <map>
#include <string>

#include "fhir/packages/packages.hpp"
#include "fhir/search/steps.hpp"

namespace gatehouse::fhir {

class BoundSystems {
public:
    explicit BoundSystems(const Definitions& definitions) : definitions_(definitions) {}
    // Reads the elements of a resource type; of() then speaks of it.
    void begin(const TypeInfo& type);
    // Code system at the end of a walk, or empty.
    std::string of(const TypeInfo& type, const search_steps::Steps& steps);

private:
    struct Place {
        std::string type;    // the element's only type, if it has one
        std::string system;  // of its required binding
    };
    using Places = std::map<std::string, Place, std::less<>>;  // by path: "Patient.gender"

    Places read(std::string_view url);
    const Place* find(const std::string& path);
    std::string system_of(std::string_view value_set);

    const Definitions& definitions_;
    Places resource_;
    std::map<std::string, Places, std::less<>> data_types_;       // read when a walk enters them
    std::map<std::string, std::string, std::less<>> value_sets_;  // canonical -> system
};

}  // namespace gatehouse::fhir
