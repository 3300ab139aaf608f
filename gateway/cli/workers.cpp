// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/workers.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

namespace gatehouse::cli {
namespace {

// Answers waiting for a slower one before them.
constexpr std::size_t ahead_max = 1024;

long long now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch()
    )
        .count();
}

struct Board {
    std::mutex mutex;
    std::condition_variable ready;  // the next answer is there
    std::condition_variable room;   // emission moved on
    std::vector<std::string> answers;
    std::vector<char> done;
    std::size_t next_work = 0;
    std::size_t next_emit = 0;
};

void work_on(
    Board& board, std::size_t count, const std::function<std::string(std::size_t, Arena&)>& work
) {
    Arena arena;
    for (;;) {
        std::size_t index = 0;
        {
            std::unique_lock lock(board.mutex);
            board.room.wait(lock, [&] {
                return board.next_work >= count || board.next_work < board.next_emit + ahead_max;
            });
            if (board.next_work >= count) {
                return;
            }
            index = board.next_work++;
        }
        arena.reset();
        std::string answer = work(index, arena);
        const std::lock_guard lock(board.mutex);
        board.answers[index % ahead_max] = std::move(answer);
        board.done[index % ahead_max] = 1;
        if (index == board.next_emit) {
            board.ready.notify_one();
        }
    }
}

}  // namespace

void in_order(
    std::size_t count,
    unsigned jobs,
    const std::function<std::string(std::size_t, Arena&)>& work,
    const std::function<void(std::size_t, const std::string&)>& emit
) {
    if (jobs <= 1 || count <= 1) {
        Arena arena;
        for (std::size_t index = 0; index < count; ++index) {
            arena.reset();
            emit(index, work(index, arena));
        }
        return;
    }
    Board board;
    board.answers.resize(ahead_max);
    board.done.assign(ahead_max, 0);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min<std::size_t>(jobs, count); ++i) {
        threads.emplace_back([&board, count, &work] { work_on(board, count, work); });
    }
    for (std::size_t index = 0; index < count; ++index) {
        std::string answer;
        {
            std::unique_lock lock(board.mutex);
            board.ready.wait(lock, [&] { return board.done[index % ahead_max] != 0; });
            answer = std::move(board.answers[index % ahead_max]);
            board.done[index % ahead_max] = 0;
            board.next_emit = index + 1;
            board.room.notify_all();
        }
        emit(index, answer);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

unsigned default_jobs() {
    return std::clamp(std::thread::hardware_concurrency(), 1U, 64U);
}

Progress::Progress(std::size_t total)
    : total_(total), started_ms_(now_ms()), drawn_ms_(started_ms_),
      shown_(isatty(STDERR_FILENO) == 1 && total > 1), shared_(isatty(STDOUT_FILENO) == 1) {}

Progress::~Progress() {
    clear();
}

void Progress::step(bool finding) {
    ++done_;
    findings_ += finding ? 1 : 0;
    if (shown_ && now_ms() - drawn_ms_ >= 100) {
        draw();
    }
}

void Progress::make_room() {
    if (shared_) {
        clear();
    }
}

void Progress::clear() {
    if (visible_) {
        std::fputs("\r\x1b[K", stderr);
        visible_ = false;
    }
}

void Progress::draw() {
    constexpr std::size_t width = 30;
    drawn_ms_ = now_ms();
    const std::size_t filled = total_ == 0 ? width : done_ * width / total_;
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    const long long elapsed = std::max(1LL, drawn_ms_ - started_ms_);
    std::fprintf(
        stderr,
        "\r[%s] %zu/%zu  %zu with findings  %lld/s\x1b[K",
        bar.c_str(),
        done_,
        total_,
        findings_,
        static_cast<long long>(done_) * 1000 / elapsed
    );
    std::fflush(stderr);
    visible_ = true;
}

}  // namespace gatehouse::cli
