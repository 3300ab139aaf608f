// SPDX-License-Identifier: Apache-2.0
#include "fhir/json/value.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/packages/source.hpp"

namespace gatehouse::fhir {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view folder_source = "folder:";

std::string entry_name(const LockEntry& entry) {
    return entry.version.empty() ? entry.name : entry.name + "#" + entry.version;
}

Issue lock_issue(std::string rule, std::string text) {
    Issue issue;
    issue.severity = Severity::error;
    issue.type = IssueType::not_found;
    issue.rule = std::move(rule);
    issue.diagnostics = std::move(text);
    return issue;
}

std::string digest_differs(const LockEntry& entry, const std::string& found) {
    return entry_name(entry) + " is not what the lock file pins: found " + found + ", expected " +
           entry.digest + ". Fetch it again, or accept it with \"gatehouse packages lock\".";
}

}  // namespace

Result<LockFile> read_lock(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) {
        return Fault{Errc::not_found, "read lock file", file.string() + " does not exist"};
    }
    GH_TRY_ASSIGN(const std::string text, packages::read_file(file));
    Arena arena;
    auto document = parse_json_value(text, arena);
    if (!document) {
        return Fault{
            Errc::invalid, "read lock file", file.string() + ": " + document.error().detail};
    }
    const JsonValue* list =
        document->is(JsonValue::Kind::object) ? document->find("packages") : nullptr;
    if (list == nullptr || !list->is(JsonValue::Kind::array)) {
        return Fault{
            Errc::invalid, "read lock file", file.string() + ": expected {\"packages\": [ ... ]}"};
    }
    LockFile lock;
    lock.path = file;
    std::size_t number = 0;
    for (const JsonValue& item : list->items) {
        ++number;
        LockEntry entry;
        if (item.is(JsonValue::Kind::object)) {
            entry.name = item.string("name");
            entry.version = item.string("version");
            entry.source = item.string("source");
            entry.archive = item.string("archive");
            entry.digest = item.string("digest");
        }
        if (entry.name.empty() || entry.source.empty()) {
            return Fault{
                Errc::invalid,
                "read lock file",
                file.string() + ": entry " + std::to_string(number) +
                    " of packages needs \"name\" and \"source\""};
        }
        if (entry.digest.empty() && !entry.source.starts_with(folder_source)) {
            return Fault{
                Errc::invalid,
                "read lock file",
                file.string() + ": " + entry_name(entry) +
                    " has no digest; only a folder: source may go without"};
        }
        lock.packages.push_back(std::move(entry));
    }
    return lock;
}

Result<void> write_lock(const LockFile& lock) {
    JsonWriter writer(true);
    writer.begin_object();
    writer.key("packages").begin_array();
    for (const LockEntry& entry : lock.packages) {
        writer.begin_object();
        writer.key("name").string(entry.name);
        writer.key("version").string(entry.version);
        writer.key("source").string(entry.source);
        if (!entry.archive.empty()) {
            writer.key("archive").string(entry.archive);
        }
        if (!entry.digest.empty()) {
            writer.key("digest").string(entry.digest);
        }
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    return packages::write_file(lock.path, writer.text() + "\n");
}

PackageRef lock_ref(const LockFile& lock, const LockEntry& entry) {
    if (entry.source.starts_with(folder_source)) {
        const fs::path folder = std::string_view(entry.source).substr(folder_source.size());
        return {(folder.is_absolute() ? folder : fs::absolute(lock.path).parent_path() / folder)
                    .string()};
    }
    return {entry_name(entry)};
}

Issues verify_lock(const LockFile& lock, const fs::path& cache) {
    Issues issues;
    for (const LockEntry& entry : lock.packages) {
        Issues notes;
        const auto info = inspect_package(lock_ref(lock, entry), cache, notes);
        if (!info) {
            issues.push_back(
                lock_issue("package-missing", entry_name(entry) + ": " + info.error().detail)
            );
            continue;
        }
        if (!entry.digest.empty() && info->digest != entry.digest) {
            issues.push_back(lock_issue("package-digest", digest_differs(entry, info->digest)));
        }
        issues.insert(issues.end(), notes.begin(), notes.end());
    }
    return issues;
}

Result<void>
load_lock(Definitions& definitions, const LockFile& lock, const fs::path& cache, Issues& notes) {
    for (const LockEntry& entry : lock.packages) {
        GH_TRY(definitions.load(lock_ref(lock, entry), cache, notes));
        const PackageInfo& info = definitions.packages().back();
        if (!entry.digest.empty() && info.digest != entry.digest) {
            return Fault{Errc::corrupt, "load definitions", digest_differs(entry, info.digest)};
        }
    }
    return {};
}

}  // namespace gatehouse::fhir
