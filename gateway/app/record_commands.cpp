// SPDX-License-Identifier: Apache-2.0
//
// `gatehouse receipts`, `gatehouse audit verify`, `gatehouse explain`: what became of messages,
// from the data folder, while the gateway runs or stands.
#include <cstdio>
#include <optional>
#include <utility>

#include "adapters/sqlite/sqlite_store.hpp"
#include "fhir/json/value.hpp"
#include "gateway/app/commands.hpp"
#include "gateway/app/data_folder.hpp"
#include "gateway/app/rules.hpp"
#include "gateway/audit/chain.hpp"
#include "gateway/audit/explain.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::cli {

using gateway::Config;
using gateway::Receipt;
using gateway::Store;

namespace {

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) {
        out += (out.empty() ? "" : ", ") + text;
    }
    return out;
}

void print_words(const Receipt& receipt) {
    std::printf("%s  %s\n", receipt.message_id.c_str(), to_string(receipt.state));
    const auto line = [](const char* name, const std::string& value) {
        if (!value.empty()) {
            std::printf("  %-12s %s\n", name, value.c_str());
        }
    };
    line("partner", receipt.partner);
    line("request id", receipt.request_id);
    line("bundle", receipt.bundle_identifier);
    line("received", gateway::to_instant(receipt.received_at));
    line("settled", receipt.settled_at != 0 ? gateway::to_instant(receipt.settled_at) : "");
    line("status", std::to_string(receipt.status));
    line("rules", joined(receipt.rules));
    line("resources", joined(receipt.resources));
    line("decision", receipt.decision_id);
}

void print_json(const Receipt& receipt) {
    fhir::JsonWriter out;
    const auto list = [&](const char* name, const std::vector<std::string>& texts) {
        out.key(name).begin_array();
        for (const std::string& text : texts) {
            out.string(text);
        }
        out.end_array();
    };
    out.begin_object()
        .key("message")
        .string(receipt.message_id)
        .key("state")
        .string(to_string(receipt.state));
    out.key("partner").string(receipt.partner).key("requestId").string(receipt.request_id);
    out.key("received").string(gateway::to_instant(receipt.received_at));
    if (receipt.settled_at != 0) {
        out.key("settled").string(gateway::to_instant(receipt.settled_at));
    }
    out.key("status").number(receipt.status);
    list("rules", receipt.rules);
    list("resources", receipt.resources);
    out.key("decision").string(receipt.decision_id);
    std::printf("%s\n", out.end_object().take().c_str());
}

// By our message id, or by a partner's X-Request-ID; without a partner named, every partner's.
Result<std::vector<Receipt>>
find_receipts(Store& store, const std::vector<std::string>& partners, const std::string& id) {
    std::vector<Receipt> out;
    GH_TRY_ASSIGN(auto by_message, store.receipt_by_message(id));
    if (by_message) {
        out.push_back(std::move(*by_message));
        return out;
    }
    for (const std::string& partner : partners) {
        GH_TRY_ASSIGN(auto by_request, store.receipt_by_request(partner, id));
        if (by_request) {
            out.push_back(std::move(*by_request));
        }
    }
    return out;
}

int receipts(
    const Config& config, const std::vector<std::string>& ids, const std::string& partner, bool json
) {
    if (const auto known = gateway::check_data_format(config.data.dir); !known) {
        return failed("receipts", known.error());
    }
    std::vector<std::string> partners;
    if (!partner.empty()) {
        partners.push_back(partner);
    } else {
        gateway::Problems ignored;
        for (const auto& one : gateway::load_partners(gateway::partner_source(config), ignored)) {
            partners.push_back(one->id);
        }
    }
    adapters::SqliteOptions options;
    options.file = config.store_file();
    const auto store = adapters::open_sqlite_store(options);
    if (!store) {
        return failed("receipts", store.error());
    }
    int code = exit_good;
    for (const std::string& id : ids) {
        const auto found = find_receipts(**store, partners, id);
        if (!found) {
            return failed("receipts", found.error());
        }
        if (found->empty()) {
            std::fprintf(
                stderr,
                "%s: nothing is known of it: never received, still on its way, or past "
                "deduplication.window_hours\n",
                id.c_str()
            );
            code = exit_findings;
        }
        for (const Receipt& receipt : *found) {
            json ? print_json(receipt) : print_words(receipt);
        }
    }
    return code;
}

int verify_audit(const Config& config) {
    const auto verdict = gateway::verify_chain(config.audit_folder());
    if (!verdict) {
        return failed("audit", verdict.error());
    }
    if (!verdict->sound) {
        std::printf(
            "broken at record %llu: %s\n",
            static_cast<unsigned long long>(verdict->problem_seq),
            verdict->problem.c_str()
        );
        return exit_findings;
    }
    std::printf(
        "sound: %llu records in %llu files, %llu to %llu, last hash %s\n",
        static_cast<unsigned long long>(verdict->records),
        static_cast<unsigned long long>(verdict->files),
        static_cast<unsigned long long>(verdict->first_seq),
        static_cast<unsigned long long>(verdict->last_seq),
        verdict->last_hash.c_str()
    );
    return exit_good;
}

std::optional<int> parse(Options& options, int argc, char** argv) {
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    return std::nullopt;
}

}  // namespace

int run_receipts(int argc, char** argv) {
    Options options(
        "receipts ID... [--partner ID] [--json] [--config FILE] [--set KEY=VALUE]...",
        "Tells what became of messages: state, times, rules that decided, resources written. ID is "
        "our message id or a "
        "partner's X-Request-ID. Exit code 1: one is not known."
    );
    ConfigOptions given;
    std::vector<std::string> ids;
    std::string partner;
    bool json = false;
    given.declare(options);
    options.text({"--partner"}, partner, "ID", "whose X-Request-ID it is (default: anybody's)");
    options.flag({"--json"}, json, "one JSON object a line");
    options.positionals(ids);
    if (const auto code = parse(options, argc, argv)) {
        return *code;
    }
    if (ids.empty()) {
        return options.wrong("an id is expected");
    }
    const auto config = given.load("receipts");
    return config ? receipts(*config, ids, partner, json) : exit_failure;
}

int run_audit(int argc, char** argv) {
    Options options(
        "audit verify [--config FILE] [--set KEY=VALUE]...",
        "Reads the audit's hash chain from its first record to its last and names the first that "
        "does not fit. "
        "Exit code 0: sound, 1: broken."
    );
    ConfigOptions given;
    std::vector<std::string> words;
    given.declare(options);
    options.positionals(words);
    if (const auto code = parse(options, argc, argv)) {
        return *code;
    }
    if (words.size() != 1 || words[0] != "verify") {
        return options.wrong("expected: audit verify");
    }
    const auto config = given.load("audit");
    return config ? verify_audit(*config) : exit_failure;
}

int run_explain(int argc, char** argv) {
    Options options(
        "explain ID [--config FILE] [--set KEY=VALUE]...",
        "Says in words what was decided and why: which rule, which layer, which mode. ID is a "
        "decision (header "
        "Guardrail-Decision), our message id, or a partner's X-Request-ID."
    );
    ConfigOptions given;
    std::vector<std::string> words;
    given.declare(options);
    options.positionals(words);
    if (const auto code = parse(options, argc, argv)) {
        return *code;
    }
    if (words.size() != 1) {
        return options.wrong("one id is expected");
    }
    const auto config = given.load("explain");
    if (!config) {
        return exit_failure;
    }
    const auto told = gateway::explain(config->audit_folder(), words[0]);
    if (!told) {
        failed("explain", told.error());
        return told.error().code == Errc::not_found ? exit_findings : exit_failure;
    }
    std::printf("%s", told->c_str());
    return exit_good;
}

}  // namespace gatehouse::cli
