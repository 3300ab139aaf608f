#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Engine: everything that judges and indexes records, built once from a list of packages and shared,
// immutable, by command line and gateway. A reload builds a new one and swaps it whole.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/outcome/issue.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/schema/schema.hpp"
#include "fhir/search/search.hpp"
#include "fhir/terminology/terminology.hpp"
#include "fhir/validate/validate.hpp"

namespace gatehouse::fhir {

struct EngineOptions {
    std::vector<PackageRef> packages;       // in load order; a later one wins on the same canonical
    std::filesystem::path cache;            // package cache folder
    std::vector<std::string> warm_profiles; // compiled before load() returns
    bool search = true;                     // build search parameters too (the gateway needs them)
};

class Engine {
public:
    static Result<std::shared_ptr<const Engine>> load(const EngineOptions& options);

    [[nodiscard]] const Definitions& definitions() const { return *definitions_; }
    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] const TypeModel& types() const { return schema_->types(); }
    [[nodiscard]] const Terminology& terminology() const { return *terminology_; }
    [[nodiscard]] const Validator& validator() const { return *validator_; }
    // Null when built without search.
    [[nodiscard]] const SearchParameters* search() const { return search_.get(); }
    // Digest over all packages in order; goes into every verdict.
    [[nodiscard]] const std::string& digest() const { return digest_; }
    // What loading had to say (missing dependencies, definitions that do not compile).
    [[nodiscard]] const Issues& notes() const { return notes_; }

private:
    std::shared_ptr<const Definitions> definitions_;
    std::shared_ptr<const Schema> schema_;
    std::shared_ptr<const Terminology> terminology_;
    std::unique_ptr<const Validator> validator_;
    std::unique_ptr<const SearchParameters> search_;
    std::string digest_;
    Issues notes_;
};

}  // namespace gatehouse::fhir
