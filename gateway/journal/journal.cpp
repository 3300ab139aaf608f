// SPDX-License-Identifier: Apache-2.0
//
// The file journal. Any thread submits; one commit thread (group_commit.hpp) writes everything that
// waits as one piece, syncs once and tells the waiters in order.

#include "gateway/journal/journal.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <mutex>
#include <random>

#include "gateway/journal/file.hpp"
#include "gateway/journal/group_commit.hpp"
#include "gateway/journal/resume.hpp"
#include "gateway/journal/segment.hpp"

namespace gatehouse::gateway {
namespace {

namespace fs = std::filesystem;

struct Segment {
    fs::path path;
    SegmentHeader header;
    std::uint64_t bytes = 0;  // good bytes; of the active segment: durable bytes
};

// A file seen as bytes, for scanning.
class Mapping {
public:
    static Result<Mapping> of(const fs::path& path, std::uint64_t bytes_max) {
        const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat facts {};
        if (!file.is_open() || ::fstat(file.fd(), &facts) != 0) {
            return file_fault("journal.read", path, errno);
        }
        Mapping mapping;
        mapping.size_ =
            static_cast<std::size_t>(std::min(bytes_max, static_cast<std::uint64_t>(facts.st_size))
            );
        if (mapping.size_ == 0) {
            return mapping;
        }
        mapping.at_ = ::mmap(nullptr, mapping.size_, PROT_READ, MAP_SHARED, file.fd(), 0);
        if (mapping.at_ == MAP_FAILED) {
            mapping.at_ = nullptr;
            return file_fault("journal.read", path, errno);
        }
        return mapping;
    }
    Mapping() = default;
    Mapping(Mapping&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (at_ != nullptr) {
            ::munmap(at_, size_);
        }
    }
    [[nodiscard]] std::string_view bytes() const noexcept {
        return {static_cast<const char*>(at_), size_};
    }

private:
    void* at_ = nullptr;
    std::size_t size_ = 0;
};

std::string segment_name(std::uint64_t first_position) {
    std::string digits = std::to_string(first_position);
    return "journal-" + std::string(20 - std::min<std::size_t>(20, digits.size()), '0') + digits +
           ".seg";
}

bool is_segment_name(const std::string& name) {
    return name.size() == 32 && name.starts_with("journal-") && name.ends_with(".seg");
}

std::uint64_t random_salt() {
    std::random_device source;
    return (static_cast<std::uint64_t>(source()) << 32U) | source();
}

Fault at_offset(Errc code, const fs::path& path, std::uint64_t offset, const char* what) {
    return Fault(
        code, "journal.open", path.string() + " at byte " + std::to_string(offset) + ": " + what
    );
}

class FileJournal final : public Journal {
public:
    explicit FileJournal(const JournalOptions& options)
        : options_(options), seam_(options.files != nullptr ? *options.files : real_files()),
          clock_(options.clock != nullptr ? *options.clock : system_clock_),
          group_("journal", options.queue_max) {}
    ~FileJournal() override { close(); }

    Result<void> open_folder();
    Result<void> submit(std::string payload, std::shared_ptr<JournalWaiter> waiter) override;
    Result<void>
    read(std::uint64_t from, const std::function<bool(const JournalRecord&)>& visit) override;
    Result<std::uint64_t>
    prune(std::uint64_t position, Micros before, const fs::path& archive) override;
    [[nodiscard]] std::uint64_t last_position() const override { return durable_.load(); }
    [[nodiscard]] std::uint64_t first_position() const override;
    [[nodiscard]] std::uint64_t bytes() const override;
    void close() override;

private:
    struct Waiting {
        std::string payload;
        std::shared_ptr<JournalWaiter> waiter;
    };
    using Batch = GroupCommit<Waiting>::Batch;

    Result<void> open_last(Segment& segment);
    Result<void> start_segment(std::uint64_t first_position);
    Result<bool> may_go(const Segment& next, std::uint64_t position, Micros before);
    Result<void> put_away(const fs::path& path, const fs::path& archive);

    // What one write and one sync will carry.
    struct Piece {
        std::string buffer;
        std::vector<Micros> stamps;
    };
    void commit(Batch& batch);
    Result<void> gather(const Batch& batch, std::size_t from, Piece& piece);
    Result<void> write_out(const std::string& buffer);
    Result<void> make_room(std::uint64_t bytes);
    void cut_back();

    JournalOptions options_;
    FileSeam& seam_;
    SystemClock system_clock_;
    const Clock& clock_;

    // Commit thread only, once it runs.
    FileHandle active_;
    SegmentHeader header_;         // of the active segment
    std::uint64_t offset_ = 0;     // where the next frame goes
    std::uint64_t zeroed_to_ = 0;  // prepared up to here
    std::uint64_t next_position_ = 1;
    Micros last_accepted_at_ = 0;

    std::atomic<std::uint64_t> durable_{0};

    mutable std::mutex segments_mutex_;
    std::vector<Segment> segments_;  // in order; the last is the active one

    GroupCommit<Waiting> group_;  // last: its thread uses the rest
};

Result<void> FileJournal::open_folder() {
    std::error_code error;
    fs::create_directories(options_.folder, error);
    if (error) {
        return Fault(Errc::io, "journal.open", options_.folder.string() + ": " + error.message());
    }
    std::vector<fs::path> paths;
    for (fs::directory_iterator it(options_.folder, error), end; !error && it != end;
         it.increment(error)) {
        if (is_segment_name(it->path().filename().string())) {
            paths.push_back(it->path());
        }
    }
    if (error) {
        return Fault(Errc::io, "journal.open", options_.folder.string() + ": " + error.message());
    }
    std::sort(paths.begin(), paths.end());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        GH_TRY_ASSIGN(const Mapping mapping, Mapping::of(paths[i], segment_header_bytes));
        auto header = decode_header(mapping.bytes());
        if (!header) {
            // A crash while a segment was being made leaves a file without a header and so without
            // promises; only the last one can be such.
            if (i + 1 == paths.size() && header.error().code == Errc::corrupt &&
                mapping.bytes().find_first_not_of('\0') == std::string_view::npos) {
                if (seam_.remove(paths[i]) != 0) {
                    return file_fault("journal.open", paths[i], errno);
                }
                continue;
            }
            return Fault(
                header.error().code,
                "journal.open",
                paths[i].string() + ": " + header.error().detail
            );
        }
        segments_.push_back({paths[i], *header, fs::file_size(paths[i], error)});
    }
    if (segments_.empty()) {
        GH_TRY(start_segment(1));
    } else {
        GH_TRY(open_last(segments_.back()));
    }
    group_.start("gh-journal", [this](Batch& batch) { commit(batch); });
    return {};
}

Result<void> FileJournal::open_last(Segment& segment) {
    Scan scan;
    std::uint64_t size = 0;
    {
        GH_TRY_ASSIGN(const Mapping mapping, Mapping::of(segment.path, UINT64_MAX));
        size = mapping.bytes().size();
        scan = scan_segment(mapping.bytes(), segment.header, {});
    }
    if (scan.end == Scan::End::damaged) {
        return at_offset(
            Errc::corrupt,
            segment.path,
            scan.offset,
            "an accepted record is damaged. Restore the journal from a backup, or move the data "
            "folder aside and keep it for investigation; nothing was changed"
        );
    }
    GH_TRY_ASSIGN(active_, open_file(seam_, segment.path, O_RDWR));
    if (scan.end == Scan::End::torn || size > scan.offset) {
        // Torn bytes must not be found by a later scan; prepared zeros are simply made again.
        if (seam_.truncate(active_.fd(), static_cast<std::int64_t>(scan.offset)) != 0 ||
            seam_.sync_all(active_.fd()) != 0) {
            return file_fault("journal.open", segment.path, errno);
        }
    }
    segment.bytes = scan.offset;
    header_ = segment.header;
    offset_ = scan.offset;
    zeroed_to_ = scan.offset;
    next_position_ = scan.next_position;
    last_accepted_at_ = scan.last_accepted_at;
    durable_ = next_position_ - 1;
    return {};
}

Result<void> FileJournal::start_segment(std::uint64_t first_position) {
    Segment segment;
    segment.path = options_.folder / segment_name(first_position);
    segment.header = {first_position, clock_.now(), random_salt()};
    segment.bytes = segment_header_bytes;
    GH_TRY_ASSIGN(FileHandle file, open_file(seam_, segment.path, O_RDWR | O_CREAT | O_TRUNC));
    auto made = write_fully(seam_, file, segment.path, encode_header(segment.header), 0);
    if (made && (seam_.sync_all(file.fd()) != 0)) {
        made = file_fault("journal.segment", segment.path, errno);
    }
    if (made) {
        made = sync_folder(seam_, options_.folder);
    }
    if (!made) {
        seam_.remove(segment.path);
        return made;
    }
    if (active_.is_open()) {
        // Give back what was prepared and not used. Failing to is no harm: a scan stops at zeros.
        seam_.truncate(active_.fd(), static_cast<std::int64_t>(offset_));
    }
    active_ = std::move(file);
    header_ = segment.header;
    offset_ = segment_header_bytes;
    zeroed_to_ = segment_header_bytes;
    next_position_ = first_position;
    const std::lock_guard lock(segments_mutex_);
    segments_.push_back(std::move(segment));
    return {};
}

Result<void> FileJournal::submit(std::string payload, std::shared_ptr<JournalWaiter> waiter) {
    if (payload.size() > options_.record_bytes_max) {
        return Fault(Errc::too_large, "journal", "the record is larger than the journal takes");
    }
    return group_.submit({std::move(payload), std::move(waiter)});
}

void FileJournal::commit(Batch& batch) {
    std::size_t from = 0;
    while (from < batch.size()) {
        Piece piece;
        auto written = gather(batch, from, piece);
        if (written) {
            written = write_out(piece.buffer);
        }
        const std::size_t to = from + std::max<std::size_t>(1, piece.stamps.size());
        if (!written) {
            for (; from < to; ++from) {
                batch[from].waiter->failed(written.error());
            }
            continue;
        }
        const std::uint64_t first = next_position_;
        next_position_ += to - from;
        last_accepted_at_ = piece.stamps.back();
        durable_.store(next_position_ - 1, std::memory_order_release);
        for (std::size_t i = from; i < to; ++i) {
            batch[i].waiter->durable(first + (i - from), piece.stamps[i - from]);
        }
        from = to;
    }
}

// Frames of as much of the batch as fits the active segment; a new segment if nothing does.
Result<void> FileJournal::gather(const Batch& batch, std::size_t from, Piece& piece) {
    if (const auto failed = group_.failure()) {
        return *failed;
    }
    Micros previous = last_accepted_at_;
    for (std::size_t i = from; i < batch.size(); ++i) {
        const std::uint64_t size = frame_bytes(batch[i].payload.size());
        if (offset_ + piece.buffer.size() + size > options_.segment_bytes) {
            if (i > from) {
                return {};
            }
            if (offset_ > segment_header_bytes) {
                GH_TRY(start_segment(next_position_));
            }
        }
        Frame frame;
        frame.position = next_position_ + (i - from);
        frame.durable = next_position_ - 1;
        frame.accepted_at = std::max(clock_.now(), previous + 1);
        frame.payload = batch[i].payload;
        previous = frame.accepted_at;
        piece.stamps.push_back(frame.accepted_at);
        append_frame(piece.buffer, header_, frame);
    }
    return {};
}

Result<void> FileJournal::make_room(std::uint64_t bytes) {
    if (offset_ + bytes <= zeroed_to_) {
        return {};
    }
    const auto& path = options_.folder;  // the folder is the better hint when a disk is full
    const std::uint64_t wanted = std::max(
        offset_ + bytes, std::min(offset_ + options_.zero_ahead_bytes, options_.segment_bytes)
    );
    if (auto zeroed = write_zeros(seam_, active_, path, zeroed_to_, wanted); !zeroed) {
        if (zeroed.error().code != Errc::no_space || wanted == offset_ + bytes) {
            return zeroed;
        }
        // No room to prepare ahead; there may still be room for this.
        GH_TRY(write_zeros(seam_, active_, path, zeroed_to_, offset_ + bytes));
        zeroed_to_ = offset_ + bytes;
        return {};
    }
    zeroed_to_ = wanted;
    return {};
}

Result<void> FileJournal::write_out(const std::string& buffer) {
    GH_TRY(make_room(buffer.size()));
    if (auto written = write_fully(seam_, active_, options_.folder, buffer, offset_); !written) {
        cut_back();
        return written;
    }
    const auto began = std::chrono::steady_clock::now();
    if (seam_.sync_data(active_.fd()) != 0) {
        // After a failed sync the kernel may have dropped the pages and say "done" next time, so
        // nothing after this can be promised by this process.
        const Fault fault = file_fault("journal.sync", options_.folder, errno);
        const Fault last(
            Errc::io, "journal.sync", fault.detail + "; restart once the disk is sound"
        );
        group_.fail(last);
        return last;
    }
    if (options_.synced) {
        options_.synced(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()
        );
    }
    offset_ += buffer.size();
    const std::lock_guard lock(segments_mutex_);
    segments_.back().bytes = offset_;
    return {};
}

// Takes back a half-written batch: nobody was promised it, and recovery must not find part of it.
void FileJournal::cut_back() {
    if (seam_.truncate(active_.fd(), static_cast<std::int64_t>(offset_)) == 0) {
        zeroed_to_ = offset_;
        return;
    }
    group_.fail(Fault(Errc::io, "journal.write", "a half-written batch could not be taken back"));
}

Result<void>
FileJournal::read(std::uint64_t from, const std::function<bool(const JournalRecord&)>& visit) {
    std::vector<Segment> segments;
    {
        const std::lock_guard lock(segments_mutex_);
        segments = segments_;
    }
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const Segment& segment = segments[i];
        if (i + 1 < segments.size() && segments[i + 1].header.first_position <= from) {
            continue;
        }
        if (expected != 0 && segment.header.first_position != expected) {
            return at_offset(
                Errc::corrupt, segment.path, 0, "a segment before this one is missing"
            );
        }
        GH_TRY_ASSIGN(const Mapping mapping, Mapping::of(segment.path, segment.bytes));
        std::optional<Fault> fault;
        const Scan scan = scan_segment(mapping.bytes(), segment.header, [&](const Frame& frame) {
            if (frame.position < from) {
                return true;
            }
            auto record = decode_record(frame.payload);
            if (!record) {
                fault = record.error();
                return false;
            }
            record->position = frame.position;
            record->accepted_at = frame.accepted_at;
            return visit(*record);
        });
        if (fault) {
            return at_offset(fault->code, segment.path, scan.offset, fault->detail.c_str());
        }
        if (scan.end == Scan::End::stopped) {
            return {};
        }
        const bool last = i + 1 == segments.size();
        if (scan.end != Scan::End::clean ||
            (!last && scan.next_position != segments[i + 1].header.first_position)) {
            return at_offset(
                Errc::corrupt, segment.path, scan.offset, "an accepted record is damaged"
            );
        }
        expected = scan.next_position;
    }
    return {};
}

// True if the segment before `next` holds only positions below `position` that were accepted before
// `before`: the first record of `next` says both.
Result<bool> FileJournal::may_go(const Segment& next, std::uint64_t position, Micros before) {
    if (next.header.first_position > position) {
        return false;
    }
    GH_TRY_ASSIGN(const Mapping mapping, Mapping::of(next.path, next.bytes));
    bool old = false;
    scan_segment(mapping.bytes(), next.header, [&](const Frame& frame) {
        old = frame.accepted_at < before;
        return false;
    });
    return old;
}

Result<void> FileJournal::put_away(const fs::path& path, const fs::path& archive) {
    if (archive.empty()) {
        return seam_.remove(path) == 0 ? Result<void>() : file_fault("journal.prune", path, errno);
    }
    std::error_code error;
    fs::create_directories(archive, error);
    const fs::path target = archive / path.filename();
    if (!error && seam_.rename(path, target) == 0) {
        return sync_folder(seam_, archive);
    }
    // Another file system: copy, make sure, then remove.
    const fs::path part = target.string() + ".part";
    fs::copy_file(path, part, fs::copy_options::overwrite_existing, error);
    if (error) {
        return Fault(Errc::io, "journal.prune", target.string() + ": " + error.message());
    }
    GH_TRY_ASSIGN(const FileHandle copy, open_file(seam_, part, O_RDWR));
    if (seam_.sync_all(copy.fd()) != 0 || seam_.rename(part, target) != 0) {
        return file_fault("journal.prune", target, errno);
    }
    GH_TRY(sync_folder(seam_, archive));
    return seam_.remove(path) == 0 ? Result<void>() : file_fault("journal.prune", path, errno);
}

Result<std::uint64_t>
FileJournal::prune(std::uint64_t position, Micros before, const fs::path& archive) {
    std::uint64_t gone = 0;
    for (;;) {
        Segment oldest;
        Segment next;
        {
            const std::lock_guard lock(segments_mutex_);
            if (segments_.size() < 2) {
                return gone;
            }
            oldest = segments_[0];
            next = segments_[1];
        }
        GH_TRY_ASSIGN(const bool goes, may_go(next, position, before));
        if (!goes) {
            return gone;
        }
        GH_TRY(put_away(oldest.path, archive));
        GH_TRY(sync_folder(seam_, options_.folder));
        const std::lock_guard lock(segments_mutex_);
        segments_.erase(segments_.begin());
        ++gone;
    }
}

std::uint64_t FileJournal::first_position() const {
    const std::lock_guard lock(segments_mutex_);
    return segments_.front().header.first_position;
}

std::uint64_t FileJournal::bytes() const {
    const std::lock_guard lock(segments_mutex_);
    std::uint64_t sum = 0;
    for (const auto& segment : segments_) {
        sum += segment.bytes;
    }
    return sum;
}

void FileJournal::close() {
    if (group_.close() && active_.is_open() && offset_ >= segment_header_bytes) {
        seam_.truncate(active_.fd(), static_cast<std::int64_t>(offset_));
    }
}

// append() as a waiter.
class CallbackWaiter final : public JournalWaiter {
public:
    explicit CallbackWaiter(std::function<void(Result<std::uint64_t>)> done)
        : done_(std::move(done)) {}
    void durable(std::uint64_t position, Micros /*accepted_at*/) noexcept override {
        done_(position);
    }
    void failed(const Fault& fault) noexcept override { done_(fault); }

private:
    std::function<void(Result<std::uint64_t>)> done_;
};

std::function<void(Callback<Result<std::uint64_t>>)>
append_starter(Journal& journal, std::string payload) {
    return [&journal, payload = std::move(payload)](Callback<Result<std::uint64_t>> done) {
        auto queued = journal.submit(payload, std::make_shared<CallbackWaiter>(done));
        if (!queued) {
            done(queued.error());
        }
    };
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const JournalOptions& options) {
    auto journal = std::make_unique<FileJournal>(options);
    GH_TRY(journal->open_folder());
    return std::unique_ptr<Journal>(std::move(journal));
}

boost::asio::awaitable<Result<std::uint64_t>> Journal::append(JournalRecord record) {
    auto start = append_starter(*this, encode_record(record));
    auto waiting = until_called<Result<std::uint64_t>>(std::move(start));
    co_return co_await std::move(waiting);
}

}  // namespace gatehouse::gateway
