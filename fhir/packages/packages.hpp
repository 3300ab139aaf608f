#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// FHIR definitions on disk -> Definitions in memory. A source is an NPM package (.tgz or unpacked
// folder, with or without .index.json), a definitions jar or zip, a folder of loose conformance files,
// one file, or a definition Bundle; JSON or XML. The one part of fhir/ that reads files.
//
// Start-up must stay under a second, so the loader keeps a facts file beside each cached package: the
// conformance resources without prose, one compact JSON a line, keyed by the package's digest. It is
// derived data: deleting it costs one slow start.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/base/result.hpp"
#include "fhir/model/element.hpp"
#include "fhir/model/symbols.hpp"
#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

// "name#version", a .tgz/.jar/.zip, a folder or a file, as the command line and configuration spell it.
struct PackageRef {
    std::string text;
};

struct PackageInfo {
    std::string name;     // "hl7.fhir.r4.core"
    std::string version;  // "4.0.1"
    std::string fhir_version;
    std::string digest;   // "sha256-<hex>" over the content, independent of archive order and time
    std::string source;   // where it was loaded from
    std::vector<std::pair<std::string, std::string>> dependencies;
    std::size_t resource_count = 0;
};

// One conformance resource.
struct Definition {
    std::string_view type;     // "StructureDefinition"
    std::string_view url;
    std::string_view version;
    std::string_view id;
    const Element* root = nullptr;
    std::uint32_t package = 0;  // index in Definitions::packages()
};

// Everything loaded, in load order; a later package wins on the same canonical. Immutable after load;
// lookups are thread-safe.
class Definitions {
public:
    Definitions();
    Definitions(Definitions&&) noexcept;
    Definitions& operator=(Definitions&&) noexcept;
    ~Definitions();

    // Adds a package or file. Missing dependencies and unreadable members are `notes`, not faults;
    // Errc::not_found or Errc::invalid if the source itself cannot be used.
    Result<void> load(const PackageRef& ref, const std::filesystem::path& cache, Issues& notes);
    // Adds resources already in memory (a Bundle or one resource, JSON or XML).
    Result<void> load_text(std::string_view text, std::string_view name, Issues& notes);

    // By canonical, "url" or "url|version"; the newest wins where no version is asked.
    [[nodiscard]] const Definition* find(std::string_view type, std::string_view canonical) const;
    [[nodiscard]] const Definition* structure(std::string_view canonical) const {
        return find("StructureDefinition", canonical);
    }
    // All that won, of one type, in load order.
    [[nodiscard]] std::vector<const Definition*> all(std::string_view type) const;
    [[nodiscard]] const std::vector<PackageInfo>& packages() const;
    // One digest over all packages in order: goes into every verdict.
    [[nodiscard]] std::string digest() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::fhir
