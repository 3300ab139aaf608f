// SPDX-License-Identifier: Apache-2.0
#include "adapters/spool/spool_sink.hpp"

#include <fcntl.h>

#include <optional>

#include "gateway/journal/file.hpp"

namespace gatehouse::adapters {
namespace {

namespace fs = std::filesystem;

class SpoolSink final : public gateway::Sink {
public:
    explicit SpoolSink(const SpoolOptions& options) : options_(options) {}
    Result<void> deliver(const gateway::Notification& notification) override;

private:
    Result<void> make_folder();
    Result<std::uint64_t> count_files() const;

    SpoolOptions options_;
    // As counted, and what was added since. Files that are taken away show when it is counted
    // again, at the limit.
    std::optional<std::uint64_t> files_;
};

// The id becomes a file's name.
bool is_plain(const std::string& id) {
    return !id.empty() && id.size() <= 64 &&
           id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
           ) == std::string::npos;
}

Result<void> SpoolSink::make_folder() {
    std::error_code error;
    if (fs::create_directories(options_.folder, error)) {
        fs::permissions(options_.folder, fs::perms::owner_all, error);
    }
    if (error) {
        return gateway::file_fault("spool.folder", options_.folder, error.value());
    }
    return {};
}

Result<std::uint64_t> SpoolSink::count_files() const {
    std::uint64_t files = 0;
    std::error_code error;
    for (fs::directory_iterator it(options_.folder, error), end; !error && it != end;
         it.increment(error)) {
        files += it->path().extension() == ".json" ? 1 : 0;
    }
    if (error) {
        return gateway::file_fault("spool.count", options_.folder, error.value());
    }
    return files;
}

Result<void> SpoolSink::deliver(const gateway::Notification& notification) {
    if (!is_plain(notification.message_id)) {
        return Fault(Errc::invalid, "spool.deliver", "a message id that cannot name a file");
    }
    GH_TRY(make_folder());
    if (!files_ || *files_ >= options_.files_max) {
        GH_TRY_ASSIGN(files_, count_files());
    }
    if (*files_ >= options_.files_max) {
        return Fault(
            Errc::busy,
            "spool.deliver",
            options_.folder.string() + " holds " + std::to_string(*files_) +
                " files, as many as files_max allows: take some away"
        );
    }
    gateway::FileSeam& seam = gateway::real_files();
    const fs::path whole = options_.folder / (notification.message_id + ".json");
    const fs::path part = options_.folder / ("." + notification.message_id + ".part");
    {
        GH_TRY_ASSIGN(
            const gateway::FileHandle file,
            gateway::open_file(seam, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
        );
        GH_TRY(gateway::write_fully(seam, file, part, notification.body, 0));
        if (seam.sync_all(file.fd()) != 0) {
            return gateway::file_fault("spool.sync", part, errno);
        }
    }
    if (seam.rename(part, whole) != 0) {
        return gateway::file_fault("spool.rename", whole, errno);
    }
    ++*files_;
    return gateway::sync_folder(seam, options_.folder);
}

}  // namespace

std::unique_ptr<gateway::Sink> make_spool_sink(const SpoolOptions& options) {
    return std::make_unique<SpoolSink>(options);
}

}  // namespace gatehouse::adapters
