// SPDX-License-Identifier: Apache-2.0
//
// Helpers change nothing but the time: findings, their order, counts and steps of a large Bundle
// are those of one thread. And what hostile messages cost is bounded by the step budget: shown in
// steps, not in seconds.
#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <set>

#include "tests/fhir/validate/engine.hpp"
#include "tests/support/eager_threads.hpp"

namespace gatehouse::fhir::test {
namespace {

Engine* engine_with_core() {
    static const std::unique_ptr<Engine> engine = []() -> std::unique_ptr<Engine> {
        const auto core = core_package();
        std::string why;
        return core ? Engine::load({*core}, why) : nullptr;
    }();
    return engine.get();
}

struct Judged {
    Validation validation;
    Issues decoded;
};

Judged
judge(const Engine& engine, std::string_view text, const ValidateOptions& options, Arena& arena) {
    const TypeModel& types = engine.schema().types();
    Decoded decoded = read_json(text, arena, types.symbols());
    Judged out;
    out.decoded = std::move(decoded.issues);
    if (decoded.root != nullptr) {
        annotate(*decoded.root, types);
        out.validation =
            engine.validator().validate(*decoded.root, text, {}, nullptr, options, arena);
    }
    return out;
}

std::uint64_t
steps_of(const Engine& engine, std::string_view text, const ValidateOptions& options = {}) {
    Arena arena;
    return judge(engine, text, options, arena).validation.steps;
}

bool says(const Validation& validation, std::string_view rule) {
    for (const Issue& issue : validation.issues) {
        if (issue.rule == rule) {
            return true;
        }
    }
    return false;
}

void expect_same(const Validation& a, const Validation& b) {
    EXPECT_EQ(a.valid, b.valid);
    EXPECT_EQ(a.not_checkable, b.not_checkable);
    EXPECT_EQ(a.steps, b.steps);
    EXPECT_EQ(a.unchecked.codes_beyond, b.unchecked.codes_beyond);
    ASSERT_EQ(a.unchecked.count, b.unchecked.count);
    for (std::size_t i = 0; i < a.unchecked.count; ++i) {
        EXPECT_EQ(a.unchecked.list[i].system, b.unchecked.list[i].system) << i;
        EXPECT_EQ(a.unchecked.list[i].codes, b.unchecked.list[i].codes) << i;
    }
    ASSERT_EQ(a.issues.size(), b.issues.size());
    for (std::size_t i = 0; i < a.issues.size(); ++i) {
        EXPECT_EQ(a.issues[i].rule, b.issues[i].rule) << i;
        EXPECT_EQ(a.issues[i].expression, b.issues[i].expression) << i;
        EXPECT_EQ(a.issues[i].diagnostics, b.issues[i].diagnostics) << i;
        EXPECT_EQ(a.issues[i].line, b.issues[i].line) << i;
        EXPECT_EQ(a.issues[i].column, b.issues[i].column) << i;
    }
}

// A Bundle of observations, every `faulty`th of them with faults and codes of several systems; some
// entries share an id, which is a fault of the Bundle.
std::string bundle_of(std::size_t entries, std::size_t faulty, std::string_view type) {
    std::string text =
        R"({"resourceType":"Bundle","type":")" + std::string(type) +
        R"(","meta":{"tag":[{"system":"http://example.org/tags","code":"t"}]},"entry":[)";
    for (std::size_t i = 0; i < entries; ++i) {
        const std::string id = std::to_string(i);
        text += i == 0 ? "\n" : ",\n";
        text += R"({)" + std::string(i % 60 == 3 ? R"("id":"same",)" : "") +
                R"("fullUrl":"http://example.org/fhir/Observation/o)" + id +
                R"(","resource":{"resourceType":"Observation","id":"o)" + id + R"(","status":")" +
                (faulty != 0 && i % faulty == 1 ? "nonsense" : "final") +
                R"(","code":{"coding":[{"system":"http://example.org/s)" + std::to_string(i % 9) +
                R"(","code":"c"}],"text":"x"},"subject":{"reference":"Observation/o)" +
                std::to_string((i + 1) % entries) +
                R"("},"valueQuantity":{"value":1.5,"code":"kg"},"note":[{"text":" a "}]}})";
    }
    return text + "]}";
}

TEST(ParallelValidation, findings_are_those_of_one_thread) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    for (const std::string_view type : {"collection", "document", "transaction", "searchset"}) {
        for (const std::size_t faulty : {0U, 7U, 40U}) {
            const std::string text = bundle_of(400, faulty, type);
            ASSERT_GT(text.size(), 64U * 1024);
            Arena one;
            Arena many;
            ValidateOptions options;
            options.issues_max = 5'000;  // all of them, the Bundle's own at the end too
            const Judged alone = judge(*engine, text, options, one);
            std::atomic<unsigned> calls{0};
            const Helpers threads = gatehouse::test::eager_threads(3);
            Helpers helpers{3, [&](const std::function<void()>& task) {
                                threads.run([&] {
                                    ++calls;
                                    task();
                                });
                            }};
            options.helpers = &helpers;
            const Judged together = judge(*engine, text, options, many);
            EXPECT_GE(calls.load(), 4U) << "helpers were not asked";
            EXPECT_TRUE(says(alone.validation, "duplicate-element-id"));
            expect_same(alone.validation, together.validation);
        }
    }
}

std::size_t errors_of(const Validation& validation) {
    return static_cast<std::size_t>(std::count_if(
        validation.issues.begin(),
        validation.issues.end(),
        [](const Issue& issue) { return issue.severity <= Severity::error; }
    ));
}

// Entries that the list names an error of.
std::size_t entries_in_error(const Validation& validation) {
    std::set<std::string> entries;
    for (const Issue& issue : validation.issues) {
        if (issue.severity <= Severity::error && issue.expression.starts_with("Bundle.entry[")) {
            entries.insert(issue.expression.substr(0, issue.expression.find(']')));
        }
    }
    return entries.size();
}

// One thread's and several threads' verdict, which must be the same.
Validation judge_both_ways(const Engine& engine, std::string_view text, ValidateOptions options) {
    Arena one;
    Arena many;
    const Judged alone = judge(engine, text, options, one);
    const Helpers helpers = gatehouse::test::eager_threads(2);
    options.helpers = &helpers;
    const Judged together = judge(engine, text, options, many);
    expect_same(alone.validation, together.validation);
    EXPECT_EQ(alone.validation.errors_left_out, together.validation.errors_left_out);
    return together.validation;
}

TEST(FindingList, lesser_findings_hide_no_error) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    // Every entry has a lesser finding, and the last one an error.
    std::string text = "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[";
    for (int i = 0; i < 600; ++i) {
        text += (i == 0 ? "" : ",") +
                std::string(R"({"fullUrl":"http://example.org/fhir/Basic/b)") + std::to_string(i) +
                R"(","resource":{"resourceType":"Basic","id":"b)" + std::to_string(i) +
                (i == 599 ? "\"}}" : R"(","code":{"text":"x"},"author":{"display":" a "}}})");
    }
    text += "]}";
    ValidateOptions options;
    options.issues_max = 50;

    const Validation verdict = judge_both_ways(*engine, text, options);

    EXPECT_FALSE(verdict.valid);
    EXPECT_TRUE(says(verdict, "too-many-issues"));
    EXPECT_EQ(errors_of(verdict), 1U);
    EXPECT_EQ(entries_in_error(verdict), 1U);
    EXPECT_FALSE(verdict.errors_left_out);
}

TEST(FindingList, every_entry_of_a_batch_has_its_first_error) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    ValidateOptions options;
    options.issues_max = 50;

    const std::string text = bundle_of(600, 2, "batch");
    const Validation batch = judge_both_ways(*engine, text, options);
    const Validation whole = judge_both_ways(*engine, bundle_of(600, 2, "collection"), options);
    options.issues_max = 50'000;
    const Validation full = judge_both_ways(*engine, text, options);

    ASSERT_GE(entries_in_error(full), 300U);
    EXPECT_EQ(entries_in_error(batch), entries_in_error(full));
    EXPECT_LE(errors_of(batch), entries_in_error(full) + 50);
    EXPECT_TRUE(batch.errors_left_out);
    EXPECT_FALSE(full.errors_left_out);
    EXPECT_EQ(errors_of(whole), 50U);
    EXPECT_TRUE(whole.errors_left_out);
}

TEST(FindingList, a_batch_with_more_bad_entries_than_can_be_told_is_bad_as_one) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    std::string text = R"({"resourceType":"Bundle","type":"batch","entry":[)";
    for (int i = 0; i < 10'002; ++i) {
        text += i == 0 ? "" : ",";
        text +=
            R"({"resource":{"resourceType":"Basic"},"request":{"method":"POST","url":"Basic"}})";
    }
    text += "]}";

    const Validation verdict = judge_both_ways(*engine, text, {});

    ASSERT_FALSE(verdict.issues.empty());
    const Issue& end = verdict.issues.back();
    EXPECT_EQ(end.rule, "too-many-issues");
    EXPECT_EQ(end.severity, Severity::error);
    EXPECT_TRUE(end.expression.empty());
    EXPECT_EQ(entries_in_error(verdict), 10'000U);
}

// Entries whose codings are of more systems than the list takes, the first entries' last ones
// among the later entries' first ones; and of more than a thread's own list takes.
TEST(ParallelValidation, systems_beyond_the_list_are_counted_as_by_one_thread) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    for (const std::size_t systems : {9U, 40U, 90U}) {
        std::string text = R"({"resourceType":"Bundle","type":"collection","entry":[)";
        for (std::size_t i = 0; i < 300; ++i) {
            const std::string id = std::to_string(i);
            text += i == 0 ? "\n" : ",\n";
            text += R"({"fullUrl":"http://example.org/fhir/Basic/b)" + id +
                    R"(","resource":{"resourceType":"Basic","id":"b)" + id +
                    R"(","code":{"coding":[)";
            for (std::size_t j = 0; j < 10; ++j) {
                text += std::string(j == 0 ? "" : ",") + R"({"system":"http://example.org/s)" +
                        std::to_string((i * 7 + 11 - j) % systems) + R"(","code":"c"})";
            }
            text += "]}}}";
        }
        const Validation verdict = judge_both_ways(*engine, text + "]}", {});
        EXPECT_EQ(verdict.unchecked.count, UncheckedSystems::systems_max);
        EXPECT_GT(verdict.unchecked.codes_beyond, 0U);
    }
}

TEST(ParallelValidation, a_cut_list_is_cut_at_the_same_finding) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    const std::string text = bundle_of(600, 2, "collection");
    ValidateOptions options;
    options.issues_max = 50;
    Arena one;
    Arena many;
    const Judged alone = judge(*engine, text, options, one);
    const Helpers helpers = gatehouse::test::eager_threads(2);
    options.helpers = &helpers;
    const Judged together = judge(*engine, text, options, many);
    ASSERT_TRUE(says(alone.validation, "too-many-issues"));
    expect_same(alone.validation, together.validation);
}

TEST(ParallelValidation, a_spent_budget_gives_the_verdict_of_one_thread) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    const std::string text = bundle_of(600, 5, "collection");
    for (const std::uint64_t budget : {1'000ULL, 20'000ULL, 1'010'000ULL}) {
        ValidateOptions options;
        options.step_budget = budget;
        Arena one;
        Arena many;
        const Judged alone = judge(*engine, text, options, one);
        const Helpers helpers = gatehouse::test::eager_threads(2);
        options.helpers = &helpers;
        const Judged together = judge(*engine, text, options, many);
        expect_same(alone.validation, together.validation);
        EXPECT_LE(alone.validation.steps, budget);
    }
}

TEST(ParallelValidation, small_bundles_stay_with_their_thread) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    const std::string text = bundle_of(5, 0, "collection");
    Helpers helpers{1, [](const std::function<void()>&) { FAIL() << "asked for help"; }};
    ValidateOptions options;
    options.helpers = &helpers;
    Arena arena;
    EXPECT_FALSE(judge(*engine, text, options, arena).validation.issues.empty());
}

// Twice the message costs about twice the steps, and at most `most` a unit.
void expect_linear(
    const Engine& engine, const std::function<std::string(std::size_t)>& make, std::size_t count
) {
    const std::uint64_t once = steps_of(engine, make(count));
    const std::uint64_t twice = steps_of(engine, make(count * 2));
    EXPECT_GT(once, count / 2);
    EXPECT_LT(twice, once * 5 / 2)
        << once << " steps for " << count << ", " << twice << " for twice that";
}

TEST(HostileMessages, steps_grow_with_the_size_of_the_message) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    // A Bundle whose entries all have one fullUrl, and all refer to it.
    expect_linear(
        *engine,
        [](std::size_t count) {
            std::string text = R"({"resourceType":"Bundle","type":"collection","entry":[)";
            for (std::size_t i = 0; i < count; ++i) {
                text += i == 0 ? "" : ",";
                text +=
                    R"({"fullUrl":"http://e.org/Basic/a","resource":{"resourceType":"Basic","id":"a",)"
                    R"("code":{"text":"t"},"subject":{"reference":"Basic/a"}}})";
            }
            return text + "]}";
        },
        3'000
    );
    // Many values, many ids, wide lists of every kind.
    expect_linear(
        *engine,
        [](std::size_t count) {
            std::string text = R"({"resourceType":"Patient","name":[)";
            for (std::size_t i = 0; i < count; ++i) {
                text += i == 0 ? "" : ",";
                text += R"({"id":"same","given":["a","b"],"family":"c"})";
            }
            return text + "]}";
        },
        5'000
    );
    // Contained resources, each of which refers to the next one and to the last.
    expect_linear(
        *engine,
        [](std::size_t count) {
            std::string text = R"({"resourceType":"Basic","code":{"text":"t"},"contained":[)";
            for (std::size_t i = 0; i < count; ++i) {
                text += i == 0 ? "" : ",";
                text += R"({"resourceType":"Basic","id":"c)" + std::to_string(i) +
                        R"(","code":{"text":"t"},"subject":{"reference":"#c)" +
                        std::to_string((i + 1) % count) + R"("},"author":{"reference":"#c)" +
                        std::to_string(count - 1) + R"("}})";
            }
            return text + R"(],"subject":{"reference":"#c0"}})";
        },
        3'000
    );
    // Extensions of extensions are as deep as the decoder lets them be, and wide.
    expect_linear(
        *engine,
        [](std::size_t count) {
            std::string text = R"({"resourceType":"Patient","extension":[)";
            for (std::size_t i = 0; i < count; ++i) {
                text += i == 0 ? "" : ",";
                text +=
                    R"({"url":"http://e.org/x","extension":[{"url":"a","extension":[{"url":"b",)"
                    R"("valueString":"s"}]}]})";
            }
            return text + "]}";
        },
        2'000
    );
}

// What costs more than its size by the rules of FHIR ends with the budget, in words.
TEST(HostileMessages, the_budget_ends_what_grows_faster) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    ValidateOptions options;
    options.step_budget = 300'000;
    const auto expect_ended = [&](const char* what, const std::string& text) {
        Arena arena;
        const Judged judged = judge(*engine, text, options, arena);
        EXPECT_LE(judged.validation.steps, options.step_budget) << what;
        EXPECT_FALSE(judged.validation.valid) << what;
        EXPECT_TRUE(says(judged.validation, "budget-exhausted")) << what;
    };
    // Contained resources that nothing refers to, all of one id.
    std::string contained = R"({"resourceType":"Patient","contained":[)";
    for (int i = 0; i < 3'000; ++i) {
        contained += i == 0 ? "" : ",";
        contained += R"({"resourceType":"Basic","id":"x","code":{"text":"t"}})";
    }
    expect_ended("contained", contained + "]}");
    // Component codes compared with every code of the Observation (obs-7).
    std::string codes;
    for (int i = 0; i < 900; ++i) {
        codes += i == 0 ? "" : ",";
        codes += R"({"system":"http://e.org/s","code":"c)" + std::to_string(i) + R"("})";
    }
    std::string observation = R"({"resourceType":"Observation","status":"final","valueString":"v",)"
                              R"("code":{"coding":[)" +
                              codes + R"(]},"component":[)";
    for (int i = 0; i < 900; ++i) {
        observation += i == 0 ? "" : ",";
        observation +=
            R"({"code":{"coding":[{"system":"http://e.org/t","code":"d"}]},"valueString":"v"})";
    }
    expect_ended("obs-7", observation + "]}");
}

TEST(HostileMessages, depth_is_the_decoders_to_refuse) {
    const Engine* engine = engine_with_core();
    if (engine == nullptr) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    std::string text = R"({"resourceType":"Patient","extension":)";
    std::string end;
    for (int i = 0; i < 100'000; ++i) {
        text += R"([{"url":"u","extension":)";
        end += "}]";
    }
    text += R"([])" + end + "}";
    Arena arena;
    const Judged judged = judge(*engine, text, {}, arena);
    ASSERT_FALSE(judged.decoded.empty());
    EXPECT_EQ(judged.decoded.front().rule, "json-depth");
}

// A profile's own expressions may be as bad as they like.
TEST(HostileMessages, expressions_of_a_profile_are_bounded_together) {
    const auto core = core_package();
    if (!core) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    const auto profile = [](std::string_view expression) {
        return R"({"resourceType":"StructureDefinition","url":"http://e.org/P","name":"P","status":"active",)"
               R"("kind":"resource","abstract":false,"type":"Patient","derivation":"constraint",)"
               R"("baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":)"
               R"({"element":[{"id":"Patient.name","path":"Patient.name","constraint":[{"key":"p-1",)"
               R"("severity":"error","human":"h","expression":")" +
               std::string(expression) + R"("}]}]}})";
    };
    std::string names;
    for (int i = 0; i < 300; ++i) {
        names += R"(,{"family":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!","given":["a","b","c"]})";
    }
    const std::string text =
        R"({"resourceType":"Patient","meta":{"profile":["http://e.org/P"]},"name":[)" +
        names.substr(1) + "]}";
    for (const char* expression :
         {"%resource.descendants().select(%resource.descendants().count()).count() > 0",
          "%resource.repeat(children()).where(%resource.repeat(children()).count() < 5).exists()",
          "%resource.name.where(given = %resource.name.given).exists() or "
          "%resource.name.select(%resource.name.select(given)).isDistinct()",
          "%resource.descendants().aggregate($total & 'aaaaaaaaaaaaaaaaaaaaaaaa', '').length() > "
          "9"}) {
        std::string why;
        const auto engine = Engine::load({*core}, why, {profile(expression)});
        ASSERT_NE(engine, nullptr) << why;
        ValidateOptions options;
        options.step_budget = 2'000'000;
        Arena arena;
        const Judged judged = judge(*engine, text, options, arena);
        EXPECT_LE(judged.validation.steps, options.step_budget) << expression;
        EXPECT_TRUE(says(judged.validation, "budget-exhausted")) << expression;
        EXPECT_FALSE(judged.validation.valid) << expression;
        // Temporaries of one evaluation are given back before the next.
        EXPECT_LT(arena.reserved_bytes(), 256U << 20U) << expression;
    }
    // A regular expression that backtracking engines never finish: decided, and cheap.
    std::string why;
    const auto engine = Engine::load({*core}, why, {profile("family.matches('^(a+)+$').not()")});
    ASSERT_NE(engine, nullptr) << why;
    Arena arena;
    const Judged judged = judge(*engine, text, {}, arena);
    EXPECT_FALSE(says(judged.validation, "budget-exhausted"));
    EXPECT_FALSE(says(judged.validation, "inv:p-1"));
    EXPECT_LT(judged.validation.steps, 100'000U);
}

}  // namespace
}  // namespace gatehouse::fhir::test
