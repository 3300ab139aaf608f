// SPDX-License-Identifier: Apache-2.0
#include "gateway/terminology/remote_answer.hpp"

#include "fhir/json/value.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonValue;
using fhir::RemoteAnswer;
using fhir::Verdict;

constexpr std::size_t display_bytes_max = 1024;

bool is_true(const JsonValue* value) {
    return value != nullptr && value->is(JsonValue::Kind::boolean) && value->text == "true";
}

// Whether an OperationOutcome says that what was asked about is not there at all (a code of
// tx-issue-type).
bool says_not_found(const JsonValue* outcome) {
    const JsonValue* issues = outcome == nullptr ? nullptr : outcome->find("issue");
    if (issues == nullptr) {
        return false;
    }
    for (const JsonValue& issue : issues->items) {
        const JsonValue* details = issue.find("details");
        const JsonValue* codings = details == nullptr ? nullptr : details->find("coding");
        if (codings == nullptr) {
            continue;
        }
        for (const JsonValue& coding : codings->items) {
            const std::string_view code = coding.string("code");
            if (code == "not-found" || code == "vs-invalid") {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

RemoteAnswer undecided_answer(std::string reason) {
    RemoteAnswer out;
    out.reason = std::move(reason);
    return out;
}

RemoteAnswer read_remote_answer(int status, std::string_view body) {
    if (status != 200) {
        return undecided_answer(
            "the terminology server refuses with status " + std::to_string(status)
        );
    }
    Arena arena;
    const auto parsed = fhir::parse_json_value(body, arena);
    if (!parsed || parsed->string("resourceType") != "Parameters" ||
        parsed->find("parameter") == nullptr) {
        return undecided_answer("the terminology server's answer is no Parameters resource");
    }
    RemoteAnswer out;
    bool decided = false;
    bool good = false;
    bool unknown = false;
    for (const JsonValue& parameter : parsed->find("parameter")->items) {
        const std::string_view name = parameter.string("name");
        if (name == "result") {
            const JsonValue* value = parameter.find("valueBoolean");
            decided = value != nullptr && value->is(JsonValue::Kind::boolean);
            good = is_true(value);
        } else if (name == "display") {
            out.display = parameter.string("valueString").substr(0, display_bytes_max);
        } else if (name == "inactive") {
            out.inactive = is_true(parameter.find("valueBoolean"));
        } else if (name == "issues") {
            unknown = unknown || says_not_found(parameter.find("resource"));
        } else if (name == "x-caused-by-unknown-system" || name == "x-unknown-system") {
            unknown = true;
        }
    }
    if (!decided) {
        return undecided_answer("the terminology server's answer has no result");
    }
    if (!good && unknown) {
        return undecided_answer("the terminology server does not have the code system or value set"
        );
    }
    out.verdict = good ? Verdict::yes : Verdict::no;
    return out;
}

}  // namespace gatehouse::gateway
