#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// R4's type model for FHIRPath tests, built once a process, and resources read against it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json/json.hpp"
#include "fhir/model/types.hpp"
#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir::test {

// The optional shared material: GATEHOUSE_SHARED, else ../shared beside the repository.
inline std::optional<std::filesystem::path> path_shared_folder() {
    namespace fs = std::filesystem;
    if (const char* named = std::getenv("GATEHOUSE_SHARED");
        named != nullptr && fs::exists(named)) {
        return fs::path(named);
    }
    const fs::path folder = fs::path(GATEHOUSE_SOURCE_DIR) / "../shared";
    return fs::exists(folder / "packages") ? std::optional(folder) : std::nullopt;
}

// nullptr if no R4 core definitions are at hand: neither shared material nor a filled package
// cache.
inline const TypeModel* r4_model() {
    static const std::unique_ptr<TypeModel> model = []() -> std::unique_ptr<TypeModel> {
        namespace fs = std::filesystem;
        std::vector<std::string> refs;
        const char* named = std::getenv("GATEHOUSE_CACHE");
        const fs::path cache =
            named != nullptr ? fs::path(named) : fs::path(GATEHOUSE_SOURCE_DIR) / ".cache/packages";
        if (fs::exists(cache / "hl7.fhir.r4.core#4.0.1")) {
            refs.emplace_back("hl7.fhir.r4.core#4.0.1");
        } else if (const auto shared = path_shared_folder()) {
            refs.push_back((*shared / "packages/hl7.fhir.r4.core-4.0.1.tgz").string());
        }
        for (const std::string& ref : refs) {
            Definitions definitions;
            Issues notes;
            const fs::path scratch =
                fs::exists(cache) ? cache : fs::temp_directory_path() / "gatehouse-test-cache";
            if (!definitions.load(PackageRef{ref}, scratch, notes)) {
                continue;
            }
            std::vector<const Element*> roots;
            for (const Definition* definition : definitions.all("StructureDefinition")) {
                if (const Element* root = definition->root()) {
                    roots.push_back(root);
                }
            }
            if (auto built = TypeModel::build(roots)) {
                return std::make_unique<TypeModel>(std::move(*built));
            }
        }
        return nullptr;
    }();
    return model.get();
}

inline std::string read_text_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A resource in memory, annotated; `root` is nullptr if the text is not FHIR.
struct Subject {
    std::string text;
    Arena arena;
    Element* root = nullptr;
};

inline std::unique_ptr<Subject> read_subject(std::string text, const TypeModel& model) {
    auto subject = std::make_unique<Subject>();
    subject->text = std::move(text);
    subject->root = read_json(subject->text, subject->arena, model.symbols()).root;
    if (subject->root != nullptr) {
        annotate(*subject->root, model);
    }
    return subject;
}

}  // namespace gatehouse::fhir::test
