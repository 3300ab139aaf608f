#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The engine as tests use it: definitions -> schema -> terminology -> validator, and one call that
// takes text to a verdict, decoder's findings included.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json/json.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/schema/schema.hpp"
#include "fhir/terminology/terminology.hpp"
#include "fhir/validate/validate.hpp"
#include "fhir/xml/xml.hpp"

namespace gatehouse::fhir::test {

// The optional shared material, or nothing: GATEHOUSE_SHARED, else ../shared beside the repository.
inline std::optional<std::filesystem::path> shared_folder() {
    namespace fs = std::filesystem;
    if (const char* named = std::getenv("GATEHOUSE_SHARED");
        named != nullptr && fs::exists(named)) {
        return fs::path(named);
    }
    for (const char* relative : {"../shared", "../../shared"}) {
        const fs::path folder = fs::path(GATEHOUSE_SOURCE_DIR) / relative;
        if (fs::exists(folder / "packages")) {
            return folder;
        }
    }
    return std::nullopt;
}

// Where packages are kept: GATEHOUSE_CACHE, else the repository's own cache.
inline std::filesystem::path package_cache() {
    const char* named = std::getenv("GATEHOUSE_CACHE");
    return named != nullptr ? std::filesystem::path(named)
                            : std::filesystem::path(GATEHOUSE_SOURCE_DIR) / ".cache/packages";
}

// R4 core: from the package cache (deploy/fetch-definitions fills it), else the shared material.
inline std::optional<std::string> core_package() {
    if (std::filesystem::exists(package_cache() / "hl7.fhir.r4.core#4.0.1")) {
        return "hl7.fhir.r4.core#4.0.1";
    }
    if (const auto shared = shared_folder()) {
        const auto file = *shared / "packages" / "hl7.fhir.r4.core-4.0.1.tgz";
        if (std::filesystem::exists(file)) {
            return file.string();
        }
    }
    return std::nullopt;
}

struct Verdict {
    bool valid = false;
    Issues issues;
    std::uint32_t not_checkable = 0;
};

class Engine {
public:
    // `packages`: anything PackageRef takes. Returns nullptr with the reason in `why`.
    static std::unique_ptr<Engine> load(
        const std::vector<std::string>& packages,
        std::string& why,
        const std::vector<std::string>& texts = {}
    ) {
        auto engine = std::unique_ptr<Engine>(new Engine);
        auto definitions = std::make_shared<Definitions>();
        Issues notes;
        const auto cache = package_cache();
        for (const std::string& package : packages) {
            if (auto loaded = definitions->load(PackageRef{package}, cache, notes); !loaded) {
                why = describe(loaded.error());
                return nullptr;
            }
        }
        for (const std::string& text : texts) {
            if (auto loaded = definitions->load_text(text, "test", notes); !loaded) {
                why = describe(loaded.error());
                return nullptr;
            }
        }
        auto schema = Schema::build(definitions);
        if (!schema) {
            why = describe(schema.error());
            return nullptr;
        }
        engine->schema_ = *schema;
        engine->terminology_ = std::make_shared<const Terminology>(*definitions);
        engine->validator_ = std::make_unique<Validator>(engine->schema_, engine->terminology_);
        return engine;
    }

    [[nodiscard]] Verdict validate(
        std::string_view text,
        std::span<const std::string_view> profiles,
        const ValidateOptions& options = {}
    ) {
        arena_.reset();
        const TypeModel& types = schema_->types();
        const std::size_t start = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
        const bool xml = start != std::string_view::npos && text[start] == '<';
        DecodeLimits limits;
        limits.read_past_bad_bytes = true;
        Decoded decoded = xml ? read_xml(text, arena_, types.symbols(), limits)
                              : read_json(text, arena_, types.symbols(), limits);
        Verdict verdict;
        verdict.issues = std::move(decoded.issues);
        if (decoded.root != nullptr) {
            annotate(*decoded.root, types);
            if (xml) {
                check_xml_form(*decoded.root, types, text, verdict.issues);
            }
            Validation judged =
                validator_->validate(*decoded.root, text, profiles, nullptr, options, arena_);
            verdict.not_checkable = judged.not_checkable;
            verdict.issues.insert(verdict.issues.end(), judged.issues.begin(), judged.issues.end());
        }
        verdict.valid = decoded.root != nullptr && !has_errors(verdict.issues);
        return verdict;
    }

    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] const Validator& validator() const { return *validator_; }
    [[nodiscard]] const Terminology& terminology() const { return *terminology_; }

private:
    Engine() = default;
    std::shared_ptr<const Schema> schema_;
    std::shared_ptr<const Terminology> terminology_;
    std::unique_ptr<Validator> validator_;
    Arena arena_;
};

}  // namespace gatehouse::fhir::test
