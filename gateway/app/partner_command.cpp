// SPDX-License-Identifier: Apache-2.0
//
// `gatehouse partner add|list|rotate|revoke`: works on the files a running gateway watches, so
// nothing needs a restart.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>

#include "fhir/json/value.hpp"
#include "gateway/app/commands.hpp"
#include "gateway/app/data_folder.hpp"
#include "gateway/app/rules.hpp"
#include "gateway/identity/partners.hpp"
#include "gateway/identity/tokens.hpp"

namespace gatehouse::cli {

namespace fs = std::filesystem;
using gateway::Config;
using gateway::Micros;
using gateway::Partner;
using gateway::Partners;
using gateway::TokenRecord;

namespace {

struct Wanted {
    std::string verb;
    std::string id;
    // add, for a partner that has no file yet
    std::string name;
    std::vector<std::string> organisations;
    std::vector<std::string> subjects;
    std::string owner;
    std::string owner_role;
    std::string owner_organisation;
    std::string owner_contact;
    std::string owner_review;
    std::string overlap_minutes;
    bool json = false;
};

Micros now() {
    return gateway::SystemClock().now();
}

const Partner* find(const Partners& partners, const std::string& id) {
    const auto at =
        std::find_if(partners.begin(), partners.end(), [&](const auto& p) { return p->id == id; });
    return at == partners.end() ? nullptr : at->get();
}

bool live(const TokenRecord& record, Micros at) {
    return !record.revoked && (record.expires == 0 || record.expires > at);
}

Result<Partners> read_partners(const Config& config) {
    gateway::Problems problems;
    Partners partners = gateway::load_partners(gateway::partner_source(config), problems);
    if (!problems.empty()) {
        return Fault(Errc::invalid, "partners", problems.text());
    }
    return partners;
}

Result<std::vector<TokenRecord>> tokens_or_none(const Config& config) {
    auto records = gateway::read_tokens(config.token_store());
    if (!records && records.error().code == Errc::not_found) {
        return std::vector<TokenRecord>();
    }
    return records;
}

std::string yaml_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return out + "\"";
}

std::string yaml_list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        out += (out.size() > 1 ? ", " : "") + yaml_text(text);
    }
    return out + "]";
}

// Writes the partner's file from the options, if they say everything a partner needs.
Result<void> declare(const Config& config, const Wanted& wanted) {
    const bool owner_in_place = !wanted.owner_role.empty() && !wanted.owner_organisation.empty() &&
                                !wanted.owner_contact.empty() && !wanted.owner_review.empty();
    if (wanted.name.empty() || wanted.organisations.empty() ||
        (wanted.owner.empty() && !owner_in_place)) {
        return Fault(
            Errc::not_found,
            "partner",
            "there is no partner '" + wanted.id + "' in " + config.folders.partners.string() +
                ". Write its file (config/partners/README.md), or give --name, --organisation, and "
                "--owner or all of "
                "--owner-role, --owner-organisation, --owner-contact, --owner-review"
        );
    }
    if (!gateway::is_partner_id(wanted.id)) {
        return Fault(
            Errc::invalid,
            "partner",
            "'" + wanted.id + "' is no partner id: a-z, 0-9 and '-', at most 63"
        );
    }
    const fs::path file = config.folders.partners / (wanted.id + ".yaml");
    std::string text = "id: " + wanted.id + "\nname: " + yaml_text(wanted.name) + "\n";
    if (!wanted.owner.empty()) {
        text += "owner: " + yaml_text(wanted.owner) + "\n";
    } else {
        text += "owner:\n  role: " + yaml_text(wanted.owner_role) +
                "\n  organisation: " + yaml_text(wanted.owner_organisation) +
                "\n  contact: " + yaml_text(wanted.owner_contact) +
                "\n  review: " + wanted.owner_review + "\n";
    }
    text += "organisations: " + yaml_list(wanted.organisations) + "\n";
    if (!wanted.subjects.empty()) {
        text += "subjects: " + yaml_list(wanted.subjects) + "\n";
    }
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        return Fault(
            Errc::conflict, "partner", file.string() + " exists already, with another id in it"
        );
    }
    {
        std::ofstream out(file);
        out << text;
        if (!out.flush()) {
            return Fault(Errc::io, "partner", "cannot write " + file.string());
        }
    }
    const auto all = read_partners(config);
    if (!all) {
        fs::remove(file, ignored);  // as it was
        return all.error();
    }
    std::fprintf(stderr, "wrote %s\n", file.c_str());
    return {};
}

// A gateway that runs looks at the token file every few milliseconds: let it, before the prompt is
// back.
void let_it_see() {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

Result<std::string>
issue(const Config& config, const Wanted& wanted, bool sample, Micros old_ends) {
    const gateway::FreshToken token = gateway::make_token(wanted.id, now());
    GH_TRY(gateway::update_tokens(
        config.token_store(),
        [&](std::vector<TokenRecord>& records) -> Result<void> {
            const Micros at = now();
            for (TokenRecord& record : records) {
                if (old_ends != 0 && record.partner == wanted.id && live(record, at)) {
                    record.revoked = old_ends <= at;
                    record.expires = old_ends <= at ? record.expires : old_ends;
                }
            }
            if (sample) {
                GH_TRY(gateway::write_private_file(
                    config.token_folder() / wanted.id, token.secret + "\n"
                ));
            }
            records.push_back(token.record);
            return {};
        }
    ));
    return token.secret;
}

int add(const Config& config, const Wanted& wanted) {
    auto partners = read_partners(config);
    if (!partners) {
        return failed("partner", partners.error());
    }
    const Partner* partner = find(*partners, wanted.id);
    if (partner == nullptr) {
        if (const auto declared = declare(config, wanted); !declared) {
            return failed("partner", declared.error());
        }
    }
    const auto records = tokens_or_none(config);
    if (!records) {
        return failed("partner", records.error());
    }
    const Micros at = now();
    const bool has_one =
        std::any_of(records->begin(), records->end(), [&](const TokenRecord& record) {
            return record.partner == wanted.id && live(record, at);
        });
    if (has_one) {
        std::fprintf(
            stderr,
            "gatehouse partner: '%s' has a token already; `gatehouse partner rotate %s` gives a "
            "new one\n",
            wanted.id.c_str(),
            wanted.id.c_str()
        );
        return exit_failure;
    }
    const auto secret = issue(config, wanted, partner != nullptr && partner->sample, 0);
    if (!secret) {
        return failed("partner", secret.error());
    }
    let_it_see();
    std::fprintf(
        stderr, "Token of '%s'. It is shown once and kept as a hash:\n", wanted.id.c_str()
    );
    std::printf("%s\n", secret->c_str());
    return exit_good;
}

int rotate(const Config& config, const Wanted& wanted) {
    const auto partners = read_partners(config);
    if (!partners) {
        return failed("partner", partners.error());
    }
    const Partner* partner = find(*partners, wanted.id);
    if (partner == nullptr) {
        return failed(
            "partner", Fault(Errc::not_found, "partner", "there is no partner '" + wanted.id + "'")
        );
    }
    long long overlap = 0;
    if (!wanted.overlap_minutes.empty()) {
        gateway::YamlNode node;
        node.kind = gateway::YamlNode::Kind::scalar;
        node.text = wanted.overlap_minutes;
        overlap = gateway::yaml_integer(node).value_or(-1);
        if (overlap < 0 || overlap > 60 * 24 * 90) {
            return failed(
                "partner",
                Fault(Errc::invalid, "partner", "--overlap-minutes must be from 0 to 129600")
            );
        }
    }
    const auto secret = issue(config, wanted, partner->sample, now() + overlap * 60'000'000);
    if (!secret) {
        return failed("partner", secret.error());
    }
    let_it_see();
    std::fprintf(
        stderr,
        "New token of '%s', shown once; the old one %s:\n",
        wanted.id.c_str(),
        overlap > 0 ? ("ends in " + std::to_string(overlap) + " minutes").c_str() : "has ended"
    );
    std::printf("%s\n", secret->c_str());
    return exit_good;
}

int revoke(const Config& config, const Wanted& wanted) {
    int ended = 0;
    const auto done = gateway::update_tokens(
        config.token_store(),
        [&](std::vector<TokenRecord>& records) -> Result<void> {
            for (TokenRecord& record : records) {
                if (record.partner == wanted.id && !record.revoked) {
                    record.revoked = true;
                    ++ended;
                }
            }
            if (ended == 0) {
                return Fault(
                    Errc::not_found, "partner", "'" + wanted.id + "' has no token to revoke"
                );
            }
            return {};
        }
    );
    if (!done) {
        return failed("partner", done.error());
    }
    std::error_code ignored;
    fs::remove(config.token_folder() / wanted.id, ignored);
    let_it_see();
    std::printf("%d token%s of '%s' revoked\n", ended, ended == 1 ? "" : "s", wanted.id.c_str());
    return exit_good;
}

void print_json(const Partners& partners, const std::vector<TokenRecord>& records, Micros at) {
    fhir::JsonWriter out(true);
    out.begin_array();
    for (const auto& partner : partners) {
        out.begin_object();
        out.key("id").string(partner->id).key("name").string(partner->name);
        out.key("organisations").begin_array();
        for (const std::string& code : partner->organisations) {
            out.string(code);
        }
        out.end_array();
        out.key("owner").string(partner->owner.role + ", " + partner->owner.contact);
        out.key("review").string(partner->owner.review);
        out.key("sample").boolean(partner->sample);
        out.key("tokens").begin_array();
        for (const TokenRecord& record : records) {
            if (record.partner == partner->id && live(record, at)) {
                out.begin_object().key("id").string(record.id);
                out.key("created").string(gateway::to_instant(record.created));
                if (record.expires != 0) {
                    out.key("expires").string(gateway::to_instant(record.expires));
                }
                out.end_object();
            }
        }
        out.end_array().end_object();
    }
    std::printf("%s\n", out.end_array().take().c_str());
}

int list(const Config& config, const Wanted& wanted) {
    const auto partners = read_partners(config);
    if (!partners) {
        return failed("partner", partners.error());
    }
    const auto records = tokens_or_none(config);
    if (!records) {
        return failed("partner", records.error());
    }
    const Micros at = now();
    if (wanted.json) {
        print_json(*partners, *records, at);
        return exit_good;
    }
    std::printf(
        "%-20s %-24s %-12s %-26s %s\n",
        "partner",
        "organisations",
        "review",
        "token (issued)",
        "name"
    );
    for (const auto& partner : *partners) {
        std::string codes;
        for (const std::string& code : partner->organisations) {
            codes += (codes.empty() ? "" : " ") + code;
        }
        std::string tokens;
        for (const TokenRecord& record : *records) {
            if (record.partner == partner->id && live(record, at)) {
                tokens += (tokens.empty() ? "" : ", ") + record.id + " (" +
                          gateway::to_instant(record.created).substr(0, 10) + ")";
            }
        }
        std::printf(
            "%-20s %-24s %-12s %-26s %s%s\n",
            partner->id.c_str(),
            codes.c_str(),
            partner->owner.review.c_str(),
            tokens.empty() ? "none" : tokens.c_str(),
            partner->name.c_str(),
            partner->sample ? " [sample]" : ""
        );
    }
    return exit_good;
}

}  // namespace

int run_partner(int argc, char** argv) {
    Options options(
        "partner add|list|rotate|revoke [ID] [--config FILE] [--set KEY=VALUE]...",
        "add issues a token for a partner of config/partners (or, with its particulars, writes the "
        "partner's file "
        "first) and prints it once; rotate gives a new one and ends the old; revoke ends all; list "
        "shows who may call. "
        "A running gateway follows at once."
    );
    ConfigOptions given;
    Wanted wanted;
    std::vector<std::string> words;
    options.positionals(words);
    given.declare(options);
    options.text({"--name"}, wanted.name, "TEXT", "add: the partner's name");
    options.list(
        {"--organisation"},
        wanted.organisations,
        "ODS",
        "add: a code it may act for; the first is its own"
    );
    options.list(
        {"--subject"}, wanted.subjects, "TEXT", "add: a client certificate that proves it"
    );
    options.text({"--owner"}, wanted.owner, "ID", "add: an entry of config/owners");
    options.text({"--owner-role"}, wanted.owner_role, "TEXT", "add: who answers for it");
    options.text(
        {"--owner-organisation"}, wanted.owner_organisation, "ODS", "add: the owner's organisation"
    );
    options.text({"--owner-contact"}, wanted.owner_contact, "TEXT", "add: how to reach the owner");
    options.text(
        {"--owner-review"},
        wanted.owner_review,
        "DATE",
        "add: when this must be looked at again (YYYY-MM-DD)"
    );
    options.text(
        {"--overlap-minutes"},
        wanted.overlap_minutes,
        "N",
        "rotate: how long the old token still works"
    );
    options.flag({"--json"}, wanted.json, "list: as JSON");
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    wanted.verb = words.empty() ? "" : words[0];
    wanted.id = words.size() > 1 ? words[1] : "";
    const bool listing = wanted.verb == "list";
    if ((!listing && wanted.verb != "add" && wanted.verb != "rotate" && wanted.verb != "revoke") ||
        words.size() != (listing ? 1U : 2U)) {
        return options.wrong("expected add ID, list, rotate ID or revoke ID");
    }
    const auto config = given.load("partner");
    if (!config) {
        return exit_failure;
    }
    if (listing) {
        return list(*config, wanted);
    }
    if (wanted.verb == "add") {
        return add(*config, wanted);
    }
    return wanted.verb == "rotate" ? rotate(*config, wanted) : revoke(*config, wanted);
}

}  // namespace gatehouse::cli
