#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A type model of a dozen types, for tests and fuzzing that must not depend on a package cache.

#include <memory>
#include <string>
#include <vector>

#include "fhir/json/json.hpp"

namespace gatehouse::test {

// "Patient.name|*|HumanName": path, max, types (comma separated; "@" before one marks an
// attribute).
inline std::string small_definition(
    const std::string& name,
    const std::string& kind,
    const std::string& base,
    const std::vector<std::string>& elements
) {
    std::string json =
        R"({"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/)" +
        name + R"(","kind":")" + kind + R"(","abstract":false,"type":")" + name +
        R"(","baseDefinition":"http://hl7.org/fhir/StructureDefinition/)" + base +
        R"(","derivation":"specialization","snapshot":{"element":[{"path":")" + name + R"("})";
    for (const std::string& element : elements) {
        const auto first = element.find('|');
        const auto second = element.find('|', first + 1);
        std::string types = element.substr(second + 1);
        const bool attribute = types.starts_with('@');
        types.erase(0, attribute ? 1 : 0);
        json += R"(,{"path":")" + element.substr(0, first) + R"(","max":")" +
                element.substr(first + 1, second - first - 1) + R"(","type":[)";
        for (std::size_t at = 0; at != std::string::npos;) {
            const auto comma = types.find(',', at);
            json += (at == 0 ? "" : ",");
            json += R"({"code":")" + types.substr(at, comma - at) + R"("})";
            at = comma == std::string::npos ? comma : comma + 1;
        }
        json += attribute ? R"(],"representation":["xmlAttr"]})" : "]}";
    }
    return json + "]}}";
}

inline const fhir::TypeModel& small_types() {
    static const fhir::TypeModel model = [] {
        std::vector<std::string> texts;
        for (const std::string name :
             {"string", "id", "code", "uri", "boolean", "integer", "decimal", "xhtml"}) {
            texts.push_back(small_definition(
                name,
                "primitive-type",
                "Element",
                {name + ".id|1|@string", name + ".extension|*|Extension"}
            ));
        }
        texts.push_back(small_definition(
            "Extension",
            "complex-type",
            "Element",
            {"Extension.id|1|@string",
             "Extension.extension|*|Extension",
             "Extension.url|1|@uri",
             "Extension.value[x]|1|string,boolean,integer,decimal,code,Quantity"}
        ));
        texts.push_back(small_definition(
            "Quantity",
            "complex-type",
            "Element",
            {"Quantity.id|1|@string",
             "Quantity.extension|*|Extension",
             "Quantity.value|1|decimal",
             "Quantity.unit|1|string"}
        ));
        texts.push_back(small_definition(
            "Narrative",
            "complex-type",
            "Element",
            {"Narrative.id|1|@string",
             "Narrative.extension|*|Extension",
             "Narrative.status|1|code",
             "Narrative.div|1|xhtml"}
        ));
        texts.push_back(small_definition(
            "HumanName",
            "complex-type",
            "Element",
            {"HumanName.id|1|@string",
             "HumanName.extension|*|Extension",
             "HumanName.family|1|string",
             "HumanName.given|*|string"}
        ));
        texts.push_back(small_definition(
            "Patient",
            "resource",
            "DomainResource",
            {"Patient.id|1|id",
             "Patient.text|1|Narrative",
             "Patient.contained|*|Resource",
             "Patient.extension|*|Extension",
             "Patient.active|1|boolean",
             "Patient.name|*|HumanName",
             "Patient.multipleBirth[x]|1|boolean,integer",
             "Patient.contact|*|BackboneElement",
             "Patient.contact.id|1|@string",
             "Patient.contact.name|1|HumanName"}
        ));
        texts.push_back(small_definition("Resource", "resource", "Base", {"Resource.id|1|id"}));
        Arena arena;
        const fhir::SymbolTable none;
        std::vector<const fhir::Element*> roots;
        for (const std::string& text : texts) {
            roots.push_back(fhir::read_json(text, arena, none).root);
        }
        return std::move(*fhir::TypeModel::build(roots));
    }();
    return model;
}

}  // namespace gatehouse::test
