// SPDX-License-Identifier: Apache-2.0
//
// bench_engine [--benchmark_...] [FOLDER]: reads every .json below FOLDER (by default the project's
// own samples, or the published examples where the shared material is present) and reports bytes
// and resources per second for each step, one thread.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fhir/engine/engine.hpp"
#include "fhir/xml/xml.hpp"
#include "tests/bench/bench_engine_load.hpp"
#include "tests/bench/rapidjson_scale.hpp"

namespace {

using namespace gatehouse;
namespace fs = std::filesystem;

struct Inputs {
    std::shared_ptr<const fhir::Engine> engine;
    std::vector<std::string> json;
    std::vector<std::string> xml;
    std::size_t json_bytes = 0;
    std::size_t xml_bytes = 0;
};
Inputs inputs;

void set_rates(benchmark::State& state, std::size_t bytes, std::size_t count) {
    const auto rounds = static_cast<std::int64_t>(state.iterations());
    state.SetBytesProcessed(rounds * static_cast<std::int64_t>(bytes));
    state.SetItemsProcessed(rounds * static_cast<std::int64_t>(count));
}

void scale_rapidjson_sax_safe(benchmark::State& state) {
    for (auto round : state) {
        for (const std::string& text : inputs.json) {
            benchmark::DoNotOptimize(bench::rapidjson_sax_safe(text));
        }
    }
    set_rates(state, inputs.json_bytes, inputs.json.size());
}

void json_read(benchmark::State& state) {
    Arena arena;
    for (auto round : state) {
        for (const std::string& text : inputs.json) {
            arena.reset();
            benchmark::DoNotOptimize(
                fhir::read_json(text, arena, inputs.engine->types().symbols()).root
            );
        }
    }
    set_rates(state, inputs.json_bytes, inputs.json.size());
}

void json_read_annotate(benchmark::State& state) {
    Arena arena;
    for (auto round : state) {
        for (const std::string& text : inputs.json) {
            arena.reset();
            benchmark::DoNotOptimize(inputs.engine->read(text, fhir::Format::json, arena).root);
        }
    }
    set_rates(state, inputs.json_bytes, inputs.json.size());
}

void json_read_validate(benchmark::State& state) {
    Arena arena;
    for (auto round : state) {
        for (const std::string& text : inputs.json) {
            arena.reset();
            const fhir::Decoded decoded = inputs.engine->read(text, fhir::Format::json, arena);
            benchmark::DoNotOptimize(
                inputs.engine->validator().validate(*decoded.root, text, {}, nullptr, {}, arena)
            );
        }
    }
    set_rates(state, inputs.json_bytes, inputs.json.size());
}

void json_write(benchmark::State& state) {
    Arena arena;
    std::vector<const fhir::Element*> trees;
    for (const std::string& text : inputs.json) {
        trees.push_back(inputs.engine->read(text, fhir::Format::json, arena).root);
    }
    std::string out;
    for (auto round : state) {
        for (const fhir::Element* tree : trees) {
            out.clear();
            write_json(*tree, &inputs.engine->types(), {}, out);
            benchmark::DoNotOptimize(out.data());
        }
    }
    set_rates(state, inputs.json_bytes, inputs.json.size());
}

void xml_read_annotate(benchmark::State& state) {
    Arena arena;
    for (auto round : state) {
        for (const std::string& text : inputs.xml) {
            arena.reset();
            benchmark::DoNotOptimize(inputs.engine->read(text, fhir::Format::xml, arena).root);
        }
    }
    set_rates(state, inputs.xml_bytes, inputs.xml.size());
}

BENCHMARK(scale_rapidjson_sax_safe);
BENCHMARK(json_read);
BENCHMARK(json_read_annotate);
BENCHMARK(json_read_validate);
BENCHMARK(json_write);
BENCHMARK(xml_read_annotate);

fs::path default_folder() {
    const fs::path source = GATEHOUSE_SOURCE_DIR;
    for (const fs::path& place :
         {source.parent_path() / "shared", source.parent_path().parent_path() / "shared"}) {
        if (fs::exists(place / "conformance/examples/json")) {
            return place / "conformance/examples/json";
        }
    }
    return source / "deploy/samples";
}

bool load(const fs::path& folder) {
    inputs.engine = bench::load_engine();
    if (inputs.engine == nullptr) {
        return false;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().extension() == ".json") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        std::string text(std::istreambuf_iterator<char>(stream), {});
        Arena arena;
        const fhir::Decoded decoded = inputs.engine->read(text, fhir::Format::json, arena);
        if (decoded.root == nullptr || !decoded.root->is_resource) {
            continue;
        }
        inputs.xml.push_back(write_xml(*decoded.root, inputs.engine->types()));
        inputs.xml_bytes += inputs.xml.back().size();
        inputs.json_bytes += text.size();
        inputs.json.push_back(std::move(text));
    }
    std::printf(
        "%zu resources, %zu bytes of JSON, %zu bytes of XML from %s\n",
        inputs.json.size(),
        inputs.json_bytes,
        inputs.xml_bytes,
        folder.c_str()
    );
    return !inputs.json.empty();
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (!load(argc > 1 ? fs::path(argv[1]) : default_folder())) {
        return 2;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
