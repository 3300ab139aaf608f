// SPDX-License-Identifier: Apache-2.0
//
// `gatehouse backup` and `gatehouse restore`. A backup is a data folder: the store as of one
// moment, every journal segment (what the store had not seen yet is replayed at the first start),
// the audit chain, and the hashes of tokens. It can be taken while the gateway runs; the order of
// copying is what makes the pieces fit: store before journal, because the journal may be ahead and
// never behind; the audit's head before its files, because the files may hold more than the head
// says and never less.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "adapters/sqlite/sqlite_store.hpp"
#include "gateway/app/commands.hpp"
#include "gateway/app/data_folder.hpp"
#include "gateway/audit/chain.hpp"
#include "gateway/journal/journal.hpp"

namespace gatehouse::cli {

namespace fs = std::filesystem;
using gateway::Config;

namespace {

// Parts of a data folder that are copied file by file, with their folders.
constexpr const char* audit_part = "audit";
constexpr const char* journal_part = "journal";
constexpr const char* identity_part = "identity";
constexpr const char* tokens_part = "tokens";

Fault cannot(const char* what, const fs::path& path, const std::error_code& error) {
    const Errc code = error == std::errc::no_space_on_device ? Errc::no_space : Errc::io;
    return {code, "backup", std::string(what) + " " + path.string() + ": " + error.message()};
}

Result<void> sync(const fs::path& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    const bool good = fd >= 0 && ::fsync(fd) == 0;
    const int error = errno;
    if (fd >= 0) {
        ::close(fd);
    }
    return good ? Result<void>() : cannot("cannot sync", path, {error, std::generic_category()});
}

Result<void> copy_durably(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (error) {
        return cannot("cannot copy", from, error);
    }
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
    return sync(to, O_RDONLY);
}

// Regular files of a folder (none if it does not exist), `first` before the others, else by name:
// older segments and days first, so that a copy is never newer in the middle than at its end.
Result<void> copy_folder(const fs::path& from, const fs::path& to, const std::string& first = {}) {
    std::error_code error;
    if (!fs::exists(from, error)) {
        return {};
    }
    std::vector<fs::path> files;
    for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
        if (it->is_regular_file() && it->path().extension() != ".lock") {
            files.push_back(it->path());
        }
    }
    if (error) {
        return cannot("cannot read", from, error);
    }
    std::sort(files.begin(), files.end(), [&](const fs::path& a, const fs::path& b) {
        return std::pair(a.filename() != first, a) < std::pair(b.filename() != first, b);
    });
    fs::create_directories(to, error);
    if (error) {
        return cannot("cannot make", to, error);
    }
    fs::permissions(to, fs::perms::owner_all, error);
    for (const fs::path& file : files) {
        GH_TRY(copy_durably(file, to / file.filename()));
    }
    return sync(to, O_RDONLY | O_DIRECTORY);
}

bool is_empty_or_absent(const fs::path& dir) {
    std::error_code error;
    return !fs::exists(dir, error) || (fs::is_directory(dir, error) && fs::is_empty(dir, error));
}

// That the pieces of a copied data folder fit together. Gives words for people.
Result<std::string> verify(const fs::path& dir) {
    GH_TRY(gateway::check_data_format(dir));
    GH_TRY_ASSIGN(
        const std::uint64_t applied, adapters::check_sqlite_file(dir / "store" / "store.db")
    );
    gateway::JournalOptions options;
    options.folder = dir / journal_part;
    std::uint64_t last = 0;
    {
        GH_TRY_ASSIGN(const auto journal, gateway::Journal::open(options));
        last = journal->last_position();
        if (journal->first_position() > applied + 1) {
            return Fault(
                Errc::conflict,
                "backup",
                "the journal was pruned past the store's copy while it was copied; run it again"
            );
        }
        journal->close();
    }
    if (last < applied) {
        return Fault(
            Errc::corrupt,
            "backup",
            "the store is ahead of the journal: " + dir.string() + " is not whole"
        );
    }
    GH_TRY_ASSIGN(const auto chain, gateway::verify_chain(dir / audit_part));
    if (!chain.sound) {
        return Fault(Errc::corrupt, "backup", "the audit chain does not hold: " + chain.problem);
    }
    return "store at message " + std::to_string(applied) + ", journal to " + std::to_string(last) +
           ", " + std::to_string(chain.records) + " audit records, chain sound";
}

Result<std::string> backup(const Config& config, const fs::path& to) {
    GH_TRY(gateway::check_data_format(config.data.dir));
    if (!is_empty_or_absent(to)) {
        return Fault(
            Errc::conflict,
            "backup",
            to.string() + " exists and is not empty; a backup overwrites nothing"
        );
    }
    std::error_code error;
    const fs::path partial = to.string() + ".partial";
    fs::remove_all(partial, error);
    fs::create_directories(partial / "store", error);
    if (error) {
        return cannot("cannot make", partial, error);
    }
    fs::permissions(partial, fs::perms::owner_all, error);
    {
        adapters::SqliteOptions options;
        options.file = config.store_file();
        GH_TRY_ASSIGN(const auto store, adapters::open_sqlite_store(options));
        GH_TRY(store->backup(partial / "store" / "store.db"));
    }
    GH_TRY(copy_folder(config.journal_folder(), partial / journal_part));
    GH_TRY(copy_folder(config.audit_folder(), partial / audit_part, "audit.head"));
    GH_TRY(copy_folder(config.token_store().parent_path(), partial / identity_part));
    GH_TRY(copy_folder(config.token_folder(), partial / tokens_part));
    GH_TRY(gateway::write_data_format(partial));
    GH_TRY_ASSIGN(std::string words, verify(partial));
    fs::remove(to, error);  // empty, or it would not have come so far
    fs::rename(partial, to, error);
    if (error) {
        return cannot("cannot rename", partial, error);
    }
    GH_TRY(sync(fs::absolute(to).parent_path(), O_RDONLY | O_DIRECTORY));
    return words;
}

Result<std::string> restore(const Config& config, const fs::path& from) {
    const fs::path& to = config.data.dir;
    GH_TRY(gateway::check_data_format(from));
    if (!is_empty_or_absent(to)) {
        return Fault(
            Errc::conflict,
            "restore",
            to.string() +
                " is not empty. Restore overwrites nothing: move the old data folder away first"
        );
    }
    std::error_code error;
    const fs::path partial = to.string() + ".partial";
    fs::remove_all(partial, error);
    fs::create_directories(partial, error);
    if (error) {
        return cannot("cannot make", partial, error);
    }
    fs::permissions(partial, fs::perms::owner_all, error);
    for (const char* part : {"store", journal_part, audit_part, identity_part, tokens_part}) {
        GH_TRY(copy_folder(from / part, partial / part));
    }
    GH_TRY(gateway::write_data_format(partial));
    GH_TRY_ASSIGN(std::string words, verify(partial));
    fs::remove(to, error);
    fs::rename(partial, to, error);
    if (error) {
        return cannot("cannot rename", partial, error);
    }
    GH_TRY(sync(fs::absolute(to).parent_path(), O_RDONLY | O_DIRECTORY));
    return words;
}

int run_copy(int argc, char** argv, bool out) {
    const char* name = out ? "backup" : "restore";
    Options options(
        out ? "backup --to FOLDER [--config FILE] [--set KEY=VALUE]..."
            : "restore --from FOLDER [--config FILE] [--set KEY=VALUE]...",
        out ? "Copies the data folder's contents to a new folder while the gateway runs or stands, "
              "and checks the "
              "copy: store, journal, audit chain, token hashes."
            : "Puts a backup into data.dir, which must be empty, after checking it. The gateway "
              "must not be running."
    );
    ConfigOptions given;
    std::string folder;
    std::vector<std::string> words;
    given.declare(options);
    options.text(
        {out ? "--to" : "--from"},
        folder,
        "FOLDER",
        out ? "where to; must not exist, or be empty" : "the backup"
    );
    options.positionals(words);
    switch (options.parse(argc, argv)) {
    case Options::Parsed::help: return exit_good;
    case Options::Parsed::wrong: return exit_failure;
    case Options::Parsed::go: break;
    }
    if (folder.empty() && words.size() == 1) {
        folder = words[0];
    } else if (!words.empty()) {
        return options.wrong("one folder is expected");
    }
    if (folder.empty()) {
        return options.wrong(out ? "--to FOLDER is missing" : "--from FOLDER is missing");
    }
    const auto config = given.load(name);
    if (!config) {
        return exit_failure;
    }
    std::error_code error;
    fs::path path = fs::absolute(folder, error).lexically_normal();
    if (!path.has_filename()) {
        path = path.parent_path();  // "backup/" names the same folder
    }
    const auto done = out ? backup(*config, path) : restore(*config, path);
    if (!done) {
        return failed(name, done.error());
    }
    std::printf("%s: %s\n", (out ? path : config->data.dir).c_str(), done->c_str());
    return exit_good;
}

}  // namespace

int run_backup(int argc, char** argv) {
    return run_copy(argc, argv, true);
}
int run_restore(int argc, char** argv) {
    return run_copy(argc, argv, false);
}

}  // namespace gatehouse::cli
