#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Engine: everything that judges and indexes records, built once from a list of packages and
// shared, immutable, by command line and gateway. A reload builds a new one and swaps it whole.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/base/result.hpp"
#include "fhir/json/json.hpp"
#include "fhir/outcome/issue.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/schema/schema.hpp"
#include "fhir/search/search.hpp"
#include "fhir/terminology/provider.hpp"
#include "fhir/terminology/terminology.hpp"
#include "fhir/validate/validate.hpp"

namespace gatehouse::fhir {

struct EngineOptions {
    // Pinned packages, loaded first and checked against their digests; may be empty. A caller that
    // wants only some of them removes the others from `lock.packages`.
    LockFile lock;
    std::vector<PackageRef>
        packages;                 // then these, in order; a later one wins on the same canonical
    std::filesystem::path cache;  // package cache folder
    std::vector<std::string> warm_profiles;  // compiled before load() returns
    TerminologyContent content;  // SNOMED CT, dm+d, ... beside the packages; a remote server
    std::shared_ptr<const Advisor> advisor;  // null: none; its digest is part of the engine's
    bool search = true;                      // build search parameters too (the gateway needs them)
};

class Engine {
public:
    // Reads packages and builds schema, terminology and (if asked) search parameters. Faults are
    // those of Definitions and Schema; what can be lived with is in notes(). Blocks on files; up to
    // a second.
    static Result<std::shared_ptr<const Engine>> load(const EngineOptions& options);

    // Reads one resource of either format and annotates it: the tree, with issues of form. `text`
    // must live as long as `arena`. Thread-safe. `helpers`, unless null, read entries of a large
    // JSON Bundle too; XML is read by the caller's thread.
    [[nodiscard]] Decoded read(
        std::string_view text,
        Format format,
        Arena& arena,
        const DecodeLimits& limits = {},
        const Helpers* helpers = nullptr
    ) const;

    [[nodiscard]] const Definitions& definitions() const { return *definitions_; }
    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] const TypeModel& types() const { return schema_->types(); }
    [[nodiscard]] const Terminology& terminology() const { return *terminology_; }
    [[nodiscard]] const Validator& validator() const { return *validator_; }
    // Null when built without search.
    [[nodiscard]] const SearchParameters* search() const { return search_.get(); }
    // Digest over all packages and all loaded terminology content in order, and the address of a
    // remote terminology server, and the advisor; goes into every verdict.
    [[nodiscard]] const std::string& digest() const { return digest_; }
    // What loading had to say (missing dependencies, definitions that do not compile).
    [[nodiscard]] const Issues& notes() const { return notes_; }

private:
    Engine() = default;

    // In the order of their dependence: destroyed from the last to the first.
    std::shared_ptr<const Definitions> definitions_;
    std::shared_ptr<const Schema> schema_;
    std::shared_ptr<const Terminology> terminology_;
    std::unique_ptr<const Validator> validator_;
    std::unique_ptr<const SearchParameters> search_;
    std::string digest_;
    Issues notes_;
};

// What a text looks like by its first character that is not white space: XML begins with '<'.
Format format_of(std::string_view text) noexcept;

}  // namespace gatehouse::fhir
