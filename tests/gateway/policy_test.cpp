// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/cases/policy/*.json. A case starts from the shipped configuration, changes some files,
// loads the set and looks at its complaints, or decides over facts and looks at what each rule
// said.
//
//   change    {file: lines or null (removed)}           replace  [{file, from, to}]
//   problems  texts that the refusal must hold           decide   [{facts..., expect}]

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "fhir/base/nhs_number.hpp"
#include "fhir/json/json.hpp"
#include "fhir/json/value.hpp"
#include "gateway/journal/file.hpp"
#include "gateway/policy/acting.hpp"
#include "gateway/policy/owners.hpp"
#include "gateway/policy/policy.hpp"
#include "gateway/policy/rate.hpp"
#include "tests/support/scratch_folder.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;
using fhir::JsonValue;
using tests::ScratchFolder;

const fs::path source_folder = GATEHOUSE_SOURCE_DIR;

void copy_shipped(const fs::path& to) {
    for (const char* name : {"policies", "owners"}) {
        fs::copy(source_folder / "config" / name, to / name, fs::copy_options::recursive);
    }
}

std::string joined(const JsonValue& lines) {
    std::string text;
    for (const JsonValue& line : lines.items) {
        text += line.text;
        text += '\n';
    }
    return text;
}

void apply_changes(const JsonValue& test, const fs::path& folder) {
    if (const JsonValue* change = test.find("change")) {
        for (const auto& [name, value] : change->members) {
            const fs::path file = folder / name;
            if (value.is(JsonValue::Kind::null)) {
                fs::remove(file);
                continue;
            }
            std::ofstream(file) << joined(value);
        }
    }
    if (const JsonValue* replace = test.find("replace")) {
        for (const JsonValue& one : replace->items) {
            const fs::path file = folder / one.string("file");
            std::string text = *read_whole(file);
            const std::size_t at = text.find(one.string("from"));
            ASSERT_NE(at, std::string::npos) << one.string("from");
            text.replace(at, one.string("from").size(), one.string("to"));
            std::ofstream(file) << text;
        }
    }
}

Interaction interaction_of(std::string_view name) {
    for (int i = 0; i <= static_cast<int>(Interaction::status); ++i) {
        if (name == to_string(static_cast<Interaction>(i))) {
            return static_cast<Interaction>(i);
        }
    }
    return Interaction::unknown;
}

fhir::Issues findings_of(const JsonValue& list) {
    fhir::Issues issues;
    for (const JsonValue& item : list.items) {
        fhir::Issue issue;
        issue.severity = item.string("severity") == "warning" ? fhir::Severity::warning
                         : item.string("severity") == "fatal" ? fhir::Severity::fatal
                                                              : fhir::Severity::error;
        issue.rule = item.string("rule", "cardinality-min");
        issue.profile = item.string("profile");
        issue.expression = item.string("expression");
        issues.push_back(issue);
    }
    return issues;
}

double number(const JsonValue& value, std::string_view name) {
    const JsonValue* member = value.find(name);
    return member == nullptr ? 0 : std::stod(std::string(member->text));
}

std::string always_another(void* /*user*/, std::string_view /*number*/, std::string_view own_id) {
    return own_id == "p1" ? "" : "p1";
}

// One result as "rule mode effect status layer @expression spine #entry", as far as the case names
// it.
std::string shown(const RuleResult& result) {
    std::string text = result.rule;
    text += std::string(" ") + to_string(result.mode) + " " + to_string(result.effect) + " " +
            std::to_string(result.status) + " " + result.layer;
    if (!result.issue.spine_code.empty()) {
        text += " " + result.issue.spine_code;
    }
    if (!result.issue.expression.empty()) {
        text += " @" + result.issue.expression;
    }
    if (result.entry >= 0) {
        text += " #" + std::to_string(result.entry);
    }
    return text;
}

void decide_one(const PolicySet& set, const JsonValue& test) {
    Partner partner;
    partner.id = "sender";
    partner.owner = {"role", "RCB", "a@b", std::string(test.string("review", "2099-01-01"))};
    partner.organisations = {std::string(test.string("organisation", "RCB"))};
    partner.all_rights = test.find("all_rights") != nullptr;
    partner.limits.body_bytes_max = static_cast<std::uint64_t>(number(test, "body_bytes_max"));
    partner.limits.depth_max = static_cast<std::uint32_t>(number(test, "depth_max"));
    if (const JsonValue* types = test.find("types")) {
        for (const JsonValue& type : types->items) {
            partner.limits.types.emplace_back(type.text);
        }
    }
    RestCall call;
    call.interaction = interaction_of(test.string("interaction", "create"));
    call.type = test.string("type");
    call.id = test.string("id");
    if (const JsonValue* parameters = test.find("parameters")) {
        for (const auto& [name, value] : parameters->members) {
            call.parameters.emplace_back(std::string(name), std::string(value.text));
        }
    }
    Arena arena;
    const std::string body(test.string("body"));
    const fhir::SymbolTable symbols;
    const fhir::Decoded decoded =
        body.empty() ? fhir::Decoded{} : fhir::read_json(body, arena, symbols);
    Headers headers;
    if (const JsonValue* list = test.find("headers")) {
        for (const auto& [name, value] : list->members) {
            headers.set(name, std::string(value.text));
        }
    }
    const ActingClaim claim = read_acting_claim(headers);
    GuardFacts facts;
    facts.partner = &partner;
    facts.call = &call;
    facts.organisation = partner.organisations.front();
    facts.asserted_organisation = claim.organisation;
    facts.assertion_problem = claim.problem;
    facts.root = decoded.root;
    facts.source = body;
    facts.body_bytes = body.size();
    facts.now = day_start(std::string(test.string("day", "2026-11-22"))) + 43'200'000'000;
    facts.retry_after_seconds = number(test, "retry_after");
    facts.other_patient = test.find("second_patient") != nullptr ? &always_another : nullptr;
    fhir::Issues findings;
    Decision decision;
    set.decide(facts, decision);
    if (const JsonValue* list = test.find("findings")) {
        findings = findings_of(*list);
        facts.findings = &findings;
        facts.errors_left_out = test.find("findingsLeftOut") != nullptr;
        set.decide_findings(facts, decision);
    }
    std::string results;
    for (const RuleResult& result : decision.results) {
        results += shown(result) + "\n";
    }
    const std::string name(test.string("name"));
    EXPECT_EQ(to_string(decision.effect), test.string("effect")) << name << "\n" << results;
    std::string expected;
    if (const JsonValue* list = test.find("results")) {
        expected = joined(*list);
    }
    EXPECT_EQ(results, expected) << name;
}

void run_case(const JsonValue& test) {
    const ScratchFolder folder;
    copy_shipped(folder.path());
    apply_changes(test, folder.path());

    const auto set = PolicySet::load(folder.path() / "policies");

    if (const JsonValue* problems = test.find("problems")) {
        ASSERT_FALSE(set.has_value()) << "loaded, but should not";
        for (const JsonValue& problem : problems->items) {
            EXPECT_NE(set.error().detail.find(problem.text), std::string::npos)
                << problem.text << "\nis not in\n"
                << set.error().detail;
        }
        return;
    }
    ASSERT_TRUE(set.has_value()) << set.error().detail;
    if (const JsonValue* decide = test.find("decide")) {
        for (const JsonValue& one : decide->items) {
            decide_one(**set, one);
        }
    }
}

TEST(Policy, cases) {
    int count = 0;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(source_folder / "tests/cases/policy")) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const std::string text = *read_whole(file);
        Arena arena;
        const auto cases = fhir::parse_json_value(text, arena);
        ASSERT_TRUE(cases.has_value()) << file << " " << describe(cases.error());
        for (const JsonValue& test : cases->items) {
            SCOPED_TRACE(file.filename().string() + ": " + std::string(test.string("name")));
            run_case(test);
            ++count;
        }
    }
    EXPECT_GT(count, 20);
}

TEST(PolicyProperty, another_deny_never_permits_more) {
    const auto set = PolicySet::load(source_folder / "config/policies");
    ASSERT_TRUE(set.has_value());
    Partner partner;
    partner.owner = {"role", "RCB", "a@b", "2099-01-01"};
    partner.organisations = {"RZZ99"};
    RestCall call;
    call.interaction = Interaction::create;
    call.type = "Patient";
    const std::string bad = R"({"resourceType":"Patient","identifier":[{"system":)"
                            R"("https://fhir.nhs.uk/Id/nhs-number","value":"9000000000"}]})";
    Arena arena;
    const fhir::SymbolTable symbols;
    const auto decoded = fhir::read_json(bad, arena, symbols);
    fhir::Issues error(1);
    for (int bits = 0; bits < 16; ++bits) {
        GuardFacts facts;
        facts.partner = &partner;
        facts.call = &call;
        facts.organisation = "RZZ99";
        facts.root = (bits & 1) != 0 ? decoded.root : nullptr;
        facts.source = bad;
        facts.asserted_organisation = (bits & 2) != 0 ? "OTHER" : "";
        facts.retry_after_seconds = (bits & 4) != 0 ? 1 : 0;
        facts.findings = (bits & 8) != 0 ? &error : nullptr;
        Decision decision;
        (*set)->decide(facts, decision);
        (*set)->decide_findings(facts, decision);
        EXPECT_EQ(decision.effect == Effect::deny, bits != 0) << bits;
    }
}

// A Bundle of so many Patients, each with a wrong NHS number.
std::string wrong_numbers(std::string_view type, int entries) {
    std::string text =
        R"({"resourceType":"Bundle","type":")" + std::string(type) + R"(","entry":[)";
    for (int i = 0; i < entries; ++i) {
        text += (i == 0 ? "" : ",") +
                std::string(R"({"resource":{"resourceType":"Patient","identifier":[{"system":)"
                            R"("https://fhir.nhs.uk/Id/nhs-number","value":"9000000000"}]}})");
    }
    return text + "]}";
}

Decision decide_on(std::string_view text) {
    const auto set = PolicySet::load(source_folder / "config/policies");
    EXPECT_TRUE(set.has_value());
    Partner partner;
    partner.owner = {"role", "RCB", "a@b", "2099-01-01"};
    partner.organisations = {"RZZ99"};
    RestCall call;
    call.interaction = Interaction::transaction;
    Arena arena;
    const fhir::SymbolTable symbols;
    const auto decoded = fhir::read_json(text, arena, symbols);
    GuardFacts facts;
    facts.partner = &partner;
    facts.call = &call;
    facts.organisation = "RZZ99";
    facts.root = decoded.root;
    facts.source = text;
    Decision decision;
    (*set)->decide(facts, decision);
    return decision;
}

TEST(PolicyBounds, many_faults_of_one_message_are_listed_in_part_and_counted) {
    const Decision decision = decide_on(wrong_numbers("transaction", 3000));

    EXPECT_EQ(decision.effect, Effect::deny);
    std::size_t denied = 0;
    bool counted = false;
    for (const RuleResult& result : decision.results) {
        denied += result.effect == Effect::deny ? 1 : 0;
        counted = counted || result.reason.starts_with("2500 more findings of rule G05");
    }
    EXPECT_EQ(denied, 501U);
    EXPECT_TRUE(counted);
    EXPECT_LT(decision.results.size(), 1100U);
}

TEST(PolicyBounds, every_entry_of_a_batch_is_denied_for_itself) {
    const Decision decision = decide_on(wrong_numbers("batch", 3000));

    EXPECT_EQ(decision.effect, Effect::permit_with_findings);
    std::set<std::int32_t> denied;
    for (const RuleResult& result : decision.results) {
        if (result.effect == Effect::deny) {
            denied.insert(result.entry);
        }
    }
    EXPECT_EQ(denied.size(), 3000U);
    EXPECT_EQ(*denied.begin(), 0);
    EXPECT_EQ(*denied.rbegin(), 2999);
}

TEST(PolicySet, digest_changes_with_any_file_and_with_nothing_else) {
    const ScratchFolder folder;
    copy_shipped(folder.path());
    const auto one = PolicySet::load(folder.path() / "policies");
    const auto two = PolicySet::load(folder.path() / "policies/");
    std::ofstream(folder.path() / "owners/owners.yaml", std::ios::app) << "# a word\n";
    const auto three = PolicySet::load(folder.path() / "policies");
    ASSERT_TRUE(one && two && three);
    EXPECT_EQ((*one)->digest(), (*two)->digest());
    EXPECT_NE((*one)->digest(), (*three)->digest());
}

TEST(PolicySet, the_smaller_of_partner_and_layer_limits_counts) {
    const auto set = PolicySet::load(source_folder / "config/policies");
    ASSERT_TRUE(set.has_value());
    Partner partner;
    partner.limits.requests_per_second = 5;
    EXPECT_EQ((*set)->limits(partner, "RZZ99").requests_per_second, 5);
    partner.limits.requests_per_second = 5000;
    EXPECT_EQ((*set)->limits(partner, "RZZ99").requests_per_second, 1000);
    partner.all_rights = true;
    EXPECT_EQ((*set)->limits(partner, "RZZ99").requests_per_second, 0);
}

TEST(NhsNumber, check_digit_vectors) {
    for (const char* good :
         {"9000000009", "9434765919", "9449305552", "6700028191", "9999999999"}) {
        EXPECT_EQ(check_nhs_number(good), NhsNumberFault::none) << good;
    }
    for (const char* bad : {"9000000000", "1234567890"}) {
        EXPECT_EQ(check_nhs_number(bad), NhsNumberFault::check_digit) << bad;
    }
    for (const char* bad : {"943 476 5919", "943476591", "94347659190", "", "943476591X"}) {
        EXPECT_EQ(check_nhs_number(bad), NhsNumberFault::form) << bad;
    }
    EXPECT_TRUE(has_repeated_digits("4444444444"));
    EXPECT_FALSE(has_repeated_digits("4444444445"));
}

TEST(RateLimiter, fills_with_time_and_says_when) {
    RateLimiter limiter;
    Micros now = 1'000'000;
    EXPECT_EQ(limiter.take("a", 2, 2, now), 0);
    EXPECT_EQ(limiter.take("a", 2, 2, now), 0);
    EXPECT_DOUBLE_EQ(limiter.take("a", 2, 2, now), 0.5);
    EXPECT_EQ(limiter.take("b", 2, 2, now), 0);
    EXPECT_DOUBLE_EQ(limiter.take("a", 2, 2, now + 250'000), 0.25);
    EXPECT_EQ(limiter.take("a", 2, 2, now + 500'000), 0);
    EXPECT_EQ(limiter.take("a", 0, 0, now), 0);
}

}  // namespace
}  // namespace gatehouse::gateway
