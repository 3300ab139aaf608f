// SPDX-License-Identifier: Apache-2.0
//
// The hot path takes its memory from the message's arena: a larger message asks the heap no more
// often than a small one, but for the few times that a list or the arena doubles.
#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

#include "tests/fhir/validate/engine.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// Every `new` of this binary.
void* operator new(std::size_t bytes) {
    ++allocations;
    if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) {
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace gatehouse::fhir::test {
namespace {

std::string patient_with(std::size_t names) {
    std::string text =
        R"({"resourceType":"Patient","id":"p","text":{"status":"generated","div":)"
        R"("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A <b>person</b></p></div>"},"active":true,)"
        R"("gender":"female","birthDate":"1974-12-25","maritalStatus":{"coding":[{"system":)"
        R"("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}]},)"
        R"("name":[)";
    for (std::size_t i = 0; i < names; ++i) {
        text += i == 0 ? "" : ",";
        text +=
            R"({"use":"official","family":"Sample","given":["Alex","Kim"],"period":)"
            R"({"start":"2001-01-01","end":"2002-02-02"},"extension":[{"url":)"
            R"("http://hl7.org/fhir/StructureDefinition/humanname-assembly-order","valueCode":"F"}]})";
    }
    return text + "]}";
}

struct Cost {
    std::uint64_t allocations = 0;
    bool valid = false;
    std::size_t issues = 0;
};

Cost cost_of(const Engine& engine, const std::string& text, Arena& arena) {
    Cost cost;
    arena.reset();
    const std::uint64_t before = allocations;
    const TypeModel& types = engine.schema().types();
    Decoded decoded = read_json(text, arena, types.symbols());
    annotate(*decoded.root, types);
    const Validation judged =
        engine.validator().validate(*decoded.root, text, {}, nullptr, {}, arena);
    cost.allocations = allocations - before;
    cost.valid = judged.valid;
    cost.issues = judged.issues.size() + decoded.issues.size();
    return cost;
}

TEST(Allocations, are_of_the_message_and_not_of_its_elements) {
    const auto core = core_package();
    if (!core) {
        GTEST_SKIP() << "needs R4's definitions";
    }
    std::string why;
    const auto engine = Engine::load({*core}, why);
    ASSERT_NE(engine, nullptr) << why;
    Arena arena;
    const std::string small = patient_with(2);
    const std::string large = patient_with(2'002);  // 22,000 elements more
    cost_of(*engine, large, arena);                 // definitions compile on first use

    const Cost few = cost_of(*engine, small, arena);
    const Cost many = cost_of(*engine, large, arena);

    EXPECT_TRUE(few.valid);
    EXPECT_TRUE(many.valid);
    EXPECT_EQ(few.issues, many.issues);
    std::printf(
        "%lu allocations for a small Patient, %lu for one of 22,000 elements more\n",
        static_cast<unsigned long>(few.allocations),
        static_cast<unsigned long>(many.allocations)
    );
    EXPECT_LE(few.allocations, 40U);
    EXPECT_LE(many.allocations, few.allocations + 24);
}

}  // namespace
}  // namespace gatehouse::fhir::test
