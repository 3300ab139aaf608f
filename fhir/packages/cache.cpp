// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fhir/json/value.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/packages/source.hpp"

namespace gatehouse::fhir {

namespace fs = std::filesystem;

namespace {

Issue cache_note(std::string text) {
    Issue issue;
    issue.severity = Severity::warning;
    issue.type = IssueType::processing;
    issue.rule = "package-member";
    issue.diagnostics = std::move(text);
    return issue;
}

bool any_member(std::string_view path) {
    const auto slash = path.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    return !name.starts_with(".gatehouse");
}

// "name#version" as one folder name. Odd names load, but none may leave the cache.
std::string folder_name(std::string_view name, std::string_view version) {
    std::string folder(name);
    if (!version.empty()) {
        folder += '#';
        folder += version;
    }
    std::replace(folder.begin(), folder.end(), '/', '_');
    std::replace(folder.begin(), folder.end(), '\\', '_');
    std::replace(folder.begin(), folder.end(), '\0', '_');
    return folder;
}

std::string manifest_of(const PackageInfo& info) {
    JsonWriter writer(true);
    writer.begin_object();
    writer.key("name").string(info.name);
    writer.key("version").string(info.version);
    writer.key("fhirVersions").begin_array();
    if (!info.fhir_version.empty()) {
        writer.string(info.fhir_version);
    }
    writer.end_array();
    writer.key("description").string("Made from " + info.source);
    writer.end_object();
    return writer.take();
}

// Compares versions number by number, so 2.10.0 is newer than 2.9.0; a pre-release is older.
bool version_less(std::string_view a, std::string_view b) {
    const auto number = [](std::string_view& text) {
        unsigned long value = 0;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            value = value * 10 + static_cast<unsigned long>(text.front() - '0');
            text.remove_prefix(1);
        }
        return value;
    };
    while (!a.empty() && !b.empty()) {
        const bool digits =
            a.front() >= '0' && a.front() <= '9' && b.front() >= '0' && b.front() <= '9';
        if (digits) {
            const auto left = number(a);
            const auto right = number(b);
            if (left != right) {
                return left < right;
            }
        } else if (a.front() != b.front()) {
            return a.front() < b.front();
        } else {
            a.remove_prefix(1);
            b.remove_prefix(1);
        }
    }
    if (a.empty() != b.empty()) {
        const std::string_view rest = a.empty() ? b : a;
        const bool rest_is_prerelease = rest.front() == '-';
        return a.empty() ? !rest_is_prerelease : rest_is_prerelease;
    }
    return false;
}

Result<PackageInfo>
install_members(packages::Source source, const fs::path& cache, PackageInfo info, Issues& notes) {
    std::vector<std::string> problems;
    PackageInfo built;
    built.source = info.source;
    (void)packages::build_facts(source, built, false, {}, problems);
    if (built.resource_count == 0) {
        return Fault{
            Errc::invalid,
            "install package",
            info.source + " holds no conformance resources (StructureDefinition, ValueSet, ...)"};
    }
    for (const std::string& problem : problems) {
        notes.push_back(cache_note(info.source + ": " + problem));
    }
    const bool named = !info.name.empty();
    if (named) {
        built.name = info.name;
        built.version = info.version;
    }
    if (built.name.empty()) {
        return Fault{
            Errc::invalid,
            "install package",
            info.source + " has no package.json with a name; say which name#version it is"};
    }
    const fs::path folder = cache / folder_name(built.name, built.version);
    const fs::path fresh = folder.string() + ".new";
    std::error_code error;
    fs::remove_all(fresh, error);
    fs::create_directories(fresh / "package", error);
    if (error) {
        return Fault{Errc::io, "install package", fresh.string() + ": " + error.message()};
    }
    const bool own_manifest = named || source.find("package.json") == nullptr;
    for (const packages::Member& member : source.members) {
        if (own_manifest && member.path == "package.json") {
            continue;
        }
        const fs::path file = fresh / "package" / fs::path(member.path);
        fs::create_directories(file.parent_path(), error);
        GH_TRY(packages::write_file(file, member.bytes));
    }
    if (own_manifest) {
        GH_TRY(packages::write_file(fresh / "package" / "package.json", manifest_of(built)));
    }
    fs::remove_all(folder, error);
    fs::rename(fresh, folder, error);
    if (error) {
        return Fault{Errc::io, "install package", folder.string() + ": " + error.message()};
    }
    return built;
}

// A package archive keeps all it holds; a jar or a loose folder only its definitions (a definitions
// jar also carries megabytes of XML Schema).
packages::Source keep_wanted(packages::Source source) {
    if (source.find("package.json") == nullptr && !source.is_file) {
        std::erase_if(source.members, [](const packages::Member& member) {
            return !packages::is_definition_member(member.path);
        });
    }
    return source;
}

}  // namespace

namespace packages {

Result<fs::path> resolve_ref(std::string_view ref, const fs::path& cache) {
    std::error_code error;
    if (ref.empty()) {
        return Fault{Errc::invalid, "find package", "empty package reference"};
    }
    const bool path_like = ref.find('/') != std::string_view::npos;
    if (fs::exists(fs::path(ref), error) &&
        (path_like || !fs::exists(cache / fs::path(ref), error))) {
        return fs::path(ref);
    }
    const auto hash = ref.find('#');
    const std::string_view name = ref.substr(0, hash);
    const std::string_view version =
        hash == std::string_view::npos ? std::string_view{} : ref.substr(hash + 1);
    fs::path folder = cache / folder_name(name, version);
    const bool pattern =
        version.empty() || version.ends_with(".x") || version == "latest" || version == "current";
    if (!fs::is_directory(folder, error) && pattern && fs::is_directory(cache, error)) {
        std::string best;
        const std::string prefix =
            folder_name(name, {}) + "#" +
            (version.ends_with(".x") ? std::string(version.substr(0, version.size() - 1)) : "");
        for (const auto& entry : fs::directory_iterator(cache, error)) {
            const std::string found = entry.path().filename().string();
            if (found.starts_with(prefix) && entry.is_directory(error) &&
                !found.ends_with(".new") && (best.empty() || version_less(best, found))) {
                best = found;
            }
        }
        if (!best.empty()) {
            folder = cache / best;
        }
    }
    if (fs::is_directory(folder / "package", error)) {
        return folder / "package";
    }
    if (fs::is_directory(folder, error)) {
        return folder;
    }
    return Fault{
        Errc::not_found,
        "find package",
        std::string(ref) + " is neither a file or folder nor in the cache " + cache.string() +
            "; \"gatehouse packages add\" or deploy/fetch-definitions puts it there"};
}

}  // namespace packages

Result<PackageInfo> install_package(
    const fs::path& source,
    const fs::path& cache,
    Issues& notes,
    std::string_view name,
    std::string_view version
) {
    GH_TRY_ASSIGN(packages::Source members, packages::read_source(source, any_member));
    PackageInfo info;
    info.name = name;
    info.version = version;
    info.source = source.filename().string();
    return install_members(keep_wanted(std::move(members)), cache, std::move(info), notes);
}

Result<PackageInfo> install_package_bytes(
    std::string_view archive, std::string_view origin, const fs::path& cache, Issues& notes
) {
    GH_TRY_ASSIGN(packages::Source members, packages::read_archive_bytes(archive, any_member));
    PackageInfo info;
    info.source = origin;
    return install_members(keep_wanted(std::move(members)), cache, std::move(info), notes);
}

std::vector<PackageInfo> cached_packages(const fs::path& cache, Issues& notes) {
    std::vector<PackageInfo> found;
    std::error_code error;
    if (!fs::is_directory(cache, error)) {
        return found;
    }
    for (const auto& entry : fs::directory_iterator(cache, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".") || name.ends_with(".new") || !entry.is_directory(error)) {
            continue;
        }
        Definitions definitions;
        Issues ignored;
        if (auto loaded = definitions.load({entry.path().string()}, {}, ignored); !loaded) {
            notes.push_back(cache_note(name + ": " + loaded.error().detail));
            continue;
        }
        found.push_back(definitions.packages().back());
        found.back().source = entry.path().string();
    }
    std::sort(found.begin(), found.end(), [](const PackageInfo& a, const PackageInfo& b) {
        return a.name != b.name ? a.name < b.name : version_less(a.version, b.version);
    });
    return found;
}

Result<PackageInfo> inspect_package(const PackageRef& ref, const fs::path& cache, Issues& notes) {
    GH_TRY_ASSIGN(const fs::path path, packages::resolve_ref(ref.text, cache));
    GH_TRY_ASSIGN(packages::Source source, packages::read_source(path, [](std::string_view member) {
                      return packages::is_definition_member(member) || member == "package.json";
                  }));
    PackageInfo info;
    info.source = path.string();
    std::vector<std::string> problems;
    (void)packages::build_facts(source, info, false, {}, problems);
    for (const std::string& problem : problems) {
        notes.push_back(cache_note(ref.text + ": " + problem));
    }
    return info;
}

Result<std::string> file_digest(const fs::path& file) {
    GH_TRY_ASSIGN(const std::string bytes, packages::read_file(file));
    return packages::sha256_text(bytes);
}

}  // namespace gatehouse::fhir
