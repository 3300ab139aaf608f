#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Reading a source: whatever holds definitions (folder, archive, file) becomes a sorted list of
// member files, so the same content gives the same digest and the same order however it was packed.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir::packages {

// Bounds against archives that unpack to more than any definition set holds.
inline constexpr std::uint64_t member_bytes_max = 512ULL * 1024 * 1024;
inline constexpr std::uint64_t source_bytes_max = 4ULL * 1024 * 1024 * 1024;
inline constexpr std::size_t source_members_max = 500'000;

struct Member {
    std::string path;  // relative to the package folder, '/' between parts, never leading or ".."
    std::string bytes;
};

struct Source {
    std::vector<Member> members;  // sorted by path
    bool is_archive = false;
    bool is_file = false;
    [[nodiscard]] const Member* find(std::string_view path) const;
};

// True for a member that may hold definitions: JSON or XML outside examples, META-INF and tool
// folders.
bool is_definition_member(std::string_view path);

using MemberFilter = bool (*)(std::string_view path);

// Reads the members that `wanted` accepts, with "package/" removed from their paths.
// Errc::not_found, Errc::invalid (not an archive, too large), Errc::io.
Result<Source> read_source(const std::filesystem::path& path, MemberFilter wanted);
Result<Source> read_archive_bytes(std::string_view bytes, MemberFilter wanted);

// What the source looks like from outside (sizes and times): changes when its content may have.
std::string stamp_source(const std::filesystem::path& path);

// PackageInfo::digest of these members.
std::string digest_members(const std::vector<Member>& members);

// "sha256-<hex>" of some bytes.
std::string sha256_text(std::string_view bytes);

Result<std::string> read_file(const std::filesystem::path& path);
// Writes beside and renames, so a reader sees all of it or the old file.
Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

// Reads package.json into `info` (name, version, FHIR version, dependencies); false if unreadable.
bool read_manifest(std::string_view json, PackageInfo& info);

// A block of facts from members; fills info's digest, count and, for core definitions without a
// manifest, name and version. Unreadable members are notes.
std::string build_facts(
    const Source& source,
    PackageInfo& info,
    bool keep_prose,
    std::string_view stamp,
    std::vector<std::string>& notes
);

// Where `ref` is on disk: a path, or <cache>/name#version. Errc::not_found says where it looked.
Result<std::filesystem::path> resolve_ref(std::string_view ref, const std::filesystem::path& cache);

}  // namespace gatehouse::fhir::packages
