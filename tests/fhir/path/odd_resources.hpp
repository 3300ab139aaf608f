#pragma once
// SPDX-License-Identifier: Apache-2.0

namespace gatehouse::fhir::test {

// Shapes of data that definitions forbid and senders write.
inline constexpr const char* odd_resources[] = {
    R"({"resourceType":"Patient","active":[true,false],"gender":["male","male"],"birthDate":"x",)"
    R"("name":[{"use":"official"},{"use":["home","old"],"given":[null,"A"],"_given":[{"id":"1"},null]}],)"
    R"("deceasedBoolean":true,"deceasedDateTime":"2020","contained":[{"resourceType":"Patient",)"
    R"("contained":[{"resourceType":"Basic","id":"b"}]}]})",
    R"({"resourceType":"Encounter","period":{"start":"2020-02-30","end":"2020-02-28"},"status":"x"})",
    R"({"resourceType":"Encounter","period":{"start":"2020-01-28T10:00:00Z","end":"2020-01-28T09:00:00Z"}})",
    R"({"resourceType":"Encounter","period":{"start":"2020-01-28T10:00:00+01:00","end":"2020-01-28T10:00:00Z"}})",
    R"({"resourceType":"Encounter","period":{"start":"2020-01-28","end":"2020-01-28T10:00:00Z"}})",
    R"({"resourceType":"Encounter","period":{"start":"2020-01-28T10:00:60Z","end":"2020-01-28T10:01:00Z"}})",
    R"({"resourceType":"Encounter","period":{"_start":{"extension":[{"url":"u","valueString":"s"}]},"end":"2020"}})",
    R"({"resourceType":"Encounter","period":{"start":["2020","2021"],"end":"2020"}})",
    R"({"resourceType":"Encounter","period":{"start":true,"end":5}})",
    R"({"resourceType":"Observation","status":"final","_status":{"id":"s"},"valueQuantity":{"value":1.0,)"
    R"("code":"kg"},"valueString":"x","component":[{"code":{"coding":[{"code":"a"},{"system":"b"}]}}]})",
    R"({"resourceType":"Observation","unknown":{"value":1,"code":[]},"code":{"coding":"x","text":{"a":1}}})",
    R"({"resourceType":"Nothing","value":1,"valueCode":"c","code":{"x":1}})",
};

}  // namespace gatehouse::fhir::test
