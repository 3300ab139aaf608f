// SPDX-License-Identifier: Apache-2.0
//
// The file audit. Callers make the line of their event; one commit thread chains what waits, writes
// it as one piece, syncs once and lets the callers go.

#include "gateway/audit/audit.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "gateway/audit/chain.hpp"
#include "gateway/journal/file.hpp"
#include "gateway/journal/group_commit.hpp"
#include "gateway/journal/resume.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;

using Done = Callback<Result<void>>;

std::string day_of(Micros at) {
    std::string day = to_instant(at).substr(0, 10);
    std::erase(day, '-');
    return day;
}

Fault behind_head(const fs::path& folder, std::uint64_t seq, std::uint64_t head_seq) {
    return Fault(
        Errc::corrupt,
        "audit.open",
        folder.string() + ": the chain ends at record " + std::to_string(seq) +
            " but audit.head knows record " + std::to_string(head_seq) +
            ". Keep the folder for investigation and start with an empty one"
    );
}

class FileAudit final : public Audit {
public:
    explicit FileAudit(const AuditOptions& options)
        : options_(options), seam_(options.files != nullptr ? *options.files : real_files()),
          clock_(options.clock != nullptr ? *options.clock : system_clock_),
          group_("audit", options.queue_max) {}
    ~FileAudit() override { close(); }

    Result<void> open_folder();
    boost::asio::awaitable<Result<void>> append(AuditEvent event) override;
    void submit(std::string line, Done done);
    [[nodiscard]] std::uint64_t bytes() const override { return bytes_.load(); }
    void close() override;

private:
    struct Waiting {
        std::string line;
        Done done;
    };
    using Batch = GroupCommit<Waiting>::Batch;

    Result<void> open_last(const fs::path& path, std::uint64_t head_seq, std::uint64_t& cut_bytes);
    Result<void> start_file();
    void
    own_record(std::string& buffer, std::string members, std::string& hash, std::uint64_t& seq);
    void commit(Batch& batch);
    Result<void> write_batch(Batch& batch);
    Result<void> write_out(std::string_view buffer);
    void write_head();

    AuditOptions options_;
    FileSeam& seam_;
    SystemClock system_clock_;
    const Clock& clock_;

    // Commit thread only, once it runs.
    FileHandle active_;
    FileHandle head_;
    fs::path path_;
    std::string day_;
    std::uint64_t offset_ = 0;
    std::uint64_t zeroed_to_ = 0;
    std::uint64_t seq_ = 0;  // last durable
    std::string hash_{audit_genesis};

    std::atomic<std::uint64_t> bytes_{0};
    GroupCommit<Waiting> group_;  // last: its thread uses the rest
};

Result<void> FileAudit::open_folder() {
    std::error_code error;
    fs::create_directories(options_.folder, error);
    if (error) {
        return Fault(Errc::io, "audit.open", options_.folder.string() + ": " + error.message());
    }
    GH_TRY_ASSIGN(const auto files, chain_files(options_.folder));
    for (const auto& file : files) {
        bytes_ += fs::file_size(file, error);
    }
    std::uint64_t head_seq = 0;
    std::string head_hash;
    if (!read_head(options_.folder, head_seq, head_hash)) {
        head_seq = 0;
    }
    GH_TRY_ASSIGN(head_, open_file(seam_, options_.folder / "audit.head", O_RDWR | O_CREAT));
    std::uint64_t cut_bytes = 0;
    if (!files.empty()) {
        // A file that a crash left empty carries no link; the one before it does.
        for (std::size_t i = files.size(); i-- > 0 && seq_ == 0;) {
            GH_TRY(open_last(files[i], head_seq, cut_bytes));
        }
    }
    if (head_seq > seq_) {
        return behind_head(options_.folder, seq_, head_seq);
    }
    if (!active_.is_open()) {
        GH_TRY(start_file());
    }
    if (cut_bytes > 0) {
        std::string buffer;
        std::string hash = hash_;
        std::uint64_t seq = seq_;
        own_record(
            buffer, ",\"event\":\"recovered\",\"cut_bytes\":" + std::to_string(cut_bytes), hash, seq
        );
        const auto written = write_out(buffer);
        // A full disk must not keep the gateway down: the chain is sound without this note.
        if (!written && written.error().code != Errc::no_space) {
            return written;
        }
        if (written) {
            seq_ = seq;
            hash_ = hash;
            write_head();
        }
    }
    group_.start("gh-audit", [this](Batch& batch) { commit(batch); });
    return {};
}

Result<void>
FileAudit::open_last(const fs::path& path, std::uint64_t head_seq, std::uint64_t& cut_bytes) {
    GH_TRY_ASSIGN(const std::string bytes, read_whole(path));
    const FileScan scan = scan_chain_file(bytes, 0, {});
    if (!scan.problem.empty()) {
        return Fault(
            Errc::corrupt,
            "audit.open",
            path.string() + ":" + std::to_string(scan.problem_line) + ": " + scan.problem +
                ". Keep the folder for investigation and start with an empty one"
        );
    }
    if (scan.last_seq != 0 && head_seq > scan.last_seq) {
        return behind_head(options_.folder, scan.last_seq, head_seq);  // before anything is cut
    }
    if (active_.is_open()) {
        // A newer file exists and holds nothing: go on in that one, from this one's last link.
        seq_ = scan.last_seq;
        hash_ = scan.last_hash.empty() ? std::string(audit_genesis) : scan.last_hash;
        return {};
    }
    GH_TRY_ASSIGN(active_, open_file(seam_, path, O_RDWR));
    if (bytes.size() > scan.good_bytes &&
        (seam_.truncate(active_.fd(), static_cast<std::int64_t>(scan.good_bytes)) != 0 ||
         seam_.sync_all(active_.fd()) != 0)) {
        return file_fault("audit.open", path, errno);
    }
    cut_bytes = scan.torn_bytes;
    path_ = path;
    day_ = path.filename().string().substr(6, 8);
    offset_ = scan.good_bytes;
    zeroed_to_ = offset_;
    seq_ = scan.last_seq;
    if (!scan.last_hash.empty()) {
        hash_ = scan.last_hash;
    }
    return {};
}

// A record of the chain's own: file starts, recoveries.
void FileAudit::own_record(
    std::string& buffer, std::string members, std::string& hash, std::uint64_t& seq
) {
    std::string line = "{\"at\":\"" + to_instant(clock_.now()) + "\"" + members;
    hash = close_line(line, seq_, seq + 1, hash);
    ++seq;
    buffer += line;
}

Result<void> FileAudit::start_file() {
    const std::string day = day_of(clock_.now());
    std::string digits = std::to_string(seq_ + 1);
    digits.insert(0, 12 - std::min<std::size_t>(12, digits.size()), '0');
    const fs::path path = options_.folder / ("audit-" + day + "-" + digits + ".jsonl");
    GH_TRY_ASSIGN(FileHandle file, open_file(seam_, path, O_RDWR | O_CREAT | O_TRUNC));
    GH_TRY(sync_folder(seam_, options_.folder));
    if (active_.is_open()) {
        // Prepared space goes back; a closed file is plain text to its end.
        if (seam_.truncate(active_.fd(), static_cast<std::int64_t>(offset_)) != 0) {
            return file_fault("audit.file", path_, errno);
        }
    }
    const std::string previous = path_.filename().string();
    active_ = std::move(file);
    path_ = path;
    day_ = day;
    offset_ = 0;
    zeroed_to_ = 0;
    std::string buffer;
    std::string hash = hash_;
    std::uint64_t seq = seq_;
    own_record(
        buffer,
        ",\"event\":\"file\",\"format\":" + std::to_string(audit_format_version) +
            (previous.empty() ? std::string() : ",\"previous\":\"" + previous + "\""),
        hash,
        seq
    );
    GH_TRY(write_out(buffer));
    seq_ = seq;
    hash_ = hash;
    return {};
}

std::function<void(Done)> append_starter(FileAudit& audit, std::string line) {
    return [&audit, line = std::move(line)](Done done) mutable {
        audit.submit(std::move(line), std::move(done));
    };
}

boost::asio::awaitable<Result<void>> FileAudit::append(AuditEvent event) {
    auto start = append_starter(*this, open_line(event));
    auto waiting = until_called<Result<void>>(std::move(start));
    co_return co_await std::move(waiting);
}

void FileAudit::submit(std::string line, Done done) {
    Waiting waiting{std::move(line), std::move(done)};
    if (const auto taken = group_.submit(std::move(waiting)); !taken) {
        waiting.done(taken.error());  // not moved from: it was refused
    }
}

void FileAudit::commit(Batch& batch) {
    const Result<void> written = write_batch(batch);
    for (auto& waiting : batch) {
        waiting.done(written);
    }
}

Result<void> FileAudit::write_batch(Batch& batch) {
    if (const auto failed = group_.failure()) {
        return *failed;
    }
    if (offset_ >= options_.file_bytes || day_ != day_of(clock_.now())) {
        GH_TRY(start_file());
    }
    std::string buffer;
    std::string hash = hash_;
    std::uint64_t seq = seq_;
    for (auto& waiting : batch) {
        hash = close_line(waiting.line, seq_, seq + 1, hash);
        ++seq;
        buffer += waiting.line;
    }
    GH_TRY(write_out(buffer));
    seq_ = seq;
    hash_ = std::move(hash);
    write_head();
    return {};
}

Result<void> FileAudit::write_out(std::string_view buffer) {
    if (offset_ + buffer.size() > zeroed_to_) {
        std::uint64_t wanted = std::max(
            offset_ + buffer.size(),
            std::min(offset_ + options_.zero_ahead_bytes, options_.file_bytes)
        );
        auto zeroed = write_zeros(seam_, active_, path_, zeroed_to_, wanted);
        if (!zeroed && zeroed.error().code == Errc::no_space && wanted > offset_ + buffer.size()) {
            wanted = offset_ + buffer.size();
            zeroed = write_zeros(seam_, active_, path_, zeroed_to_, wanted);
        }
        GH_TRY(zeroed);
        zeroed_to_ = std::max(zeroed_to_, wanted);
    }
    if (auto written = write_fully(seam_, active_, path_, buffer, offset_); !written) {
        // Half a batch must not stay: its callers are told 503, and the next batch starts here.
        if (seam_.truncate(active_.fd(), static_cast<std::int64_t>(offset_)) == 0) {
            zeroed_to_ = offset_;
        } else {
            group_.fail(
                Fault(Errc::io, "audit.write", "a half-written batch could not be taken back")
            );
        }
        return written;
    }
    const auto began = std::chrono::steady_clock::now();
    if (seam_.sync_data(active_.fd()) != 0) {
        const Fault fault = file_fault("audit.sync", path_, errno);
        const Fault last(Errc::io, "audit.sync", fault.detail + "; restart once the disk is sound");
        group_.fail(last);
        return last;
    }
    if (options_.synced) {
        options_.synced(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()
        );
    }
    offset_ += buffer.size();
    bytes_ += buffer.size();
    return {};
}

// Not synced: it lags behind after a power loss, never runs ahead, and that is all verify needs.
void FileAudit::write_head() {
    std::string text = std::to_string(seq_);
    text.insert(0, 20 - std::min<std::size_t>(20, text.size()), '0');
    text += ' ';
    text += hash_;
    text += '\n';
    const auto written = seam_.write_at(head_.fd(), text.data(), text.size(), 0);
    static_cast<void>(written);  // a full disk shows at the next record
}

void FileAudit::close() {
    if (group_.close() && active_.is_open()) {
        seam_.truncate(active_.fd(), static_cast<std::int64_t>(offset_));
    }
}

}  // namespace

Result<std::unique_ptr<Audit>> Audit::open(const AuditOptions& options) {
    auto audit = std::make_unique<FileAudit>(options);
    GH_TRY(audit->open_folder());
    return std::unique_ptr<Audit>(std::move(audit));
}

}  // namespace gatehouse::gateway
