// SPDX-License-Identifier: Apache-2.0
//
// bench_ratio [--rounds N] [--json FILE] [--dump FOLDER] [--split] NAME=FOLDER ...: what one thread
// pays from bytes to verdict, beside RapidJSON's own safe SAX parse of the same bytes; and for the
// first set, what R4's search parameters cost in FHIRPath. After --split the resources of a Bundle
// count as single messages. --dump writes messages and expressions for the other implementations
// that tests/bench/engine runs. Steps take turns in one process and each keeps its
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
namespace path = fhir::path;

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

// Search parameters of R4 that compile, with the types they are for.
struct Parameter {
    std::string text;
    std::vector<fhir::TypeId> bases;
    std::vector<std::string> base_names;
    path::Expression expression;
};

struct Paths {
    std::vector<Parameter> parameters;
    Arena trees;
    std::vector<const fhir::Element*> roots;
    std::vector<std::vector<const Parameter*>> fitting;  // by root
    std::size_t evaluations = 0;
    std::size_t items = 0;
    double seconds = 1e300;
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

// A small set is gone through several times in a round: once would measure how a step finds the
// caches after what others left there.
void run_round(Set& set, const fhir::Engine& engine, Arena& arena) {
    constexpr std::size_t bytes_enough = 8'000'000;
    const std::size_t passes = std::clamp<std::size_t>(bytes_enough / (set.bytes + 1), 1, 8);
    const auto keep_best = [passes](double& best, const std::function<void()>& step) {
        for (std::size_t i = 0; i < passes; ++i) {
            ::keep_best(best, step);
        }
    };
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
    keep_best(set.verdict, [&] {
        set.refused = 0;
        set.issues = 0;
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

Paths load_paths(const fhir::Engine& engine) {
    Paths paths;
    for (const fhir::Definition* definition : engine.definitions().all("SearchParameter")) {
        const fhir::Element* root = definition->root();
        if (!root->child_value("url").starts_with("http://hl7.org/fhir/SearchParameter/")) {
            continue;
        }
        Parameter parameter;
        parameter.text = std::string(root->child_value("expression"));
        for (const fhir::Element& base : root->children()) {
            if (base.name == "base") {
                parameter.bases.push_back(engine.types().find(base.value));
                parameter.base_names.emplace_back(base.value);
            }
        }
        path::Error error;
        parameter.expression = path::compile(parameter.text, engine.types(), error);
        if (parameter.expression && !parameter.text.empty()) {
            paths.parameters.push_back(std::move(parameter));
        }
    }
    return paths;
}

// Which parameters are for which resource is worked out before the clock runs, here and in
// measure.mjs; the order is that of a server, resource by resource.
void fit_paths(Paths& paths, const Set& set, const fhir::Engine& engine) {
    for (const std::string& text : set.texts) {
        paths.roots.push_back(engine.read(text, fhir::Format::json, paths.trees).root);
        std::vector<const Parameter*>& fitting = paths.fitting.emplace_back();
        for (const Parameter& parameter : paths.parameters) {
            if (std::ranges::any_of(parameter.bases, [&](fhir::TypeId base) {
                    return engine.types().is_a(paths.roots.back()->type, base);
                })) {
                fitting.push_back(&parameter);
            }
        }
        paths.evaluations += fitting.size();
    }
}

void run_paths(Paths& paths, const fhir::Engine& engine, Arena& arena) {
    path::Environment environment;
    environment.types = &engine.types();
    const auto pass = [&] {
        paths.items = 0;
        for (std::size_t i = 0; i < paths.roots.size(); ++i) {
            for (const Parameter* parameter : paths.fitting[i]) {
                arena.reset();
                const path::Outcome outcome =
                    path::evaluate(parameter->expression, paths.roots[i], environment, arena);
                paths.items += outcome.items.size();
            }
        }
    };
    pass();  // measure.mjs warms up too
    keep_best(paths.seconds, pass);
}

// Each message as "length\n" and its bytes; each parameter as a JSON line.
void dump(const fs::path& folder, const std::vector<Set>& sets, const Paths& paths) {
    fs::create_directories(folder);
    for (const Set& set : sets) {
        std::ofstream out(folder / (set.name + ".messages"), std::ios::binary);
        for (const std::string& text : set.texts) {
            out << text.size() << '\n' << text;
        }
    }
    std::ofstream out(folder / "parameters.ndjson");
    for (const Parameter& parameter : paths.parameters) {
        out << "{\"expression\": \"";
        for (const char c : parameter.text) {
            const bool special = c == '"' || c == '\\';
            out << (special ? "\\" : "") << (c == '\n' || c == '\r' || c == '\t' ? ' ' : c);
        }
        out << "\", \"base\": [";
        for (std::size_t i = 0; i < parameter.base_names.size(); ++i) {
            out << (i == 0 ? "\"" : ", \"") << parameter.base_names[i] << '"';
        }
        out << "]}\n";
    }
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

void write_results(const std::string& path, const std::vector<Set>& sets, const Paths& paths) {
    std::ofstream out(path);
    out << "{\n  \"paths\": {\"parameters\": " << paths.parameters.size()
        << ", \"evaluations\": " << paths.evaluations << ", \"items\": " << paths.items
        << ", \"seconds\": " << paths.seconds << "},";
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
    std::string dumped;
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
        } else if (word == "--dump" && i + 1 < argc) {
            dumped = argv[++i];
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
            stderr,
            "usage: bench_ratio [--rounds N] [--json FILE] [--dump FOLDER] [--split] NAME=FOLDER "
            "...\n"
        );
        return 2;
    }
    Paths paths = load_paths(*engine);
    if (!dumped.empty()) {
        dump(dumped, sets, paths);
    }
    fit_paths(paths, sets.front(), *engine);
    Arena arena;
    for (int round = 0; round < rounds; ++round) {
        for (Set& set : sets) {
            run_round(set, *engine, arena);
        }
        run_paths(paths, *engine, arena);
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
    std::printf(
        "%zu search parameters of R4 on %s: %zu evaluations, %zu items, %.3f us each\n",
        paths.parameters.size(),
        sets.front().name.c_str(),
        paths.evaluations,
        paths.items,
        paths.seconds / static_cast<double>(paths.evaluations) * 1e6
    );
    if (!results.empty()) {
        sets.push_back(std::move(all));
        write_results(results, sets, paths);
    }
    return 0;
}
