// SPDX-License-Identifier: Apache-2.0
//
// gatehouse packages: what is configured, what the cache holds, and whether they agree.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fhir/json/value.hpp"
#include "gateway/cli/cli.hpp"
#include "gateway/cli/fetch.hpp"
#include "gateway/cli/installation.hpp"
#include "gateway/cli/options.hpp"
#include "gateway/cli/package_diff.hpp"

namespace gatehouse::cli {
namespace {

constexpr const char* packages_about =
    "list           the configured packages and what else the cache holds\n"
    "add REF...     put packages into the cache: an archive or a folder, or name#version from a\n"
    "               registry (only with --registry or GATEHOUSE_REGISTRY: no network call "
    "unasked)\n"
    "verify         compare the packages on disk with the lock file; exit code 1 if they differ\n"
    "lock [REF...]  pin what is on disk in the lock file, with the given packages added or "
    "replaced\n"
    "diff A B       which rules B changes; with --against FOLDER or --against journal also which "
    "of\n"
    "               those messages change their verdict (exit code 1). A and B are packages over "
    "R4\n"
    "               core, several with commas between, or 'configured'";

struct PackagesArguments {
    ConfigArguments config;
    std::vector<std::string> words;
    std::string registry;
    std::string lock_file;
    std::string against;
    bool lock = false;
    bool json = false;
};

struct PackagesPlace {
    Installation installation;
    std::filesystem::path lock;
};

Result<fhir::LockFile> lock_or_empty(const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        fhir::LockFile lock;
        lock.path = file;
        return lock;
    }
    return fhir::read_lock(file);
}

void print_package(const fhir::PackageInfo& info, std::string_view state, bool json) {
    if (!json) {
        std::printf(
            "%-34s %-12.*s %zu definitions\n",
            (info.name + "#" + info.version).c_str(),
            static_cast<int>(state.size()),
            state.data(),
            info.resource_count
        );
        return;
    }
    fhir::JsonWriter writer;
    writer.begin_object().key("name").string(info.name).key("version").string(info.version);
    writer.key("state").string(state).key("fhirVersion").string(info.fhir_version);
    writer.key("digest").string(info.digest).key("source").string(info.source);
    writer.key("definitions").number(static_cast<long long>(info.resource_count));
    writer.key("dependencies").begin_array();
    for (const auto& [name, version] : info.dependencies) {
        writer.string(name + "#" + version);
    }
    writer.end_array().end_object();
    std::printf("%s\n", writer.text().c_str());
}

Result<int> list(const PackagesPlace& place, const PackagesArguments& arguments) {
    GH_TRY_ASSIGN(const fhir::LockFile lock, lock_or_empty(place.lock));
    fhir::Issues notes;
    std::vector<std::string> shown;
    for (const fhir::LockEntry& entry : lock.packages) {
        const auto info = inspect_package(lock_ref(lock, entry), place.installation.cache, notes);
        fhir::PackageInfo found;
        found.name = entry.name;
        found.version = entry.version;
        shown.push_back(entry.name + "#" + entry.version);
        if (!info) {
            print_package(found, "missing", arguments.json);
            continue;
        }
        const bool same = entry.digest.empty() || entry.digest == info->digest;
        print_package(*info, same ? "configured" : "differs", arguments.json);
    }
    for (const fhir::PackageInfo& info : cached_packages(place.installation.cache, notes)) {
        if (std::find(shown.begin(), shown.end(), info.name + "#" + info.version) == shown.end()) {
            print_package(info, "cached", arguments.json);
        }
    }
    print_notes("packages", notes);
    return exit_good;
}

void pin(
    fhir::LockFile& lock, const fhir::PackageInfo& info, std::string source, std::string archive
) {
    fhir::LockEntry entry;
    entry.name = info.name;
    entry.version = info.version;
    entry.source = std::move(source);
    entry.archive = std::move(archive);
    entry.digest = info.digest;
    for (fhir::LockEntry& known : lock.packages) {
        if (known.name == entry.name) {
            known = std::move(entry);
            return;
        }
    }
    lock.packages.push_back(std::move(entry));
}

struct Added {
    fhir::PackageInfo info;
    std::string source;
    std::string archive;
};

Result<Added> add_from_registry(
    const std::string& ref,
    const PackagesPlace& place,
    const std::string& registry,
    fhir::Issues& notes
) {
    const auto hash = ref.find('#');
    const std::string name = ref.substr(0, hash);
    const std::string version = hash == std::string::npos ? "" : ref.substr(hash + 1);
    std::error_code error;
    std::filesystem::create_directories(place.installation.cache, error);
    const auto file = place.installation.cache / (".download-" + std::to_string(::getpid()));
    struct Remove {
        std::filesystem::path file;
        ~Remove() {
            std::error_code ignored;
            std::filesystem::remove(file, ignored);
        }
    } const remove{file};

    GH_TRY(fetch(fhir::registry_metadata_url(registry, name), file));
    GH_TRY_ASSIGN(const std::string metadata, read_input(file.string()));
    GH_TRY_ASSIGN(const fhir::RegistryPick pick, fhir::pick_version(metadata, version));
    std::fprintf(stderr, "fetching %s#%s\n", name.c_str(), pick.version.c_str());
    GH_TRY(fetch(pick.tarball, file));
    GH_TRY_ASSIGN(const std::string archive, read_input(file.string()));
    GH_TRY(check_integrity(archive, pick));
    Added added;
    GH_TRY_ASSIGN(added.archive, fhir::file_digest(file));
    GH_TRY_ASSIGN(
        added.info, install_package_bytes(archive, pick.tarball, place.installation.cache, notes)
    );
    added.source = "registry:" + registry;
    return added;
}

// A pinned package of other content would stop every command until the lock file follows.
Result<void> keep_pinned(
    const PackagesPlace& place,
    const fhir::LockFile& lock,
    const std::string& ref,
    fhir::Issues& notes
) {
    GH_TRY_ASSIGN(
        const fhir::PackageInfo info, inspect_package({ref}, place.installation.cache, notes)
    );
    for (const fhir::LockEntry& entry : lock.packages) {
        if (entry.name == info.name && entry.version == info.version && !entry.digest.empty() &&
            entry.digest != info.digest) {
            return Fault(
                Errc::invalid,
                "packages add",
                ref + " holds " + entry.name + "#" + entry.version + " with other content than " +
                    lock.path.string() + " pins; add it with --lock to pin this one instead"
            );
        }
    }
    return {};
}

Result<Added> add_one(
    const std::string& ref,
    const PackagesPlace& place,
    const PackagesArguments& arguments,
    fhir::Issues& notes
) {
    std::error_code error;
    if (std::filesystem::exists(ref, error)) {
        Added added;
        GH_TRY_ASSIGN(added.info, install_package(ref, place.installation.cache, notes));
        added.source = "file:" + std::filesystem::absolute(ref, error).string();
        if (std::filesystem::is_regular_file(ref, error)) {
            GH_TRY_ASSIGN(added.archive, fhir::file_digest(ref));
        }
        return added;
    }
    std::string registry = arguments.registry;
    if (registry.empty()) {
        registry = place.installation.registry;
    }
    if (registry.empty()) {
        return Fault(
            Errc::not_found,
            "packages add",
            ref + " is no file or folder; to fetch it from a registry, name one with "
                  "--registry URL (for example https://packages.fhir.org)"
        );
    }
    return add_from_registry(ref, place, registry, notes);
}

// A package works without what it depends on; what only a missing one defines is not checkable.
void tell_missing(const std::vector<fhir::PackageInfo>& added, const PackagesPlace& place) {
    fhir::Issues unread;
    const auto cached = cached_packages(place.installation.cache, unread);
    for (const fhir::PackageInfo& info : added) {
        for (const auto& [name, version] : info.dependencies) {
            const bool core = name.starts_with("hl7.fhir.r") && name.ends_with(".core");
            const bool held = std::any_of(cached.begin(), cached.end(), [&](const auto& other) {
                return other.name == name;
            });
            if (!core && !held) {
                std::fprintf(
                    stderr,
                    "gatehouse packages: note: %s#%s depends on %s#%s, which is not in the cache\n",
                    info.name.c_str(),
                    info.version.c_str(),
                    name.c_str(),
                    version.c_str()
                );
            }
        }
    }
}

Result<int> add(const PackagesPlace& place, const PackagesArguments& arguments) {
    GH_TRY_ASSIGN(fhir::LockFile lock, lock_or_empty(place.lock));
    fhir::Issues notes;
    std::error_code error;
    std::vector<fhir::PackageInfo> done;
    for (std::size_t i = 1; i < arguments.words.size(); ++i) {
        if (!arguments.lock && std::filesystem::exists(arguments.words[i], error)) {
            fhir::Issues said_later;
            GH_TRY(keep_pinned(place, lock, arguments.words[i], said_later));
        }
        GH_TRY_ASSIGN(Added added, add_one(arguments.words[i], place, arguments, notes));
        print_package(added.info, "added", arguments.json);
        pin(lock, added.info, added.source, added.archive);
        done.push_back(std::move(added.info));
    }
    print_notes("packages", notes);
    tell_missing(done, place);
    if (arguments.lock) {
        GH_TRY(write_lock(lock));
    }
    return exit_good;
}

Result<int> verify(const PackagesPlace& place) {
    GH_TRY_ASSIGN(const fhir::LockFile lock, fhir::read_lock(place.lock));
    const fhir::Issues issues = verify_lock(lock, place.installation.cache);
    for (const fhir::Issue& issue : issues) {
        std::printf("%s: %s\n", to_string(issue.severity), issue.diagnostics.c_str());
    }
    if (!has_errors(issues)) {
        std::printf("%zu packages are as the lock file says\n", lock.packages.size());
    }
    return has_errors(issues) ? exit_findings : exit_good;
}

Result<int> pin_all(const PackagesPlace& place, const PackagesArguments& arguments) {
    GH_TRY_ASSIGN(fhir::LockFile lock, lock_or_empty(place.lock));
    fhir::Issues notes;
    for (fhir::LockEntry& entry : lock.packages) {
        // A folder under the installation's own version control is not pinned twice.
        if (entry.digest.empty() && entry.source.starts_with("folder:")) {
            continue;
        }
        GH_TRY_ASSIGN(
            const fhir::PackageInfo info,
            inspect_package(lock_ref(lock, entry), place.installation.cache, notes)
        );
        entry.digest = info.digest;
    }
    for (std::size_t i = 1; i < arguments.words.size(); ++i) {
        const std::string& ref = arguments.words[i];
        GH_TRY_ASSIGN(
            const fhir::PackageInfo info, inspect_package({ref}, place.installation.cache, notes)
        );
        std::error_code error;
        const bool folder = std::filesystem::is_directory(ref, error);
        std::string source = "cache";
        if (folder) {
            source = "folder:" +
                     std::filesystem::relative(ref, place.lock.parent_path(), error).string();
        } else if (std::filesystem::exists(ref, error)) {
            source = "file:" + std::filesystem::absolute(ref, error).string();
        }
        pin(lock, info, source, {});
        print_package(info, "locked", arguments.json);
    }
    GH_TRY(write_lock(lock));
    print_notes("packages", notes);
    std::printf("%s: %zu packages\n", place.lock.string().c_str(), lock.packages.size());
    return exit_good;
}

Result<int> run_action(const PackagesArguments& arguments) {
    PackagesPlace place;
    GH_TRY_ASSIGN(place.installation, find_installation(arguments.config));
    place.lock = arguments.lock_file.empty() ? place.installation.lock
                                             : std::filesystem::path(arguments.lock_file);
    const std::string& action = arguments.words.front();
    if (action == "list") {
        return list(place, arguments);
    }
    if (action == "add") {
        return add(place, arguments);
    }
    if (action == "diff") {
        PackageDiffArguments diff;
        diff.before = arguments.words[1];
        diff.after = arguments.words[2];
        diff.against = arguments.against;
        diff.journal = place.installation.journal.string();
        diff.json = arguments.json;
        return diff_packages(place.installation, diff);
    }
    return action == "verify" ? verify(place) : pin_all(place, arguments);
}

}  // namespace

int run_packages(int argc, char** argv) {
    PackagesArguments arguments;
    Options options("packages list|add|verify|lock|diff [OPTION]... [REF]...", packages_about);
    options.text({"--registry"}, arguments.registry, "URL", "an npm registry of FHIR packages");
    options.text(
        {"--lock-file"},
        arguments.lock_file,
        "FILE",
        "another lock file than config/packages/lock.json"
    );
    options.flag({"--lock"}, arguments.lock, "add: pin the packages in the lock file too");
    options.text(
        {"--against"},
        arguments.against,
        "FOLDER|journal",
        "diff: judge these messages by both sides; journal: what this gateway accepted"
    );
    options.value(
        {"--output", "-o"},
        "text|json",
        "how to print packages (text)",
        [&arguments](std::string_view given) {
            arguments.json = given == "json";
            return arguments.json || given == "text";
        }
    );
    declare_config_options(options, arguments.config);
    options.positionals(arguments.words);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    constexpr std::string_view actions[] = {"list", "add", "verify", "lock", "diff"};
    if (arguments.words.empty() ||
        std::find(std::begin(actions), std::end(actions), arguments.words[0]) ==
            std::end(actions)) {
        return options.wrong("list, add, verify, lock or diff is needed");
    }
    if (arguments.words[0] == "diff") {
        if (arguments.words.size() != 3) {
            return options.wrong("diff needs two packages, A and B");
        }
        const auto code = run_action(arguments);
        return code ? *code : fail("packages", code.error());
    }
    const bool wants_packages = arguments.words[0] == "add";
    const bool takes_packages = wants_packages || arguments.words[0] == "lock";
    if (wants_packages ? arguments.words.size() < 2
                       : !takes_packages && arguments.words.size() > 1) {
        return options.wrong(
            wants_packages ? "add needs at least one REF"
                           : "'" + arguments.words[1] + "' is not expected here"
        );
    }
    const auto code = run_action(arguments);
    return code ? *code : fail("packages", code.error());
}

}  // namespace gatehouse::cli
