// SPDX-License-Identifier: Apache-2.0
//
// The road with its real parts: order of exits, promise, duplicates, deadline, recovery, faults.

#include "gateway/pipeline/pipeline.hpp"

#include <gtest/gtest.h>

#include "fhir/json/value.hpp"
#include "gateway/audit/chain.hpp"
#include "gateway/audit/explain.hpp"
#include "gateway/base/ids.hpp"
#include "tests/support/road.hpp"

namespace gatehouse::gateway {
namespace {

using tests::RoadFixture;
using tests::ScratchFolder;

#define GH_NEED_ROAD()                                                                             \
    if (!RoadFixture::possible()) {                                                                \
        GTEST_SKIP() << "the pinned definitions are not in the package cache; run "                \
                        "deploy/fetch-definitions";                                                \
    }                                                                                              \
    const ScratchFolder folder;                                                                    \
    RoadFixture road(folder)

std::string patient(const std::string& family, const std::string& number = "9434765919") {
    return R"({"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number",)"
           R"("value":")" +
           number + R"("}],"name":[{"family":")" + family + R"("}],"birthDate":"1980-01-01"})";
}

// Needs a code by its UK Core profile.
const std::string wrong_allergy =
    R"({"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"system":)"
    R"("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},)"
    R"("patient":{"reference":"Patient/x"}})";

std::string id_of(const Response& response) {
    Arena arena;
    const auto json = fhir::parse_json_value(response.body, arena);
    return json ? std::string(json->string("id")) : std::string();
}

std::string whole_audit(const std::filesystem::path& folder) {
    std::string text;
    const auto files = chain_files(folder / "audit");
    for (const auto& file : *files) {
        text += *read_whole(file);
    }
    return text;
}

TEST(Pipeline, keeps_a_good_record_and_reads_it_back) {
    GH_NEED_ROAD();

    const Response created = road.send(road.request("POST", "Patient", patient("One")));
    const Response read = road.send(road.request("GET", "Patient/" + id_of(created)));

    EXPECT_EQ(created.status, 201) << created.body;
    EXPECT_EQ(read.status, 200) << read.body;
    EXPECT_TRUE(is_ulid(created.headers.get("Guardrail-Decision")));
    EXPECT_TRUE(is_ulid(created.headers.get("X-Message-ID")));
    EXPECT_EQ(road.journal->last_position(), 1U);
    EXPECT_EQ(road.store->applied_position().value_or(0), 1U);
}

TEST(Pipeline, says_no_at_each_stage_and_audits_every_no) {
    GH_NEED_ROAD();
    const auto status = [&](Request request) { return road.send(std::move(request)).status; };

    EXPECT_EQ(status(road.request("GET", "Nothing/1")), 404);
    EXPECT_EQ(status(road.request("GET", "Patient/1", "", "")), 401);
    EXPECT_EQ(status(road.request("GET", "metadata", "", "")), 200);
    EXPECT_EQ(status(road.request("POST", "Patient", "{\"resourceType\":")), 400);
    EXPECT_EQ(status(road.request("POST", "Patient", patient("X", "9000000000"))), 400);
    EXPECT_EQ(status(road.request("POST", "AllergyIntolerance", wrong_allergy)), 422);
    Request other = road.request("GET", "Patient/1");
    other.headers.set("NHSD-End-User-Organisation-ODS", "RXX");
    EXPECT_EQ(status(std::move(other)), 403);
    EXPECT_EQ(status(road.request("GET", "Patient/unknown")), 404);

    road.stop();
    const auto verdict = verify_chain(folder.path() / "audit");
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->sound) << verdict->problem;
    EXPECT_EQ(verdict->records, 9U);
    EXPECT_NE(whole_audit(folder.path()).find("\"status\":401"), std::string::npos);
}

TEST(Pipeline, one_wrong_record_is_refused_where_enforced_and_kept_with_findings_where_warned) {
    GH_NEED_ROAD();

    const Response refused =
        road.send(road.request("POST", "AllergyIntolerance", wrong_allergy, "acute-trust"));
    const Response kept =
        road.send(road.request("POST", "AllergyIntolerance", wrong_allergy, "county-council"));

    EXPECT_EQ(refused.status, 422);
    EXPECT_NE(refused.body.find("AllergyIntolerance"), std::string::npos);
    EXPECT_EQ(kept.status, 201) << kept.body;
    EXPECT_NE(kept.body.find("CodeSystem/rule\",\"code\":\"G01\""), std::string::npos) << kept.body;
    EXPECT_TRUE(kept.headers.has("Gatehouse-Findings"));
    road.stop();
    const auto words =
        explain(folder.path() / "audit", std::string(refused.headers.get("Guardrail-Decision")));
    ASSERT_TRUE(words.has_value());
    EXPECT_NE(
        words->find("G01 (layer organisation:RZZ99, mode enforce) refused"), std::string::npos
    );
}

TEST(Pipeline, an_observed_rule_changes_nothing_but_the_record) {
    GH_NEED_ROAD();
    // No verification status: observed as shipped.
    const Response created = road.send(road.request("POST", "Patient", patient("One")));

    EXPECT_EQ(created.status, 201);
    EXPECT_EQ(created.body.find("\"tag\""), std::string::npos);
    road.stop();
    EXPECT_NE(whole_audit(folder.path()).find("\"mode\":\"observe\""), std::string::npos);
}

TEST(Pipeline, a_repeat_gets_the_first_answer_and_has_no_second_effect) {
    GH_NEED_ROAD();
    const Response first =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    const Response again =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    const Response other =
        road.send(road.request("POST", "Patient", patient("Two"), "acute-trust", "r-1"));
    const Response stranger =
        road.send(road.request("POST", "Patient", patient("One"), "county-council", "r-1"));

    EXPECT_EQ(first.status, 201) << first.body;
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.headers.get("Location"), first.headers.get("Location"));
    EXPECT_EQ(again.headers.get("X-Message-ID"), first.headers.get("X-Message-ID"));
    EXPECT_EQ(other.status, 409);
    EXPECT_NE(other.body.find("DUPLICATE_REJECTED"), std::string::npos);
    EXPECT_EQ(stranger.status, 201);
    EXPECT_EQ(road.journal->last_position(), 2U);
}

TEST(Pipeline, a_repeat_is_known_after_a_restart_and_forgotten_after_the_window) {
    GH_NEED_ROAD();
    const Response first =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    road.stop();
    road.start();

    const Response again =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    road.clock.advance(8LL * 24 * 3600 * 1'000'000);
    const Response later =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));

    EXPECT_EQ(again.body, first.body);
    EXPECT_NE(later.body, first.body);
    EXPECT_EQ(later.status, 201);
}

TEST(Pipeline, a_refused_message_may_be_sent_again_and_has_a_receipt) {
    GH_NEED_ROAD();
    const Response refused = road.send(
        road.request("POST", "Patient", patient("One", "9000000000"), "acute-trust", "r-1")
    );
    const Response receipt = road.send(road.request("GET", "$receipt?id=r-1", "", "acute-trust"));
    const Response hidden = road.send(road.request("GET", "$receipt?id=r-1", "", "county-council"));
    const Response good =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    const Response after = road.send(road.request("GET", "$receipt?id=r-1", "", "acute-trust"));

    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(receipt.status, 200) << receipt.body;
    EXPECT_NE(receipt.body.find("\"rejected\""), std::string::npos) << receipt.body;
    EXPECT_NE(receipt.body.find("\"G05\""), std::string::npos) << receipt.body;
    EXPECT_EQ(hidden.status, 404);
    EXPECT_EQ(good.status, 201);
    EXPECT_NE(after.body.find("\"stored\""), std::string::npos) << after.body;
}

TEST(Pipeline, repeats_at_the_same_time_have_one_effect) {
    GH_NEED_ROAD();
    std::vector<std::thread> threads;
    std::vector<Response> answers(6);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        threads.emplace_back([&road, &answers, i] {
            answers[i] =
                road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-9"));
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (const Response& answer : answers) {
        EXPECT_EQ(answer.status, 201);
        EXPECT_EQ(answer.body, answers[0].body);
    }
    EXPECT_EQ(road.journal->last_position(), 1U);
}

TEST(Pipeline, past_its_deadline_an_accepted_message_is_answered_202_with_a_status_url) {
    GH_NEED_ROAD();
    road.store->waiting = true;
    Request slow = road.request("POST", "Patient", patient("Slow"), "acute-trust", "r-1");
    slow.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);

    const Response accepted = road.send(std::move(slow));
    const std::string url(accepted.headers.get("Content-Location"));
    const std::string path = url.substr(url.find("$status"));
    const Response waiting = road.send(road.request("GET", path, "", "acute-trust"));
    const Response receipt = road.send(road.request("GET", "$receipt?id=r-1", "", "acute-trust"));
    road.store->waiting = false;
    while (road.pipeline->backlog() > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const Response settled = road.send(road.request("GET", path, "", "acute-trust"));

    EXPECT_EQ(accepted.status, 202) << accepted.body;
    EXPECT_EQ(waiting.status, 202) << waiting.body;
    EXPECT_NE(receipt.body.find("\"received\""), std::string::npos) << receipt.body;
    EXPECT_EQ(settled.status, 201) << settled.body;
    EXPECT_NE(settled.body.find("\"Slow\""), std::string::npos);
}

TEST(Pipeline, a_broken_store_holds_up_writes_not_reads_and_loses_nothing) {
    GH_NEED_ROAD();
    const Response before = road.send(road.request("POST", "Patient", patient("Before")));
    road.store->broken = true;
    Request during = road.request("POST", "Patient", patient("During"), "acute-trust", "r-1");
    during.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);

    const Response accepted = road.send(std::move(during));
    const Response refused = road.send(road.request("POST", "Patient", patient("After")));
    const Response read = road.send(road.request("GET", "Patient/" + id_of(before)));
    road.store->broken = false;
    while (road.pipeline->backlog() > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const Response answered =
        road.send(road.request("POST", "Patient", patient("During"), "acute-trust", "r-1"));

    EXPECT_EQ(accepted.status, 202);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.headers.has("Retry-After"));
    EXPECT_EQ(read.status, 200);
    EXPECT_EQ(answered.status, 201) << answered.body;
    EXPECT_EQ(road.journal->last_position(), 2U);
}

TEST(Pipeline, what_was_accepted_comes_back_from_the_journal_exactly) {
    GH_NEED_ROAD();
    const Response one =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    const Response warned =
        road.send(road.request("POST", "AllergyIntolerance", wrong_allergy, "county-council", "r-2")
        );
    const Response refused =
        road.send(road.request("POST", "AllergyIntolerance", wrong_allergy, "acute-trust", "r-3"));
    const std::string place = "Patient/" + id_of(one);
    const Response updated = road.send(road.request(
        "PUT", place, R"({"resourceType":"Patient","id":")" + id_of(one) + R"("})", "acute-trust"
    ));
    const Response before = road.send(road.request("GET", place));
    road.stop();
    road.lose_store();

    road.start();

    EXPECT_EQ(road.recovered.value_or(0), 4U);
    const Response after = road.send(road.request("GET", place));
    EXPECT_EQ(updated.status, 200) << updated.body;
    EXPECT_EQ(after.body, before.body);
    EXPECT_EQ(after.headers.get("ETag"), "W/\"2\"");
    const Response one_again =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    EXPECT_EQ(one_again.body, one.body);
    const Response warned_again =
        road.send(road.request("POST", "AllergyIntolerance", wrong_allergy, "county-council", "r-2")
        );
    EXPECT_EQ(warned_again.body, warned.body);
    EXPECT_EQ(
        warned_again.headers.get("Gatehouse-Findings"), warned.headers.get("Gatehouse-Findings")
    );
    const Response receipt = road.send(road.request("GET", "$receipt?id=r-3", "", "acute-trust"));
    EXPECT_NE(receipt.body.find("\"rejected\""), std::string::npos);
    EXPECT_EQ(refused.status, 422);
}

TEST(Pipeline, changes_of_what_is_stored_come_back_from_the_journal_exactly) {
    GH_NEED_ROAD();
    const Response one = road.send(road.request("POST", "Patient", patient("One")));
    const std::string place = "Patient/" + id_of(one);
    Request json_patch =
        road.request("PATCH", place, R"([{"op":"add","path":"/active","value":true}])");
    json_patch.headers.set("Content-Type", "application/json-patch+json");
    const Response patched = road.send(std::move(json_patch));
    const Response found = road.send(road.request(
        "PATCH",
        "Patient?identifier=9434765919",
        R"({"resourceType":"Parameters","parameter":[{"name":"operation","part":[)"
        R"({"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.birthDate"},)"
        R"({"name":"value","valueDate":"1981-02-03"}]}]})"
    ));
    const Response labelled = road.send(road.request(
        "POST",
        place + "/$meta-add",
        R"({"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[)"
        R"({"system":"https://example.org/t","code":"x"}]}}]})"
    ));
    Request raw = road.request("PUT", "Binary/b", "words");
    raw.headers.set("Content-Type", "text/plain");
    const Response kept = road.send(std::move(raw));
    const Response before = road.send(road.request("GET", place));
    const Response history = road.send(road.request("GET", "_history"));
    road.stop();
    road.lose_store();

    road.start();

    EXPECT_EQ(patched.status, 200) << patched.body;
    EXPECT_EQ(found.status, 200) << found.body;
    EXPECT_EQ(labelled.status, 200) << labelled.body;
    EXPECT_EQ(kept.status, 201) << kept.body;
    EXPECT_EQ(road.recovered.value_or(0), 5U);
    EXPECT_NE(before.body.find("1981-02-03"), std::string::npos);
    EXPECT_NE(before.body.find("https://example.org/t"), std::string::npos);
    EXPECT_EQ(road.send(road.request("GET", place)).body, before.body);
    EXPECT_EQ(road.send(road.request("GET", "_history")).body, history.body);
}

TEST(Pipeline, what_a_patch_makes_is_judged_by_the_rules_and_audited) {
    GH_NEED_ROAD();
    const Response one =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    const std::string place = "Patient/" + id_of(one);
    const auto patch = [&](const std::string& path, const std::string& value) {
        Request request = road.request(
            "PATCH",
            place,
            R"([{"op":"replace","path":")" + path + R"(","value":)" + value + "}]",
            "acute-trust"
        );
        request.headers.set("Content-Type", "application/json-patch+json");
        return road.send(std::move(request));
    };

    const Response wrong_number = patch("/identifier/0/value", "\"9000000000\"");
    const Response wrong_form = patch("/birthDate", "\"nonsense\"");
    const Response good = patch("/birthDate", "\"1990-01-01\"");

    EXPECT_EQ(wrong_number.status, 400) << wrong_number.body;
    EXPECT_NE(wrong_number.body.find("INVALID_NHS_NUMBER"), std::string::npos);
    EXPECT_EQ(wrong_form.status, 422) << wrong_form.body;
    EXPECT_EQ(good.status, 200) << good.body;
    EXPECT_EQ(good.headers.get("ETag"), "W/\"2\"");
    const std::string audit = whole_audit(folder.path());
    EXPECT_NE(audit.find(place + "/_history/2"), std::string::npos);
    EXPECT_EQ(audit.find(place + "/_history/3"), std::string::npos);
}

TEST(Pipeline, every_door_accounts_for_what_it_discloses) {
    GH_NEED_ROAD();
    const Response one = road.send(road.request("POST", "Patient", patient("One")));
    const std::string id = id_of(one);
    const std::string place = "Patient/" + id;
    const std::string composition =
        R"({"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"date":)"
        R"("2026-01-01","title":"x","author":[{"reference":")" +
        place + R"("}],"subject":{"reference":")" + place + R"("}})";
    ASSERT_EQ(road.send(road.request("PUT", "Composition/c", composition)).status, 201);
    const std::string version = "\"" + place + "/_history/1\"";
    // Its file may be longer than what is written.
    const auto written = [&](const std::string& audit) { return audit.find_last_not_of('\0') + 1; };
    std::size_t seen = written(whole_audit(folder.path()));
    const auto disclosed_by = [&](Request request) {
        const Response response = road.send(std::move(request));
        EXPECT_LT(response.status, 300) << response.body;
        const std::string audit = whole_audit(folder.path());
        const bool told = audit.find(version, seen) != std::string::npos;
        seen = written(audit);
        return told;
    };
    const auto in_bundle = [&](const std::string& type, const std::string& url) {
        return road.request(
            "POST",
            "",
            R"({"resourceType":"Bundle","type":")" + type +
                R"(","entry":[{"request":{"method":"GET","url":")" + url + R"("}}]})"
        );
    };

    for (const std::string& target :
         {place,
          place + "/_history/1",
          place + "/_history",
          std::string("Patient/_history"),
          std::string("_history"),
          "Patient?_id=" + id,
          place + "/$meta",
          std::string("Composition/c/$document"),
          place + "?_elements=gender"}) {
        EXPECT_TRUE(disclosed_by(road.request("GET", target))) << target;
        EXPECT_TRUE(disclosed_by(in_bundle("batch", target))) << target << " in a batch";
        EXPECT_TRUE(disclosed_by(in_bundle("transaction", target)))
            << target << " in a transaction";
    }
    EXPECT_FALSE(disclosed_by(road.request("GET", "Composition/c")));
}

TEST(Pipeline, a_store_ahead_of_its_journal_is_refused) {
    GH_NEED_ROAD();
    road.send(road.request("POST", "Patient", patient("One")));
    road.stop();
    std::filesystem::remove_all(folder.path() / "journal");

    road.start();

    ASSERT_FALSE(road.recovered.has_value());
    EXPECT_EQ(road.recovered.error().code, Errc::corrupt);
}

TEST(Pipeline, a_restart_on_a_full_disk_reads_on_and_applies_the_rest_when_there_is_space) {
    GH_NEED_ROAD();
    const Response one =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    road.stop();
    road.lose_store();  // so that the journal holds more than the store
    road.start_full = true;

    road.start();

    EXPECT_EQ(road.recovered.value_or(0), 1U);
    EXPECT_EQ(road.pipeline->backlog(), 1U);
    EXPECT_FALSE(road.pipeline->applying());
    EXPECT_EQ(road.send(road.request("GET", "Patient?name=nobody")).status, 200);
    EXPECT_EQ(road.send(road.request("POST", "Patient", patient("Two"))).status, 503);
    EXPECT_EQ(
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1")).status, 503
    );
    road.store->full = false;
    for (int i = 0; i < 5000 && !(road.pipeline->backlog() == 0 && road.pipeline->applying());
         ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const Response again =
        road.send(road.request("POST", "Patient", patient("One"), "acute-trust", "r-1"));
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, one.body);
    EXPECT_EQ(road.send(road.request("GET", "Patient/" + id_of(one))).status, 200);
}

// What is given up at a stop must not be passed over by the applied position of what follows it.
TEST(Pipeline, stopping_while_the_store_fails_loses_nothing) {
    GH_NEED_ROAD();
    road.store->waiting = true;
    for (const char* id : {"r-1", "r-2", "r-3"}) {
        Request request = road.request("POST", "Patient", patient("One"), "acute-trust", id);
        request.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
        EXPECT_EQ(road.send(std::move(request)).status, 202);
    }
    road.store->fail_next = 8;
    std::thread stopping([&] { road.pipeline->drain(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    road.store->waiting = false;
    stopping.join();
    road.stop();

    road.start();

    for (const char* id : {"r-1", "r-2", "r-3"}) {
        const Response again =
            road.send(road.request("POST", "Patient", patient("One"), "acute-trust", id));
        EXPECT_EQ(again.status, 201);
    }
    const Response all =
        road.send(road.request("GET", "Patient?_summary=count", "", "acute-trust"));
    EXPECT_NE(all.body.find("\"total\":3"), std::string::npos) << all.body;
}

TEST(Pipeline, what_waits_for_the_store_is_bounded_by_its_memory_but_one_always_passes) {
    GH_NEED_ROAD();
    road.stop();
    road.backlog_bytes_max = 1;
    road.start();
    const Response alone = road.send(road.request("POST", "Patient", patient("Alone")));
    road.store->waiting = true;
    Request slow = road.request("POST", "Patient", patient("Slow"), "acute-trust", "r-1");
    slow.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);

    const Response first = road.send(std::move(slow));
    const Response second =
        road.send(road.request("POST", "Patient", patient("Two"), "acute-trust", "r-2"));
    road.store->waiting = false;
    while (road.pipeline->backlog() > 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Response later =
        road.send(road.request("POST", "Patient", patient("Two"), "acute-trust", "r-2"));

    EXPECT_EQ(alone.status, 201);
    EXPECT_EQ(first.status, 202);
    EXPECT_EQ(second.status, 503);
    EXPECT_TRUE(second.headers.has("Retry-After"));
    EXPECT_EQ(later.status, 201);
}

TEST(Pipeline, no_audit_no_answer) {
    GH_NEED_ROAD();
    const Response created = road.send(road.request("POST", "Patient", patient("One")));
    road.audit_files.fail_sync = true;

    const Response read = road.send(road.request("GET", "Patient/" + id_of(created)));

    EXPECT_EQ(read.status, 503);
    EXPECT_EQ(read.body.find("One"), std::string::npos);
}

TEST(Pipeline, a_full_journal_disk_refuses_writes_and_passes_when_there_is_space) {
    GH_NEED_ROAD();
    road.send(road.request("POST", "Patient", patient("One")));
    road.journal_files.space_left = 10;
    const Response full =
        road.send(road.request("POST", "Patient", patient("Two"), "acute-trust", "r-1"));
    road.journal_files.space_left = -1;
    const Response again =
        road.send(road.request("POST", "Patient", patient("Two"), "acute-trust", "r-1"));

    EXPECT_EQ(full.status, 503) << full.body;
    EXPECT_EQ(again.status, 201) << again.body;
}

TEST(Pipeline, a_watermark_refuses_writes_and_no_reads) {
    GH_NEED_ROAD();
    const Response created = road.send(road.request("POST", "Patient", patient("One")));
    road.pipeline->set_writes_refused(true);
    EXPECT_EQ(road.send(road.request("POST", "Patient", patient("Two"))).status, 503);
    EXPECT_EQ(road.send(road.request("GET", "Patient/" + id_of(created))).status, 200);
    road.pipeline->set_writes_refused(false);
    EXPECT_EQ(road.send(road.request("POST", "Patient", patient("Two"))).status, 201);
}

TEST(Pipeline, many_senders_at_once_lose_nothing) {
    GH_NEED_ROAD();
    std::vector<std::thread> threads;
    std::atomic<int> stored{0};
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&road, &stored] {
            for (int i = 0; i < 12; ++i) {
                if (road.send(road.request("POST", "Patient", patient("P"))).status == 201) {
                    ++stored;
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(stored, 96);
    EXPECT_EQ(road.store->applied_position().value_or(0), 96U);
    EXPECT_EQ(road.store->stats()->resources, 96U);
}

}  // namespace
}  // namespace gatehouse::gateway
