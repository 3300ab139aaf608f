// SPDX-License-Identifier: Apache-2.0
#include "fhir/schema/schema.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace gatehouse::fhir {
namespace {

namespace fs = std::filesystem;

// Schema over R4 core and the national pack as the lock file names them; null where core is absent.
std::shared_ptr<const Schema> national_schema() {
    const fs::path source = GATEHOUSE_SOURCE_DIR;
    const char* set = std::getenv("GATEHOUSE_CACHE");
    const fs::path cache = set != nullptr ? fs::path(set) : source / ".cache/packages";
    if (!fs::exists(cache / "hl7.fhir.r4.core#4.0.1")) {
        return nullptr;
    }
    const auto lock = read_lock(source / "config/packages/lock.json");
    if (!lock) {
        return nullptr;
    }
    auto definitions = std::make_shared<Definitions>();
    Issues notes;
    if (!load_lock(*definitions, *lock, cache, notes)) {
        return nullptr;
    }
    auto schema = Schema::build(definitions);
    return schema ? *schema : nullptr;
}

const Rule* rule_of(const Profile& profile, std::string_view id) {
    for (const Rule& rule : profile.rules) {
        if (rule.id == id) {
            return &rule;
        }
    }
    return nullptr;
}

class NationalSchema : public testing::Test {
protected:
    void SetUp() override {
        static const std::shared_ptr<const Schema> shared = national_schema();
        schema = shared;
        if (schema == nullptr) {
            GTEST_SKIP() << "R4 core is not in the cache; deploy/fetch-definitions puts it there";
        }
    }
    std::shared_ptr<const Schema> schema;
};

TEST_F(NationalSchema, compiles_base_types) {
    const Profile* patient = schema->base(schema->types().find("Patient"));
    ASSERT_NE(patient, nullptr);
    EXPECT_EQ(patient->canonical(), "http://hl7.org/fhir/StructureDefinition/Patient|4.0.1");
    EXPECT_EQ(patient->root().path, "Patient");
    const Rule* link = rule_of(*patient, "Patient.link.other");
    ASSERT_NE(link, nullptr);
    EXPECT_EQ(link->min, 1U);
    EXPECT_EQ(link->types.front().target_profiles.size(), 2U);
    const Rule* gender = rule_of(*patient, "Patient.gender");
    ASSERT_NE(gender, nullptr);
    EXPECT_EQ(gender->strength, BindingStrength::required);
    EXPECT_EQ(schema->types().symbols().text(gender->name), "gender");
    EXPECT_FALSE(schema->regex(schema->types().find("date")).empty());
    EXPECT_EQ(schema->base(schema->types().find("Patient.contact")), nullptr);
}

TEST_F(NationalSchema, points_content_references_at_their_rules) {
    const Profile* questionnaire =
        schema->profile("http://hl7.org/fhir/StructureDefinition/Questionnaire");
    ASSERT_NE(questionnaire, nullptr);
    const Rule* inner = rule_of(*questionnaire, "Questionnaire.item.item");
    ASSERT_NE(inner, nullptr);
    ASSERT_NE(inner->content, no_rule);
    EXPECT_EQ(questionnaire->rules[inner->content].id, "Questionnaire.item");
}

TEST_F(NationalSchema, compiles_a_profile_from_its_differential) {
    const Profile* patient =
        schema->profile("https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient");
    ASSERT_NE(patient, nullptr);
    EXPECT_TRUE(patient->problems.empty()) << patient->problems.front();
    const Rule* identifier = rule_of(*patient, "Patient.identifier");
    ASSERT_NE(identifier, nullptr);
    ASSERT_FALSE(identifier->slices.empty());
    const Rule& slice = patient->rules[identifier->slices.front()];
    EXPECT_EQ(slice.slice, "nhsNumber");
    const Rule* system = rule_of(*patient, "Patient.identifier:nhsNumber.system");
    ASSERT_NE(system, nullptr);
    ASSERT_NE(system->fixed, nullptr);
    EXPECT_EQ(system->fixed->value, "https://fhir.nhs.uk/Id/nhs-number");
    EXPECT_EQ(schema->types().type(system->fixed->type).name, "uri");
    EXPECT_EQ(schema->profile("http://example.org/unknown"), nullptr);
}

TEST_F(NationalSchema, nested_slices_keep_what_the_unsliced_element_says) {
    const Profile* pressure = schema->profile(
        "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation-VitalSigns-BloodPressure"
    );
    ASSERT_NE(pressure, nullptr);
    const Rule* system =
        rule_of(*pressure, "Observation.component:SystolicBP.code.coding:loinc.system");
    ASSERT_NE(system, nullptr);
    ASSERT_NE(system->fixed, nullptr);
    EXPECT_EQ(system->fixed->value, "http://loinc.org");
}

// One line a rule: everything that decides.
std::string describe_rule(const Profile& profile, const Rule& rule) {
    std::string line = rule.id + " " + std::to_string(rule.min) + ".." + std::to_string(rule.max);
    for (const TypeRule& type : rule.types) {
        line += " " + type.code;
        for (const std::string& other : type.profiles) {
            line += " profile " + other;
        }
        for (const std::string& other : type.target_profiles) {
            line += " target " + other;
        }
    }
    for (const std::uint32_t index : rule.invariants) {
        line += " " + profile.invariants[index].key;
    }
    for (const Discriminator& discriminator : rule.discriminators) {
        line += " by " + discriminator.path;
    }
    line += " " + std::to_string(static_cast<int>(rule.strength)) + rule.value_set +
            rule.max_value_set + rule.regex;
    line += rule.fixed != nullptr ? " fixed " + std::string(rule.fixed->value) : "";
    line += rule.is_modifier ? " modifier" : "";
    return line;
}

TEST_F(NationalSchema, is_the_same_from_the_npm_package) {
    const char* set = std::getenv("GATEHOUSE_SHARED");
    fs::path npm = set != nullptr ? fs::path(set) : fs::path(GATEHOUSE_SOURCE_DIR) / "../shared";
    if (set == nullptr && !fs::exists(npm)) {
        npm = fs::path(GATEHOUSE_SOURCE_DIR) / "../../shared";
    }
    npm /= "packages/hl7.fhir.r4.core-4.0.1.tgz";
    if (!fs::exists(npm)) {
        GTEST_SKIP() << "needs " << npm;
    }
    const char* cache = std::getenv("GATEHOUSE_CACHE");
    auto definitions = std::make_shared<Definitions>();
    Issues notes;
    ASSERT_TRUE(definitions->load(
        {npm.string()},
        cache != nullptr ? fs::path(cache) : fs::path(GATEHOUSE_SOURCE_DIR) / ".cache/packages",
        notes
    ));
    const auto other = Schema::build(definitions);
    ASSERT_TRUE(other) << describe(other.error());
    // The npm package has four logical patterns (Event, Request, ...) more; no record is one.
    const TypeModel& their_types = (*other)->types();
    for (TypeId id = 1; id < schema->types().type_count(); ++id) {
        const TypeInfo& type = schema->types().type(id);
        const TypeInfo& twin = their_types.type(their_types.find(type.name));
        EXPECT_EQ(twin.name, type.name);
        ASSERT_EQ(twin.children.size(), type.children.size()) << type.name;
        for (std::size_t i = 0; i < type.children.size(); ++i) {
            EXPECT_EQ(twin.children[i].name, type.children[i].name);
            EXPECT_EQ(twin.children[i].repeats, type.children[i].repeats);
            EXPECT_EQ(twin.children[i].types.size(), type.children[i].types.size());
        }
    }
    std::size_t compared = 0;
    for (const Definition* definition : definitions->all("StructureDefinition")) {
        const Profile* ours = schema->profile(definition->url);
        const Profile* theirs = (*other)->profile(definition->url);
        if (ours == nullptr) {
            continue;  // examples, which the definitions jar leaves out
        }
        ASSERT_NE(theirs, nullptr) << definition->url;
        ASSERT_EQ(ours->rules.size(), theirs->rules.size()) << definition->url;
        for (std::size_t i = 1; i < ours->rules.size(); ++i) {
            EXPECT_EQ(
                describe_rule(*ours, ours->rules[i]), describe_rule(*theirs, theirs->rules[i])
            );
        }
        ++compared;
    }
    EXPECT_GE(compared, 640U);
}

TEST_F(NationalSchema, shares_one_compiled_invariant) {
    const Profile* patient = schema->base(schema->types().find("Patient"));
    const Profile* observation = schema->base(schema->types().find("Observation"));
    const auto find = [](const Profile& profile) -> const Invariant* {
        for (const Invariant& invariant : profile.invariants) {
            if (invariant.key == "ele-1") {
                return &invariant;
            }
        }
        return nullptr;
    };
    ASSERT_NE(find(*patient), nullptr);
    EXPECT_EQ(find(*patient), find(*observation));
}

TEST_F(NationalSchema, compiles_everything_it_knows) {
    std::vector<std::string> all;
    for (const Definition* definition : schema->definitions().all("StructureDefinition")) {
        all.emplace_back(definition->url);
    }
    const auto start = std::chrono::steady_clock::now();
    const Issues issues = schema->warm(all);
    const auto took = std::chrono::steady_clock::now() - start;
    std::printf(
        "%zu definitions in %lld ms\n",
        all.size(),
        static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count())
    );
    for (const Issue& issue : issues) {
        std::printf("%s: %s\n", issue.rule.c_str(), issue.diagnostics.c_str());
        EXPECT_NE(issue.severity, Severity::error) << issue.diagnostics;
    }
}

TEST_F(NationalSchema, compiles_once_for_many_threads) {
    const auto fresh = national_schema();
    std::vector<std::thread> threads;
    std::vector<const Profile*> found(4);
    for (std::size_t i = 0; i < found.size(); ++i) {
        threads.emplace_back([&, i] {
            found[i] =
                fresh->profile("https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation");
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const Profile* profile : found) {
        EXPECT_NE(profile, nullptr);
        EXPECT_EQ(profile, found.front());
    }
}

TEST(Schema, refuses_definitions_without_a_core) {
    EXPECT_FALSE(Schema::build(std::make_shared<Definitions>()));
}

}  // namespace
}  // namespace gatehouse::fhir
