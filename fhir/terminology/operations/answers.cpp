// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/operations/answers.hpp"

namespace gatehouse::fhir {

ParametersWriter::ParametersWriter() {
    json_.begin_object().key("resourceType").string("Parameters");
    json_.key("parameter").begin_array();
}

void ParametersWriter::begin(std::string_view name) {
    json_.begin_object().key("name").string(name);
}

void ParametersWriter::text(std::string_view name, std::string_view value) {
    begin(name);
    json_.key("valueString").string(value).end_object();
}

void ParametersWriter::code(std::string_view name, std::string_view value) {
    begin(name);
    json_.key("valueCode").string(value).end_object();
}

void ParametersWriter::uri(std::string_view name, std::string_view value) {
    begin(name);
    json_.key("valueUri").string(value).end_object();
}

void ParametersWriter::boolean(std::string_view name, bool value) {
    begin(name);
    json_.key("valueBoolean").boolean(value).end_object();
}

void ParametersWriter::open(std::string_view name) {
    begin(name);
    json_.key("part").begin_array();
}

void ParametersWriter::close() {
    json_.end_array().end_object();
}

void ParametersWriter::value(std::string_view name, PropertyType type, std::string_view value) {
    begin(name);
    switch (type) {
    case PropertyType::code:
    case PropertyType::coding: json_.key("valueCode").string(value); break;
    case PropertyType::string: json_.key("valueString").string(value); break;
    case PropertyType::integer: json_.key("valueInteger").raw(value); break;
    case PropertyType::boolean: json_.key("valueBoolean").boolean(value == "true"); break;
    case PropertyType::date_time: json_.key("valueDateTime").string(value); break;
    case PropertyType::decimal: json_.key("valueDecimal").raw(value); break;
    }
    json_.end_object();
}

void ParametersWriter::coding(
    std::string_view name,
    std::string_view system,
    std::string_view version,
    std::string_view code,
    std::string_view display
) {
    begin(name);
    json_.key("valueCoding").begin_object();
    const auto member = [&](const char* key, std::string_view value) {
        if (!value.empty()) {
            json_.key(key).string(value);
        }
    };
    member("system", system);
    member("version", version);
    member("code", code);
    member("display", display);
    json_.end_object().end_object();
}

void ParametersWriter::raw(std::string_view name, std::string_view key, std::string_view json) {
    begin(name);
    json_.key(key).raw(json).end_object();
}

std::string ParametersWriter::take() {
    json_.end_array().end_object();
    return json_.take();
}

std::string outcome_of(const std::vector<CodeIssue>& issues) {
    JsonWriter json;
    json.begin_object().key("resourceType").string("OperationOutcome");
    json.key("issue").begin_array();
    for (const CodeIssue& issue : issues) {
        json.begin_object();
        json.key("severity").string(to_string(issue.severity));
        json.key("code").string(to_string(issue.type));
        json.key("details").begin_object();
        json.key("coding").begin_array().begin_object();
        json.key("system").string("http://hl7.org/fhir/tools/CodeSystem/tx-issue-type");
        json.key("code").string(issue.kind).end_object().end_array();
        json.key("text").string(issue.words).end_object();
        json.key("diagnostics").string(issue.words);
        if (!issue.where.empty()) {
            json.key("expression").begin_array().string(issue.where).end_array();
        }
        json.end_object();
    }
    json.end_array().end_object();
    return json.take();
}

}  // namespace gatehouse::fhir
