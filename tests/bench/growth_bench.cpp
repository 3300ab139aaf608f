// SPDX-License-Identifier: Apache-2.0
//
// bench_growth FOLDER: Bundles of the resources below FOLDER, from one entry to 50 MB: what a
// resource costs in each, what memory it takes, how often the heap is asked, and what helpers give.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "tests/bench/bench_engine_load.hpp"

namespace {
std::atomic<std::uint64_t> heap_calls{0};
}  // namespace

// glibc's allocator under another name: every call of this binary is counted, C libraries included.
extern "C" void* __libc_malloc(std::size_t bytes);
extern "C" void* malloc(std::size_t bytes) {
    heap_calls.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(bytes);
}

namespace {

using namespace gatehouse;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

std::size_t count_elements(const fhir::Element& at) {
    std::size_t count = 1;
    for (const fhir::Element& child : at.children()) {
        count += count_elements(child);
    }
    return count;
}

std::vector<std::string> load_entries(const fhir::Engine& engine, const fs::path& folder) {
    std::vector<std::string> entries;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().extension() == ".json") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(stream), {});
        Arena arena;
        const fhir::Decoded decoded = engine.read(text, fhir::Format::json, arena);
        if (decoded.root == nullptr) {
            continue;
        }
        for (const fhir::Element& entry : decoded.root->children()) {
            if (entry.name == "entry") {
                entries.push_back(text.substr(entry.offset, entry.end_offset - entry.offset));
            }
        }
    }
    return entries;
}

struct Turn {
    double seconds = 1e300;
    std::uint64_t heap = 0;
    std::uint64_t steps = 0;
    std::size_t arena = 0;
    std::size_t issues = 0;
};

Turn judge(
    const fhir::Engine& engine, const std::string& text, const Helpers* helpers, Arena& arena
) {
    Turn turn;
    fhir::DecodeLimits limits;
    limits.elements = 100'000'000;
    fhir::ValidateOptions options;
    options.step_budget = 1'000'000'000;
    options.helpers = helpers;
    arena.reset();
    const std::uint64_t heap = heap_calls;
    const auto before = Clock::now();
    const fhir::Decoded decoded = engine.read(text, fhir::Format::json, arena, limits);
    if (decoded.root == nullptr) {
        std::abort();
    }
    const fhir::Validation verdict =
        engine.validator().validate(*decoded.root, text, {}, nullptr, options, arena);
    turn.seconds = std::chrono::duration<double>(Clock::now() - before).count();
    turn.heap = heap_calls - heap;
    turn.steps = verdict.steps;
    turn.arena = arena.reserved_bytes();
    turn.issues = verdict.issues.size();
    return turn;
}

}  // namespace

int main(int argc, char** argv) {
    const auto engine = bench::load_engine();
    if (!engine || argc < 2) {
        std::fprintf(stderr, "usage: bench_growth FOLDER\n");
        return 2;
    }
    const std::vector<std::string> entries = load_entries(*engine, argv[1]);
    if (entries.empty()) {
        std::fprintf(stderr, "no Bundle with entries below %s\n", argv[1]);
        return 2;
    }
    const unsigned others = std::max(2U, std::thread::hardware_concurrency()) - 1;
    const Helpers helpers = helper_threads(others);
    std::printf(
        "%9s %7s %9s %8s %9s %9s %10s %8s %8s %7s\n",
        "KB",
        "entries",
        "elements",
        "us/entry",
        "ns/elem",
        "steps/el",
        "arena/byte",
        "heap/el",
        "issues",
        "helped"
    );
    for (const std::size_t target :
         {1UL << 10U, 10UL << 10U, 100UL << 10U, 1UL << 20U, 10UL << 20U, 50UL << 20U}) {
        std::string text = R"({"resourceType":"Bundle","type":"transaction","entry":[)";
        std::size_t count = 0;
        while (count < entries.size() && (count == 0 || text.size() < target)) {
            text += count == 0 ? "" : ",";
            text += entries[count++];
        }
        text += "]}";
        Arena arena;
        const std::size_t elements = count_elements(
            *engine->read(text, fhir::Format::json, arena, {.elements = 100'000'000}).root
        );
        Turn best;
        double helped = 1e300;
        const int rounds = target < 1UL << 20U ? 200 : target < 50UL << 20U ? 10 : 4;
        for (int i = 0; i < rounds; ++i) {
            const Turn turn = judge(*engine, text, nullptr, arena);
            const double seconds = std::min(best.seconds, turn.seconds);
            best = turn;
            best.seconds = seconds;
            helped = std::min(helped, judge(*engine, text, &helpers, arena).seconds);
        }
        const auto size = static_cast<double>(elements);
        std::printf(
            "%9.0f %7zu %9zu %8.2f %9.1f %9.2f %10.2f %8.4f %8zu %6.2fx\n",
            static_cast<double>(text.size()) / 1024,
            count,
            elements,
            best.seconds / static_cast<double>(count) * 1e6,
            best.seconds / size * 1e9,
            static_cast<double>(best.steps) / size,
            static_cast<double>(best.arena) / static_cast<double>(text.size()),
            static_cast<double>(best.heap) / size,
            best.issues,
            best.seconds / helped
        );
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf(
        "helped: %u more thread%s; peak resident memory %.0f MB, inputs and definitions included\n",
        others,
        others == 1 ? "" : "s",
        static_cast<double>(usage.ru_maxrss) / 1024
    );
    return 0;
}
