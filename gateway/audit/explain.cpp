// SPDX-License-Identifier: Apache-2.0
#include "gateway/audit/explain.hpp"

#include <algorithm>
#include <vector>

#include "fhir/json/value.hpp"
#include "gateway/audit/chain.hpp"
#include "gateway/journal/file.hpp"

namespace gatehouse::gateway {
namespace explain_detail {

using fhir::JsonValue;

std::string text_of(const JsonValue& record, std::string_view name) {
    const JsonValue* value = record.find(name);
    return value == nullptr ? std::string() : std::string(value->text);
}

void line(std::string& out, std::string_view label, std::string_view text) {
    if (text.empty()) {
        return;
    }
    out += "  ";
    out += label;
    out.append(label.size() < 14 ? 14 - label.size() : 1, ' ');
    out += text;
    out += '\n';
}

std::string_view effect_words(std::string_view effect, std::string_view mode) {
    if (effect == "deny") {
        return "refused the message";
    }
    if (mode == "warn") {
        return "let it pass and told the sender";
    }
    return "let it pass and only took note";
}

void rules(std::string& out, const JsonValue& record) {
    const JsonValue* list = record.find("rules");
    if (list == nullptr || list->items.empty()) {
        out += "  No rule had anything to say.\n";
        return;
    }
    for (const JsonValue& rule : list->items) {
        out += "  - ";
        out += rule.string("rule");
        out += " (layer ";
        out += rule.string("layer");
        out += ", mode ";
        out += rule.string("mode");
        out += ") ";
        out += effect_words(rule.string("effect"), rule.string("mode"));
        out += ": ";
        out += rule.string("reason");
        if (const auto place = rule.string("expression"); !place.empty()) {
            out += " [at ";
            out += place;
            if (const auto row = text_of(rule, "line"); !row.empty() && row != "0") {
                out += ", line " + row + ", column " + text_of(rule, "column");
            }
            out += ']';
        }
        out += '\n';
    }
}

std::string words(const JsonValue& record, std::string_view file) {
    std::string out;
    const auto decision = record.string("decision");
    out += decision.empty() ? std::string("No decision was needed")
                            : "Decision " + std::string(decision);
    out += ", record " + text_of(record, "seq") + " of the audit (" + std::string(file) + ")\n";
    line(out, "when", record.string("at"));
    line(out, "message", record.string("message"));
    line(out, "request id", record.string("request"));
    std::string who(record.string("partner"));
    if (who.empty()) {
        who = "a caller who was not authenticated";
    } else if (const auto organisation = record.string("organisation"); !organisation.empty()) {
        who += " for organisation " + std::string(organisation);
    }
    line(out, "who", who);
    line(out, "claimed to be", record.string("asserted"));
    line(out, "proven by", record.string("credential"));
    line(
        out,
        "asked for",
        std::string(record.string("interaction")) + ": " + std::string(record.string("method")) +
            " " + std::string(record.string("target"))
    );
    line(out, "answer", "HTTP " + text_of(record, "status"));
    line(out, "policy", record.string("policy"));
    line(out, "definitions", record.string("definitions"));
    rules(out, record);
    if (const JsonValue* disclosed = record.find("disclosed"); disclosed != nullptr) {
        for (const JsonValue& item : disclosed->items) {
            out += "  read or wrote " + std::string(item.text) + '\n';
        }
    }
    return out;
}

bool bears(const JsonValue& record, std::string_view id) {
    return record.string("decision") == id || record.string("message") == id ||
           record.string("request") == id;
}

}  // namespace explain_detail

Result<std::string> explain(const std::filesystem::path& audit_folder, std::string_view id) {
    GH_TRY_ASSIGN(auto files, chain_files(audit_folder));
    std::reverse(files.begin(), files.end());
    std::string out;
    for (const auto& file : files) {
        GH_TRY_ASSIGN(const std::string bytes, read_whole(file));
        // Ids are looked for as text first: parsing every record of a day would take seconds.
        std::size_t at = bytes.find(id);
        while (!id.empty() && at != std::string::npos) {
            const std::size_t begin = bytes.rfind('\n', at) + 1;  // npos + 1 is 0
            const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
            Arena arena;
            const auto record =
                fhir::parse_json_value(std::string_view(bytes).substr(begin, end - begin), arena);
            if (record && explain_detail::bears(*record, id)) {
                out += explain_detail::words(*record, file.filename().string());
            }
            at = bytes.find(id, end);
        }
        if (!out.empty()) {
            return out;
        }
    }
    return Fault(
        Errc::not_found,
        "explain",
        "no audit record bears this id; it may be of another gateway, or its file was archived"
    );
}

}  // namespace gatehouse::gateway
