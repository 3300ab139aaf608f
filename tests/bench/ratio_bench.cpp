// SPDX-License-Identifier: Apache-2.0
//
// bench_ratio [--rounds N] [--json FILE] [--split] NAME=FOLDER ...: what one thread pays from bytes
// to verdict, beside RapidJSON's own safe SAX parse of the same bytes. After --split the resources
// of a Bundle count as single messages. Steps take turns in one process and each keeps its
// best round in thread CPU time, so that a busy machine bends the ratio as little as possible.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "tests/bench/bench_engine_load.hpp"
#include "tests/bench/rapidjson_scale.hpp"

namespace {

using namespace gatehouse;
namespace fs = std::filesystem;

struct Set {
    std::string name;
    std::vector<std::string> texts;
    std::size_t bytes = 0;
    std::size_t refused = 0;  // by our verdict: a run that checked nothing would show here
    std::size_t issues = 0;
    double sax = 1e300;
    double decode = 1e300;
    double verdict = 1e300;
};

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void keep_best(double& best, const std::function<void()>& step) {
    const double before = cpu_seconds();
    step();
    best = std::min(best, cpu_seconds() - before);
}

// What FHIR calls a message: a resource by itself, or each resource of a Bundle.
void add(Set& set, const fhir::Engine& engine, std::string text, bool split) {
    Arena arena;
    const fhir::Decoded decoded = engine.read(text, fhir::Format::json, arena);
    if (decoded.root == nullptr || !decoded.root->is_resource) {
        return;
    }
    if (!split || decoded.root->resource_type() != "Bundle") {
        set.bytes += text.size();
        set.texts.push_back(std::move(text));
        return;
    }
    for (const fhir::Element& entry : decoded.root->children()) {
        const fhir::Element* resource = entry.name == "entry" ? entry.child("resource") : nullptr;
        if (resource != nullptr) {
            set.texts.push_back(
                text.substr(resource->offset, resource->end_offset - resource->offset)
            );
            set.bytes += set.texts.back().size();
        }
    }
}

Set load(const fhir::Engine& engine, const std::string& name, const fs::path& folder, bool split) {
    Set set;
    set.name = name;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().extension() == ".json") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        add(set, engine, std::string(std::istreambuf_iterator<char>(stream), {}), split);
    }
    return set;
}

void run_round(Set& set, const fhir::Engine& engine, Arena& arena) {
    keep_best(set.sax, [&] {
        for (const std::string& text : set.texts) {
            if (!bench::rapidjson_sax_safe(text)) {
                std::abort();
            }
        }
    });
    keep_best(set.decode, [&] {
        for (const std::string& text : set.texts) {
            arena.reset();
            if (engine.read(text, fhir::Format::json, arena).root == nullptr) {
                std::abort();
            }
        }
    });
    set.refused = 0;
    set.issues = 0;
    keep_best(set.verdict, [&] {
        for (const std::string& text : set.texts) {
            arena.reset();
            const fhir::Decoded decoded = engine.read(text, fhir::Format::json, arena);
            const fhir::Validation verdict =
                engine.validator().validate(*decoded.root, text, {}, nullptr, {}, arena);
            set.refused += verdict.valid ? 0U : 1U;
            set.issues += verdict.issues.size();
        }
    });
}

void print_line(const Set& set) {
    const auto count = static_cast<double>(set.texts.size());
    std::printf(
        "%-10s %6zu %9.0f %9.2f %9.2f %9.2f %8.2f %8.2f %7zu %7zu\n",
        set.name.c_str(),
        set.texts.size(),
        static_cast<double>(set.bytes) / count,
        set.sax / count * 1e6,
        set.decode / count * 1e6,
        set.verdict / count * 1e6,
        set.decode / set.sax,
        set.verdict / set.sax,
        set.refused,
        set.issues
    );
}

void write_results(const std::string& path, const std::vector<Set>& sets) {
    std::ofstream out(path);
    out << "{";
    for (std::size_t i = 0; i < sets.size(); ++i) {
        const Set& set = sets[i];
        out << (i == 0 ? "\n" : ",\n") << "  \"" << set.name
            << "\": {\"resources\": " << set.texts.size() << ", \"bytes\": " << set.bytes
            << ", \"rapidjson_seconds\": " << set.sax << ", \"decode_seconds\": " << set.decode
            << ", \"verdict_seconds\": " << set.verdict << "}";
    }
    out << "\n}\n";
}

}  // namespace

int main(int argc, char** argv) {
    int rounds = 15;
    bool split = false;
    std::string results;
    const auto engine = bench::load_engine();
    if (!engine) {
        return 2;
    }
    std::vector<Set> sets;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const std::size_t equals = word.find('=');
        if (word == "--rounds" && i + 1 < argc) {
            rounds = std::atoi(argv[++i]);
        } else if (word == "--json" && i + 1 < argc) {
            results = argv[++i];
        } else if (word == "--split") {
            split = true;
        } else if (equals != std::string::npos && fs::is_directory(word.substr(equals + 1))) {
            sets.push_back(load(*engine, word.substr(0, equals), word.substr(equals + 1), split));
        } else {
            std::fprintf(stderr, "not an option and not NAME=FOLDER: %s\n", word.c_str());
            return 2;
        }
    }
    if (sets.empty()) {
        std::fprintf(
            stderr, "usage: bench_ratio [--rounds N] [--json FILE] [--split] NAME=FOLDER ...\n"
        );
        return 2;
    }
    Arena arena;
    for (int round = 0; round < rounds; ++round) {
        for (Set& set : sets) {
            run_round(set, *engine, arena);
        }
    }
    std::printf(
        "%-10s %6s %9s %9s %9s %9s %8s %8s %7s %7s\n",
        "set",
        "count",
        "bytes",
        "sax us",
        "decode us",
        "verdict",
        "dec/sax",
        "ver/sax",
        "refused",
        "issues"
    );
    Set all;
    all.name = "all";
    all.sax = all.decode = all.verdict = 0;
    for (const Set& set : sets) {
        print_line(set);
        all.texts.resize(all.texts.size() + set.texts.size());
        all.bytes += set.bytes;
        all.sax += set.sax;
        all.decode += set.decode;
        all.verdict += set.verdict;
        all.refused += set.refused;
        all.issues += set.issues;
    }
    print_line(all);
    if (!results.empty()) {
        sets.push_back(std::move(all));
        write_results(results, sets);
    }
    return 0;
}
