#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// FHIR definitions on disk -> Definitions in memory. A source is an NPM package (.tgz or unpacked
// folder, with or without .index.json), a definitions jar or zip, a folder of loose conformance
// files, one file, or a definition Bundle; JSON or XML. The one part of fhir/ that reads files.
//
// Start-up must stay under a second, so the loader keeps a facts file for each source: its
// conformance resources without prose in a compact binary form (facts.hpp), mapped into memory and
// decoded one by one on first use. It is derived data: deleting it costs one slow start.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/base/result.hpp"
#include "fhir/model/element.hpp"
#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir {

// "name#version", "name" (newest in the cache), a .tgz/.jar/.zip, a folder or a file, as the
// command line and configuration spell it.
struct PackageRef {
    std::string text;
};

struct PackageInfo {
    std::string name;     // "hl7.fhir.r4.core"
    std::string version;  // "4.0.1"
    std::string fhir_version;
    std::string
        digest;  // "sha256-<hex>" over the definitions, independent of archive order and time
    std::string source;                                             // where it was loaded from
    std::vector<std::pair<std::string, std::string>> dependencies;  // name, version
    std::size_t resource_count = 0;
};

// One conformance resource. The strings live as long as the Definitions it came from.
class Definition {
public:
    std::string_view type;  // "StructureDefinition"
    std::string_view url;   // empty where the type has none (NamingSystem)
    std::string_view version;
    std::string_view id;
    std::uint32_t package = 0;  // index in Definitions::packages()

    // The tree, decoded on first use and kept; thread-safe. nullptr only if a facts file is
    // damaged. Names carry no symbols and no types.
    [[nodiscard]] const Element* root() const;
    // A copy of the tree in the caller's arena, for one-time readers (compilers) that keep nothing.
    // Its values point into the definitions, not into the arena.
    [[nodiscard]] Element* decode(Arena& arena) const;

private:
    friend class Definitions;
    struct Body;
    const Body* body_ = nullptr;
    std::uint64_t offset_ = 0;
    std::uint32_t length_ = 0;
    std::uint32_t rank_ = 0;  // where versions compete without a version asked: the highest wins
    mutable std::atomic<const Element*> root_{nullptr};
};

struct DefinitionOptions {
    bool keep_prose = false;  // descriptions, comments, mappings: for tools that print definitions
};

// Everything loaded, in load order; a later package wins on the same canonical. Immutable after
// load; lookups are thread-safe.
class Definitions {
public:
    explicit Definitions(const DefinitionOptions& options = {});
    Definitions(Definitions&&) noexcept;
    Definitions& operator=(Definitions&&) noexcept;
    ~Definitions();

    // Adds a package or file. A dependency that is in the cache is loaded too, below everything
    // asked for by name; missing dependencies and unreadable members are `notes`, not faults.
    // Errc::not_found or Errc::invalid if the source itself cannot be used.
    Result<void> load(const PackageRef& ref, const std::filesystem::path& cache, Issues& notes);
    // Adds resources already in memory (a Bundle or one resource, JSON or XML).
    Result<void> load_text(std::string_view text, std::string_view name, Issues& notes);

    // By canonical, "url" or "url|version" (also "url|4.0" for 4.0.x); where no version is asked
    // the package loaded last wins.
    [[nodiscard]] const Definition* find(std::string_view type, std::string_view canonical) const;
    [[nodiscard]] const Definition* structure(std::string_view canonical) const {
        return find("StructureDefinition", canonical);
    }
    // All that won, of one type, in load order.
    [[nodiscard]] std::vector<const Definition*> all(std::string_view type) const;
    // Every one of a type, superseded versions too.
    [[nodiscard]] std::vector<const Definition*> every(std::string_view type) const;
    [[nodiscard]] const std::vector<PackageInfo>& packages() const;
    // One digest over all packages in order: goes into every verdict.
    [[nodiscard]] std::string digest() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// ---- The cache: <cache>/<name>#<version>/package ----

// A folder, archive or file as a package in the cache. `name` and `version` name it; empty ones
// come from its package.json (or, for a core definitions jar, from its content). Replaces what was
// there. Errc::invalid if it holds no definitions or has no name; Errc::io if the cache cannot be
// written.
Result<PackageInfo> install_package(
    const std::filesystem::path& source,
    const std::filesystem::path& cache,
    Issues& notes,
    std::string_view name = {},
    std::string_view version = {}
);
// The same from an archive's bytes (a registry download). `origin` is for messages.
Result<PackageInfo> install_package_bytes(
    std::string_view archive,
    std::string_view origin,
    const std::filesystem::path& cache,
    Issues& notes
);

// What the cache holds, by name and version; unreadable entries are notes.
std::vector<PackageInfo> cached_packages(const std::filesystem::path& cache, Issues& notes);

// Name, version, digest and dependencies of a source without keeping it.
Result<PackageInfo>
inspect_package(const PackageRef& ref, const std::filesystem::path& cache, Issues& notes);

// "sha256-<hex>" of a file's bytes.
Result<std::string> file_digest(const std::filesystem::path& file);

// ---- The lock file: which definitions, in load order ----

struct LockEntry {
    std::string name;
    std::string version;
    // Where it comes from: "maven:<group>:<artifact>:<version>", "registry:<base URL>",
    // "file:<path>", or "folder:<path>" relative to the lock file (read in place, not through the
    // cache).
    std::string source;
    std::string archive;  // digest of the downloaded file, where there is one
    std::string
        digest;  // PackageInfo::digest; empty: not pinned (a folder under the same version control)
};

struct LockFile {
    std::filesystem::path path;
    std::vector<LockEntry> packages;
};

// Errc::not_found, or Errc::invalid with the place of the mistake.
Result<LockFile> read_lock(const std::filesystem::path& file);
Result<void> write_lock(const LockFile& lock);
// How to load an entry: "name#version", or its folder.
PackageRef lock_ref(const LockFile& lock, const LockEntry& entry);
// Compares what is on disk with the lock: one issue an entry that is missing or differs.
Issues verify_lock(const LockFile& lock, const std::filesystem::path& cache);
// Loads all entries in order; a digest that differs from the lock is Errc::corrupt.
Result<void> load_lock(
    Definitions& definitions,
    const LockFile& lock,
    const std::filesystem::path& cache,
    Issues& notes
);

// ---- The registry (npm protocol); the caller owns the HTTP client ----

// GET this for a package's metadata. Odd characters in `name` are escaped.
std::string registry_metadata_url(std::string_view registry, std::string_view name);

struct RegistryPick {
    std::string version;
    std::string tarball;    // URL
    std::string shasum;     // SHA-1 hex, or empty
    std::string integrity;  // "sha512-<base64>", or empty
};
// The version to fetch from npm metadata: `wanted` exactly, "4.0.x", or empty/"latest" for
// dist-tags.
Result<RegistryPick> pick_version(std::string_view metadata_json, std::string_view wanted);
// Whether downloaded bytes are what the registry announced.
Result<void> check_integrity(std::string_view bytes, const RegistryPick& pick);

}  // namespace gatehouse::fhir
