// SPDX-License-Identifier: Apache-2.0
#include "gateway/journal/journal.hpp"

#include <fstream>
#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "gateway/journal/crc32c.hpp"
#include "gateway/journal/segment.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/torn_files.hpp"

namespace gatehouse::gateway {
namespace {

using tests::ScratchFolder;
using tests::TornFiles;

class Promise final : public JournalWaiter {
public:
    void durable(std::uint64_t position, Micros /*accepted_at*/) noexcept override {
        answer_.set_value(position);
    }
    void failed(const Fault& fault) noexcept override { answer_.set_value(fault); }
    Result<std::uint64_t> get() { return answer_.get_future().get(); }

private:
    std::promise<Result<std::uint64_t>> answer_;
};

JournalRecord message(const std::string& id, std::size_t body_bytes = 100) {
    JournalRecord record;
    record.message_id = id;
    record.partner = "north-trust";
    record.method = "POST";
    record.target = "/fhir/R4/Patient";
    record.headers = {{"Content-Type", "application/fhir+json"}};
    record.body = std::string(body_bytes, 'b');
    return record;
}

Result<std::uint64_t> put(Journal& journal, const JournalRecord& record) {
    auto waiter = std::make_shared<Promise>();
    if (auto queued = journal.submit(encode_record(record), waiter); !queued) {
        return queued.error();
    }
    return waiter->get();
}

std::unique_ptr<Journal> open(const JournalOptions& options) {
    auto journal = Journal::open(options);
    EXPECT_TRUE(journal.has_value()) << (journal ? "" : describe(journal.error()));
    return journal ? std::move(*journal) : nullptr;
}

std::vector<std::string> ids(Journal& journal, std::uint64_t from = 1) {
    std::vector<std::string> found;
    const auto read = journal.read(from, [&](const JournalRecord& record) {
        found.push_back(record.message_id);
        return true;
    });
    EXPECT_TRUE(read.has_value()) << (read ? "" : describe(read.error()));
    return found;
}

std::filesystem::path only_segment(const std::filesystem::path& folder) {
    return std::filesystem::directory_iterator(folder)->path();
}

void overwrite(const std::filesystem::path& file, std::uint64_t offset, std::string_view bytes) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(offset));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST(Crc32c, agrees_with_the_rfc_and_with_its_own_table) {
    EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
    EXPECT_EQ(crc32c_portable("123456789"), 0xE3069283U);
    const std::string text(1000, 'q');
    EXPECT_EQ(crc32c(text, 7), crc32c_portable(text, 7));
}

TEST(JournalRecord, survives_encoding) {
    JournalRecord record = message("01M");
    record.kind = RecordKind::refused;
    record.received_at = -5;
    record.organisation = "RCB";
    record.request_id = "r-1";
    record.bundle_identifier = "s|v";
    record.body_digest = "abc";
    record.decision_id = "01D";
    record.tags = {"s|G01"};
    record.rules = {"G01", "G05"};
    record.status = 422;

    const auto back = decode_record(encode_record(record));

    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(encode_record(*back), encode_record(record));
    EXPECT_EQ(back->headers, record.headers);
    EXPECT_EQ(back->received_at, -5);
    EXPECT_EQ(back->status, 422);
}

TEST(JournalRecord, refuses_a_field_cut_short) {
    const std::string bytes = encode_record(message("01M"));
    for (std::size_t size = 0; size < bytes.size(); size += 7) {
        const auto record = decode_record(std::string_view(bytes).substr(0, size));
        if (record) {
            EXPECT_TRUE(record->body.empty());  // a whole field missing is a smaller record
        }
    }
    EXPECT_FALSE(decode_record("").has_value());
}

TEST(Journal, keeps_records_in_order_across_openings) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    {
        const auto journal = open(options);
        EXPECT_EQ(put(*journal, message("a")).value_or(0), 1U);
        EXPECT_EQ(put(*journal, message("b")).value_or(0), 2U);
    }
    const auto journal = open(options);
    EXPECT_EQ(journal->last_position(), 2U);
    EXPECT_EQ(put(*journal, message("c")).value_or(0), 3U);
    EXPECT_EQ(ids(*journal), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(ids(*journal, 3), (std::vector<std::string>{"c"}));
}

TEST(Journal, stamps_rise_even_when_the_clock_stands) {
    const ScratchFolder folder;
    const FakeClock clock(1000);
    JournalOptions options;
    options.folder = folder.path();
    options.clock = &clock;
    const auto journal = open(options);
    std::vector<std::shared_ptr<Promise>> waiters;
    for (int i = 0; i < 20; ++i) {
        waiters.push_back(std::make_shared<Promise>());
        ASSERT_TRUE(journal->submit(encode_record(message("m")), waiters.back()).has_value());
    }
    for (auto& waiter : waiters) {
        ASSERT_TRUE(waiter->get().has_value());
    }
    Micros previous = 0;
    ASSERT_TRUE(journal->read(1, [&](const JournalRecord& record) {
        EXPECT_GT(record.accepted_at, previous);
        previous = record.accepted_at;
        return true;
    }));
    EXPECT_EQ(previous, 1019);
}

TEST(Journal, fills_segments_and_reads_across_them) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    options.segment_bytes = 4096;
    options.zero_ahead_bytes = 1024;
    {
        const auto journal = open(options);
        for (int i = 0; i < 50; ++i) {
            ASSERT_TRUE(put(*journal, message(std::to_string(i), 700)).has_value());
        }
        ASSERT_TRUE(put(*journal, message("large", 20000)).has_value());
        ASSERT_TRUE(put(*journal, message("last")).has_value());
    }
    const auto journal = open(options);
    const auto found = ids(*journal, 40);
    ASSERT_EQ(found.size(), 13U);
    EXPECT_EQ(found.front(), "39");
    EXPECT_EQ(found[11], "large");
    EXPECT_EQ(found.back(), "last");
}

TEST(Journal, cuts_a_torn_last_record) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    std::uint64_t before_last = 0;
    {
        const auto journal = open(options);
        ASSERT_TRUE(put(*journal, message("a")).has_value());
        before_last = journal->bytes();
        ASSERT_TRUE(put(*journal, message("b")).has_value());
    }
    std::filesystem::resize_file(only_segment(folder.path()), before_last + 60);

    const auto journal = open(options);

    EXPECT_EQ(ids(*journal), (std::vector<std::string>{"a"}));
    EXPECT_EQ(put(*journal, message("c")).value_or(0), 2U);
    EXPECT_EQ(ids(*journal), (std::vector<std::string>{"a", "c"}));
}

TEST(Journal, names_segment_and_offset_of_a_damaged_promise) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    std::uint64_t second = 0;
    {
        const auto journal = open(options);
        ASSERT_TRUE(put(*journal, message("a")).has_value());
        second = journal->bytes();
        ASSERT_TRUE(put(*journal, message("b")).has_value());
        ASSERT_TRUE(put(*journal, message("c")).has_value());
    }
    const auto file = only_segment(folder.path());
    overwrite(file, second + 50, "XX");

    const auto journal = Journal::open(options);

    ASSERT_FALSE(journal.has_value());
    EXPECT_EQ(journal.error().code, Errc::corrupt);
    EXPECT_NE(journal.error().detail.find(file.string()), std::string::npos);
    EXPECT_NE(journal.error().detail.find("at byte " + std::to_string(second)), std::string::npos);
}

TEST(Journal, damage_in_an_older_segment_is_found_when_it_is_read) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    options.segment_bytes = 2048;
    const auto journal = open(options);
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(put(*journal, message("m", 300)).has_value());
    }
    overwrite(folder.path() / "journal-00000000000000000001.seg", 200, "XX");

    const auto read = journal->read(1, [](const JournalRecord&) { return true; });

    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Errc::corrupt);
}

TEST(Journal, refuses_another_format_version_by_name) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    open(options)->close();
    overwrite(only_segment(folder.path()), 8, std::string_view("\x07", 1));

    const auto journal = Journal::open(options);

    ASSERT_FALSE(journal.has_value());
    EXPECT_EQ(journal.error().code, Errc::unsupported);
    EXPECT_NE(journal.error().detail.find("format 7"), std::string::npos);
}

TEST(Journal, a_full_disk_accepts_nothing_and_passes_when_there_is_space) {
    const ScratchFolder folder;
    TornFiles files;
    JournalOptions options;
    options.folder = folder.path();
    options.zero_ahead_bytes = 256;
    options.files = &files;
    {
        const auto journal = open(options);
        ASSERT_TRUE(put(*journal, message("a")).has_value());
        files.space_left = 700;
        const auto refused = put(*journal, message("too much", 5000));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, Errc::no_space);
        files.space_left = -1;
        EXPECT_EQ(put(*journal, message("b")).value_or(0), 2U);
    }
    const auto journal = open(options);
    EXPECT_EQ(ids(*journal), (std::vector<std::string>{"a", "b"}));
}

TEST(Journal, a_half_written_batch_is_taken_back) {
    const ScratchFolder folder;
    TornFiles files;
    JournalOptions options;
    options.folder = folder.path();
    options.files = &files;
    {
        const auto journal = open(options);
        ASSERT_TRUE(put(*journal, message("a")).has_value());
        files.space_left = 150;  // room is prepared, so this fails in the middle of the frame
        EXPECT_FALSE(put(*journal, message("half", 1000)).has_value());
        files.space_left = -1;
    }
    const auto journal = open(options);
    EXPECT_EQ(ids(*journal), (std::vector<std::string>{"a"}));
}

TEST(Journal, promises_nothing_after_a_failed_sync) {
    const ScratchFolder folder;
    TornFiles files;
    JournalOptions options;
    options.folder = folder.path();
    options.files = &files;
    const auto journal = open(options);
    files.fail_sync = true;
    EXPECT_EQ(put(*journal, message("a")).error().code, Errc::io);
    files.fail_sync = false;

    const auto later = put(*journal, message("b"));

    ASSERT_FALSE(later.has_value());
    EXPECT_EQ(later.error().code, Errc::io);
}

TEST(Journal, refuses_what_is_too_large_and_what_comes_after_close) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    options.record_bytes_max = 1000;
    const auto journal = open(options);
    EXPECT_EQ(put(*journal, message("big", 2000)).error().code, Errc::too_large);
    journal->close();
    EXPECT_EQ(put(*journal, message("late")).error().code, Errc::cancelled);
}

TEST(Journal, archives_whole_old_segments_only) {
    const ScratchFolder folder;
    const ScratchFolder archive;
    FakeClock clock(1'000'000);
    JournalOptions options;
    options.folder = folder.path();
    options.segment_bytes = 2048;
    options.clock = &clock;
    const auto journal = open(options);
    for (int i = 0; i < 30; ++i) {
        clock.advance(1'000'000);
        ASSERT_TRUE(put(*journal, message(std::to_string(i), 300)).has_value());
    }
    EXPECT_EQ(journal->prune(31, 0, archive.path()).value_or(99), 0U);           // none old enough
    EXPECT_EQ(journal->prune(1, clock.now(), archive.path()).value_or(99), 0U);  // none applied
    const auto gone = journal->prune(20, clock.now(), archive.path());
    ASSERT_TRUE(gone.has_value());
    EXPECT_GT(*gone, 2U);
    EXPECT_LE(journal->first_position(), 20U);
    EXPECT_EQ(ids(*journal, 20).size(), 11U);
    EXPECT_TRUE(std::filesystem::exists(archive.path() / "journal-00000000000000000001.seg"));
}

TEST(Journal, many_threads_share_syncs) {
    const ScratchFolder folder;
    TornFiles files;
    JournalOptions options;
    options.folder = folder.path();
    options.files = &files;
    const auto journal = open(options);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                EXPECT_TRUE(put(*journal, message("m")).has_value());
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(journal->last_position(), 400U);
    EXPECT_LT(files.syncs.load(), 400);
}

TEST(Journal, append_resumes_the_coroutine_on_its_own_executor) {
    const ScratchFolder folder;
    JournalOptions options;
    options.folder = folder.path();
    const auto journal = open(options);
    boost::asio::io_context context;
    Result<std::uint64_t> position;
    std::thread::id resumed_on;
    struct Task {
        static boost::asio::awaitable<void>
        run(Journal& to, Result<std::uint64_t>& out, std::thread::id& thread) {
            JournalRecord record = message("a");
            out = co_await to.append(std::move(record));
            thread = std::this_thread::get_id();
        }
    };
    boost::asio::co_spawn(
        context, Task::run(*journal, position, resumed_on), boost::asio::detached
    );
    context.run();
    EXPECT_EQ(position.value_or(0), 1U);
    EXPECT_EQ(resumed_on, std::this_thread::get_id());
}

TEST(Segment, a_torn_batch_is_cut_although_a_later_frame_of_it_is_whole) {
    const SegmentHeader header{1, 0, 42};
    std::string bytes = encode_header(header);
    append_frame(bytes, header, {1, 0, 10, "one"});
    const std::size_t second = bytes.size();
    append_frame(bytes, header, {2, 1, 20, "two"});
    append_frame(bytes, header, {3, 1, 30, "three"});
    bytes[second + frame_header_bytes] = 'X';

    const Scan torn = scan_segment(bytes, header, {});
    append_frame(bytes, header, {4, 3, 40, "four"});
    const Scan damaged = scan_segment(bytes, header, {});

    EXPECT_EQ(torn.end, Scan::End::torn);
    EXPECT_EQ(torn.offset, second);
    EXPECT_EQ(damaged.end, Scan::End::damaged);
}

}  // namespace
}  // namespace gatehouse::gateway
