// SPDX-License-Identifier: Apache-2.0
//
// bench_growth FOLDER: Bundles of the resources below FOLDER, from one entry to 50 MB: what a
// resource costs in each in processor time of one thread, what memory it takes, how often the heap
// is asked, and what helpers give from bytes to verdict. Every size has entries from all over the
// folder, and of the small sizes there are several Bundles, so that the sizes differ in nothing
// else. The gain of helpers is said twice: by the clock, which a busy machine spoils, and by
// processor time, as the work of all threads is shared out but for what one of them does alone.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "tests/bench/bench_engine_load.hpp"

namespace {
// Of this thread: threads that count together would wait for one another.
thread_local std::uint64_t heap_calls = 0;
}  // namespace

// glibc's allocator under another name: every call of this binary is counted, C libraries included.
extern "C" void* __libc_malloc(std::size_t bytes);
extern "C" void* malloc(std::size_t bytes) {
    ++heap_calls;
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

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Threads as helper_threads() has them, whose processor time is counted.
class CountedHelpers {
public:
    explicit CountedHelpers(unsigned count) : threads_(helper_threads(count)) {
        helpers.count = count;
        helpers.run = [this](const std::function<void()>& task) {
            threads_.run([&] {
                const double before = cpu_seconds();
                task();
                const double spent = cpu_seconds() - before;
                const std::lock_guard lock(mutex_);
                together += spent;
                callers += std::this_thread::get_id() == caller_ ? spent : 0;
            });
        };
    }
    Helpers helpers;
    double together = 0;  // of all threads within run()
    double callers = 0;   // of the caller's

private:
    Helpers threads_;
    std::mutex mutex_;
    std::thread::id caller_ = std::this_thread::get_id();
};

struct Turn {
    double read = 0;     // processor seconds of the caller's thread
    double verdict = 0;  // the same
    double wall = 0;     // both, by the clock
    std::uint64_t heap = 0;
    std::uint64_t steps = 0;
    std::size_t arena = 0;
    std::size_t issues = 0;
};

Turn judge(
    const fhir::Engine& engine,
    const std::vector<std::string>& texts,
    const Helpers* helpers,
    Arena& arena
) {
    Turn turn;
    fhir::DecodeLimits limits;
    limits.elements = 100'000'000;
    fhir::ValidateOptions options;
    options.step_budget = 1'000'000'000;
    options.helpers = helpers;
    for (const std::string& text : texts) {
        arena.reset();
        const std::uint64_t heap = heap_calls;
        const auto before = Clock::now();
        const double start = cpu_seconds();
        const fhir::Decoded decoded = engine.read(text, fhir::Format::json, arena, limits, helpers);
        if (decoded.root == nullptr) {
            std::abort();
        }
        const double middle = cpu_seconds();
        const fhir::Validation verdict =
            engine.validator().validate(*decoded.root, text, {}, nullptr, options, arena);
        turn.verdict += cpu_seconds() - middle;
        turn.wall += std::chrono::duration<double>(Clock::now() - before).count();
        turn.read += middle - start;
        turn.heap += heap_calls - heap;
        turn.steps += verdict.steps;
        turn.arena += arena.reserved_bytes();
        turn.issues += verdict.issues.size();
    }
    return turn;
}

// Bundles of about `target` bytes whose entries are evenly spread over all of them.
std::vector<std::string>
make_bundles(const std::vector<std::string>& entries, std::size_t target, std::size_t& used) {
    constexpr std::size_t together_bytes = 2U << 20U;
    std::size_t bytes = 0;
    for (const std::string& entry : entries) {
        bytes += entry.size() + 1;
    }
    const std::size_t bundles = std::clamp<std::size_t>(together_bytes / target, 1, 256);
    const double stride =
        std::max(1.0, static_cast<double>(bytes) / static_cast<double>(target * bundles));
    std::vector<std::string> out;
    double at = 0;
    used = 0;
    while (out.size() < bundles) {
        std::string text = R"({"resourceType":"Bundle","type":"transaction","entry":[)";
        const std::size_t begin = text.size();
        while (static_cast<std::size_t>(at) < entries.size() &&
               (text.size() == begin || text.size() < target)) {
            text += text.size() == begin ? "" : ",";
            text += entries[static_cast<std::size_t>(at)];
            at += stride;
            ++used;
        }
        if (text.size() == begin) {
            break;
        }
        out.push_back(text + "]}");
    }
    return out;
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
    CountedHelpers counted(others);
    std::printf(
        "%9s %7s %9s %8s %8s %8s %9s %10s %8s %8s %9s %9s\n",
        "KB",
        "entries",
        "elements",
        "us/entry",
        "ns/elem",
        "read",
        "steps/el",
        "arena/byte",
        "heap/el",
        "issues",
        "by clock",
        "by cpu"
    );
    for (const std::size_t target :
         {1UL << 10U, 10UL << 10U, 100UL << 10U, 1UL << 20U, 10UL << 20U, 50UL << 20U}) {
        std::size_t count = 0;
        const std::vector<std::string> texts = make_bundles(entries, target, count);
        Arena arena;
        std::size_t elements = 0;
        std::size_t bytes = 0;
        for (const std::string& text : texts) {
            arena.reset();
            elements += count_elements(
                *engine->read(text, fhir::Format::json, arena, {.elements = 100'000'000}).root
            );
            bytes += text.size();
        }
        Turn best;
        double read = 1e300;
        double verdict = 1e300;
        double wall = 1e300;
        double helped_wall = 1e300;
        double helped_cpu = 1e300;
        const int rounds = target < 10UL << 20U ? 40 : target < 50UL << 20U ? 10 : 5;
        for (int i = 0; i < rounds; ++i) {
            best = judge(*engine, texts, nullptr, arena);
            read = std::min(read, best.read);
            verdict = std::min(verdict, best.verdict);
            wall = std::min(wall, best.wall);
            counted.together = counted.callers = 0;
            const Turn helped = judge(*engine, texts, &counted.helpers, arena);
            helped_wall = std::min(helped_wall, helped.wall);
            helped_cpu = std::min(
                helped_cpu,
                helped.read + helped.verdict - counted.callers + counted.together / (others + 1)
            );
        }
        const auto size = static_cast<double>(elements);
        const double seconds = read + verdict;
        std::printf(
            "%9.0f %7zu %9zu %8.2f %8.1f %8.2f %9.2f %10.2f %8.4f %8zu %8.2fx %8.2fx\n",
            static_cast<double>(bytes) / 1024 / static_cast<double>(texts.size()),
            count,
            elements,
            seconds / static_cast<double>(count) * 1e6,
            seconds / size * 1e9,
            read / seconds,
            static_cast<double>(best.steps) / size,
            static_cast<double>(best.arena) / static_cast<double>(bytes),
            static_cast<double>(best.heap) / size,
            best.issues,
            wall / helped_wall,
            seconds / helped_cpu
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
