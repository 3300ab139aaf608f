// SPDX-License-Identifier: Apache-2.0
#include "gateway/base/log.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include <unistd.h>

#include "gateway/base/clock.hpp"
#include "gateway/base/ids.hpp"

namespace gatehouse::gateway::log {

namespace {

// 4 MiB hold about 20,000 lines: a second of full traffic while stderr is stuck.
constexpr std::size_t buffer_bytes_max = 4U << 20U;
// Long enough for many lines, short enough for somebody who watches.
constexpr std::chrono::milliseconds gather_time{10};
constexpr std::uint32_t lines_per_second_max = 20;

// Line counts of one call site in one second. The table is open: two sites that share a slot share
// the allowance, which costs a line now and then and never a lock.
struct Site {
    std::atomic<std::uint64_t> second_and_count{0};
    std::atomic<std::uint32_t> held_back{0};
};

struct Writer {
    std::atomic<Level> level{Level::info};
    std::atomic<std::uint64_t> dropped{0};
    std::array<Site, 1024> sites;

    std::mutex mutex;
    std::condition_variable wake;
    std::string buffer;  // whole lines
    bool running = false;
    bool stopping = false;
    std::thread thread;
    void (*sink)(std::string_view, void*) = nullptr;
    void* user = nullptr;

    void run();
    static void put(std::string_view bytes);
};

// The one process-wide object of the gateway: a log must work before and after everything else.
Writer& writer() {
    static Writer instance;
    return instance;
}

void Writer::put(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(STDERR_FILENO, bytes.data(), bytes.size());
        if (wrote <= 0) {
            return;  // a closed or full terminal must not stop the gateway
        }
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

void Writer::run() {
    std::string batch;
    std::unique_lock lock(mutex);
    while (true) {
        wake.wait(lock, [this] { return stopping || !buffer.empty(); });
        if (buffer.empty()) {
            return;
        }
        // Lines come in company: one write for what gathers, instead of a wake-up for each.
        wake.wait_for(lock, gather_time, [this] {
            return stopping || buffer.size() > buffer_bytes_max / 4;
        });
        batch.swap(buffer);
        lock.unlock();
        put(batch);
        batch.clear();
        lock.lock();
    }
}

void append_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20) {
            out += "\\u00";
            out += hex[byte >> 4U];
            out += hex[byte & 15U];
        } else {
            out += c;
        }
    }
    out += '"';
}

// True if the site may write; `held` is what it could not write before.
bool pass(const Event& event, Micros now, std::uint32_t& held) {
    const auto place =
        (reinterpret_cast<std::uintptr_t>(event.file) >> 3U) * 31U + event.line * 2654435761U;
    Site& site = writer().sites[place % writer().sites.size()];
    const auto second = static_cast<std::uint64_t>(now / 1'000'000) << 16U;
    std::uint64_t seen = site.second_and_count.load(std::memory_order_relaxed);
    while (true) {
        const std::uint64_t count = (seen & ~0xFFFFULL) == second ? (seen & 0xFFFFU) : 0;
        if (count >= lines_per_second_max) {
            site.held_back.fetch_add(1, std::memory_order_relaxed);
            writer().dropped.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
        if (site.second_and_count.compare_exchange_weak(seen, second | (count + 1))) {
            held = site.held_back.exchange(0, std::memory_order_relaxed);
            return true;
        }
    }
}

constexpr std::array<std::string_view, 5> level_names = {"debug", "info", "warn", "error", "off"};

bool name_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-:#/").find(c) != std::string_view::npos;
}

}  // namespace

void Value::append_to(std::string& out) const {
    switch (kind_) {
    case Kind::text: append_escaped(out, text_); break;
    case Kind::integer: out += std::to_string(integer_); break;
    case Kind::boolean: out += integer_ != 0 ? "true" : "false"; break;
    case Kind::decimal: {
        std::array<char, 64> text{};
        const int size = std::isfinite(decimal_)
                             ? std::snprintf(text.data(), text.size(), "%.3f", decimal_)
                             : std::snprintf(text.data(), text.size(), "null");
        out.append(text.data(), static_cast<std::size_t>(size));
        break;
    }
    }
}

bool enabled(Level level) noexcept {
    return level >= writer().level.load(std::memory_order_relaxed);
}

void write(Level level, const Event& event, std::span<const Field> fields, bool limited) {
    Writer& to = writer();
    const Micros now = SystemClock().now();
    std::uint32_t held = 0;
    if (limited && !pass(event, now, held)) {
        return;
    }
    std::string line;
    line.reserve(256);
    line += "{\"ts\":\"";
    line += to_instant(now);
    line += "\",\"level\":\"";
    line += level_names[static_cast<std::size_t>(level)];
    line += "\",\"event\":";
    append_escaped(line, event.name);
    for (const Field& field : fields) {
        line += ',';
        append_escaped(line, field.name.text());
        line += ':';
        field.value.append_to(line);
    }
    if (held > 0) {
        line += ",\"held_back\":" + std::to_string(held);
    }
    line += "}\n";

    const std::lock_guard lock(to.mutex);
    if (to.sink != nullptr) {
        to.sink(line, to.user);
    } else if (!to.running) {
        Writer::put(line);
    } else if (to.buffer.size() + line.size() > buffer_bytes_max) {
        to.dropped.fetch_add(1, std::memory_order_relaxed);
    } else {
        const bool was_empty = to.buffer.empty();
        to.buffer += line;
        if (was_empty || to.buffer.size() > buffer_bytes_max / 4) {
            to.wake.notify_one();
        }
    }
}

void set_level(Level level) noexcept {
    writer().level.store(level);
}

bool parse_level(std::string_view text, Level& out) noexcept {
    for (std::size_t i = 0; i < level_names.size(); ++i) {
        if (level_names[i] == text) {
            out = static_cast<Level>(i);
            return true;
        }
    }
    return false;
}

void start() {
    Writer& to = writer();
    const std::lock_guard lock(to.mutex);
    if (!to.running) {
        to.running = true;
        to.stopping = false;
        to.thread = std::thread([&to] { to.run(); });
    }
}

void stop() {
    Writer& to = writer();
    {
        const std::lock_guard lock(to.mutex);
        if (!to.running) {
            return;
        }
        to.stopping = true;
        to.wake.notify_one();
    }
    to.thread.join();
    const std::lock_guard lock(to.mutex);
    to.running = false;
}

std::uint64_t dropped() noexcept {
    return writer().dropped.load(std::memory_order_relaxed);
}

void set_sink(void (*sink)(std::string_view line, void* user), void* user) noexcept {
    const std::lock_guard lock(writer().mutex);
    writer().sink = sink;
    writer().user = user;
}

Safe ulid(std::string_view id) {
    return Safe(is_ulid(id) ? std::string(id) : std::string("?"));
}

Safe name(std::string_view text) {
    std::size_t run = 0;
    for (const char c : text) {
        run = c >= '0' && c <= '9' ? run + 1 : 0;
        if (!name_character(c) || run > 6) {
            return Safe("?");
        }
    }
    return Safe(text.size() <= 64 ? std::string(text) : std::string("?"));
}

Safe file(const std::filesystem::path& path) {
    return Safe(path.string());
}
Safe fault(const Fault& fault) {
    return Safe(describe(fault));
}
Safe problem(std::string_view text) {
    return Safe(std::string(text));
}

Safe hashed(std::string_view text) {
    static const std::string key = random_hex(32);
    return Safe(sha256_hex(key + std::string(text)).substr(0, 12));
}

}  // namespace gatehouse::gateway::log
