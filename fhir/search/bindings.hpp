#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A `code` has no system of its own; where it must come from a value set of one code system, that
// system is meant: gender=http://hl7.org/fhir/administrative-gender|male. Used while search
// parameters are read.

#include <map>
#include <string>

#include "fhir/packages/packages.hpp"
#include "fhir/search/steps.hpp"

namespace gatehouse::fhir {

class BoundSystems {
public:
    explicit BoundSystems(const Definitions& definitions) : definitions_(definitions) {}
    // Reads the required bindings of a resource type's own elements; of() then speaks of it.
    void begin(const TypeInfo& type);
    // Code system at the end of a walk of plain members, or empty.
    std::string of(const TypeInfo& type, const search_steps::Steps& steps) const;

private:
    std::string system_of(std::string_view value_set);

    const Definitions& definitions_;
    std::map<std::string, std::string, std::less<>> paths_;       // "Patient.gender" -> system
    std::map<std::string, std::string, std::less<>> value_sets_;  // canonical -> system
};

}  // namespace gatehouse::fhir
