// SPDX-License-Identifier: Apache-2.0
#include "gateway/pipeline/record.hpp"

#include <charconv>

#include "fhir/json/value.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::JsonValue;
using fhir::JsonWriter;

// Headers that change what a message does or how it is answered.
constexpr std::string_view kept_headers[] = {
    "Content-Type",
    "If-Match",
    "If-None-Exist",
    "If-None-Match",
    "Prefer",
    "Accept",
    "X-Security-Context",
};

void write_issue(JsonWriter& out, const fhir::Issue& issue) {
    out.begin_object();
    out.key("severity").number(static_cast<int>(issue.severity));
    out.key("type").number(static_cast<int>(issue.type));
    out.key("rule").string(issue.rule);
    out.key("message").string(issue.message_id);
    out.key("spine").string(issue.spine_code);
    out.key("expression").string(issue.expression);
    out.key("line").number(issue.line);
    out.key("column").number(issue.column);
    out.key("diagnostics").string(issue.diagnostics);
    out.key("profile").string(issue.profile);
    out.end_object();
}

void write_issues(JsonWriter& out, const fhir::Issues& issues) {
    out.begin_array();
    for (const fhir::Issue& issue : issues) {
        write_issue(out, issue);
    }
    out.end_array();
}

long long number_of(const JsonValue& value, std::string_view name) {
    long long number = 0;
    if (const JsonValue* member = value.find(name)) {
        std::from_chars(member->text.data(), member->text.data() + member->text.size(), number);
    }
    return number;
}

fhir::Issue read_issue(const JsonValue& value) {
    fhir::Issue issue;
    issue.severity = static_cast<fhir::Severity>(number_of(value, "severity"));
    issue.type = static_cast<fhir::IssueType>(number_of(value, "type"));
    issue.rule = value.string("rule");
    issue.message_id = value.string("message");
    issue.spine_code = value.string("spine");
    issue.expression = value.string("expression");
    issue.line = static_cast<std::uint32_t>(number_of(value, "line"));
    issue.column = static_cast<std::uint32_t>(number_of(value, "column"));
    issue.diagnostics = value.string("diagnostics");
    issue.profile = value.string("profile");
    return issue;
}

fhir::Issues read_issues(const JsonValue* list) {
    fhir::Issues issues;
    if (list != nullptr) {
        for (const JsonValue& item : list->items) {
            issues.push_back(read_issue(item));
        }
    }
    return issues;
}

// What the answer tells beside the acceptance: warned rules, their findings, entries set aside. The
// policy that said so may be another at recovery, so it is written down.
std::string findings_text(const Envelope& envelope) {
    fhir::Issues errors;
    bool standard_warned = false;
    JsonWriter out;
    out.begin_object();
    out.key("warned").begin_array();
    bool any = !envelope.refused_entries.empty();
    for (const RuleResult& result : envelope.decision.results) {
        if (result.effect == Effect::permit_with_findings) {
            any = true;
            standard_warned = standard_warned || result.rule == "G01";
            out.begin_object().key("rule").string(result.rule).key("issue");
            write_issue(out, result.issue);
            out.end_object();
        }
    }
    out.end_array();
    if (!any) {
        return {};
    }
    if (standard_warned) {
        for (const fhir::Issue& issue : envelope.issues) {
            if (issue.severity == fhir::Severity::error ||
                issue.severity == fhir::Severity::fatal) {
                errors.push_back(issue);
            }
        }
    }
    out.key("issues");
    write_issues(out, errors);
    out.key("entries").begin_array();
    for (const auto& [index, entry] : envelope.refused_entries) {
        out.begin_object();
        out.key("index").number(index);
        out.key("status").number(entry.status);
        out.key("issues");
        write_issues(out, entry.issues);
        out.end_object();
    }
    out.end_array();
    out.end_object();
    return out.take();
}

void read_findings(std::string_view text, Envelope& envelope) {
    if (text.empty()) {
        return;
    }
    Arena arena;
    const auto value = fhir::parse_json_value(text, arena);
    if (!value) {
        return;
    }
    if (const JsonValue* warned = value->find("warned")) {
        for (const JsonValue& item : warned->items) {
            RuleResult result;
            result.rule = item.string("rule");
            result.mode = Mode::warn;
            result.effect = Effect::permit_with_findings;
            if (const JsonValue* issue = item.find("issue")) {
                result.issue = read_issue(*issue);
            }
            envelope.decision.results.push_back(std::move(result));
        }
    }
    envelope.issues = read_issues(value->find("issues"));
    if (const JsonValue* entries = value->find("entries")) {
        for (const JsonValue& item : entries->items) {
            envelope.refused_entries[static_cast<std::uint32_t>(number_of(item, "index"))] = {
                static_cast<int>(number_of(item, "status")), read_issues(item.find("issues"))};
        }
    }
}

Receipt receipt_of(const JournalRecord& record) {
    Receipt receipt;
    receipt.message_id = record.message_id;
    receipt.partner = record.partner;
    receipt.request_id = record.request_id;
    receipt.bundle_identifier = record.bundle_identifier;
    receipt.body_digest = record.body_digest;
    receipt.received_at = record.received_at;
    receipt.status = record.status;
    receipt.rules = record.rules;
    receipt.decision_id = record.decision_id;
    for (const auto& [name, value] : record.headers) {
        if (name == definitions_header) {
            receipt.headers = name + ": " + value + "\n";
        }
    }
    return receipt;
}

JournalRecord head_of(const Envelope& envelope, RecordKind kind, int status) {
    JournalRecord record;
    record.kind = kind;
    record.message_id = envelope.id;
    record.received_at = envelope.received_at;
    record.partner = envelope.credential.partner->id;
    record.organisation = envelope.organisation;
    record.request_id = envelope.request_id;
    record.bundle_identifier = envelope.bundle_identifier;
    record.body_digest = envelope.body_digest;
    record.decision_id = envelope.decision.id;
    record.rules = deciding_rules(envelope.decision);
    if (record.rules.empty() && kind == RecordKind::refused) {
        for (const fhir::Issue& issue : envelope.issues) {
            if (issue.severity == fhir::Severity::error ||
                issue.severity == fhir::Severity::fatal) {
                record.rules.push_back(issue.rule);
                break;
            }
        }
    }
    record.status = status;
    if (!envelope.definitions.empty()) {
        // Ours among the sender's: which packages judged is part of what was promised.
        record.headers.emplace_back(definitions_header, envelope.definitions);
    }
    if (!envelope.viewer.types.empty()) {
        // What the answer may show is decided now, also for an answer that recovery makes.
        std::string types;
        for (const std::string& type : envelope.viewer.types) {
            types.append(types.empty() ? "" : ",").append(type);
        }
        record.headers.emplace_back(visible_types_header, std::move(types));
    }
    return record;
}

std::vector<std::string> listed(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto comma = text.find(',');
        out.emplace_back(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return out;
}

}  // namespace

JournalRecord record_of(const Envelope& envelope, RecordKind kind, int status) {
    JournalRecord record = head_of(envelope, kind, status);
    record.method = envelope.request.method;
    record.target = envelope.request.target;
    if (kind == RecordKind::refused) {
        return record;
    }
    for (const std::string_view name : kept_headers) {
        if (const auto value = envelope.request.headers.get(name); !value.empty()) {
            record.headers.emplace_back(name, value);
        }
    }
    record.tags = envelope.tags;
    record.findings = findings_text(envelope);
    record.body = envelope.request.body;
    return record;
}

Work work_of(const Envelope& envelope, RecordKind kind, int status) {
    Work work;
    work.kind = kind;
    work.receipt = receipt_of(head_of(envelope, kind, status));
    work.plan = envelope.plan;
    work.rulebook = envelope.rulebook;
    work.destinations = envelope.destinations;
    work.organisation = envelope.organisation;
    work.interaction = envelope.call.interaction;
    return work;
}

Work work_of(
    const JournalRecord& record,
    std::shared_ptr<const Rulebook> rulebook,
    const ApiContext& api,
    const fhir::DecodeLimits& limits
) {
    Work work;
    work.kind = record.kind;
    work.position = record.position;
    work.accepted_at = record.accepted_at;
    work.receipt = receipt_of(record);
    work.rulebook = rulebook;
    work.destinations = record.destinations;
    work.organisation = record.organisation;
    if (record.kind == RecordKind::refused) {
        return work;
    }
    Request request;
    request.method = record.method;
    request.target = record.target;
    request.body = record.body;
    for (const auto& [name, value] : record.headers) {
        request.headers.set(name, value);
    }
    Envelope envelope;
    envelope.definitions = request.headers.get(definitions_header);
    envelope.viewer.types = listed(request.headers.get(visible_types_header));
    envelope.id = record.message_id;
    envelope.received_at = record.received_at;
    envelope.rulebook = std::move(rulebook);
    envelope.request = std::move(request);
    envelope.organisation = record.organisation;
    envelope.tags = record.tags;
    if (route(envelope, api) || decode(envelope, limits, nullptr)) {
        return work;
    }
    work.interaction = envelope.call.interaction;
    read_findings(record.findings, envelope);
    std::shared_ptr<const WritePlan> plan;
    if (!prepare_plan(envelope, api, plan)) {
        work.plan = std::move(plan);
    }
    return work;
}

}  // namespace gatehouse::gateway
