#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The synthetic release of tests/support/make_rf2.py in a folder of its own, and its index.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "fhir/terminology/snomed/build.hpp"
#include "fhir/terminology/snomed/snomed_provider.hpp"

namespace gatehouse::test {

namespace fs = std::filesystem;

inline fs::path fresh_folder(const std::string& name) {
    const fs::path folder = fs::temp_directory_path() /
                            ("gatehouse-terminology-" + std::to_string(::getpid()) + "-" + name);
    fs::remove_all(folder);
    fs::create_directories(folder);
    return folder;
}

inline std::string read_whole(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline void write_whole(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
}

class Rf2Release {
public:
    explicit Rf2Release(const std::string& name, const std::string& arguments = {})
        : folder(fresh_folder(name)) {
        const std::string command = "python3 " GATEHOUSE_SOURCE_DIR "/tests/support/make_rf2.py " +
                                    (folder / "release").string() + " " + arguments;
        made = std::system(command.c_str()) == 0;
        std::ifstream in(folder / "release" / "names.tsv");
        std::string key;
        std::string id;
        while (in >> key >> id) {
            names[key] = id;
        }
    }
    ~Rf2Release() { fs::remove_all(folder); }
    Rf2Release(const Rf2Release&) = delete;
    Rf2Release& operator=(const Rf2Release&) = delete;

    [[nodiscard]] fs::path index() const { return folder / "snomed.idx"; }
    [[nodiscard]] fs::path file(const std::string& pattern) const {
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.path().filename().string().find(pattern) != std::string::npos) {
                return entry.path();
            }
        }
        return {};
    }
    [[nodiscard]] Result<fhir::snomed::BuildReport>
    build(std::size_t memory_bytes = std::size_t{64} << 20U) const {
        fhir::snomed::BuildOptions options;
        options.folders = {folder / "release"};
        options.out = index();
        options.memory_bytes = memory_bytes;
        return fhir::snomed::build_index(options);
    }
    // "{name}" in a text becomes that concept's identifier.
    [[nodiscard]] std::string with_ids(std::string text) const {
        for (std::size_t open = text.find('{'); open != std::string::npos;
             open = text.find('{', open + 1)) {
            const std::size_t close = text.find('}', open);
            if (close == std::string::npos) {
                break;
            }
            const auto found = names.find(text.substr(open + 1, close - open - 1));
            if (found != names.end()) {
                text.replace(open, close - open + 1, found->second);
            }
        }
        return text;
    }

    fs::path folder;
    bool made = false;
    std::map<std::string, std::string> names;
};

inline Result<std::shared_ptr<const fhir::snomed::SnomedProvider>> open_snomed(const fs::path& file
) {
    GH_TRY_ASSIGN(auto mapped, fhir::content::IndexFile::open(file));
    GH_TRY_ASSIGN(auto index, fhir::snomed::SnomedIndex::open(std::move(mapped)));
    return std::make_shared<const fhir::snomed::SnomedProvider>(std::move(index));
}

}  // namespace gatehouse::test
