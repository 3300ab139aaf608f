#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Clock: the one way to ask for wall time, so that tests own it. Instants are microseconds since
// 1970 UTC.

#include <atomic>
#include <cstdint>
#include <string>

namespace gatehouse::gateway {

using Micros = std::int64_t;

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Micros now() const = 0;
};

class SystemClock final : public Clock {
public:
    [[nodiscard]] Micros now() const override;
};

class FakeClock final : public Clock {
public:
    explicit FakeClock(Micros start) : now_(start) {}
    [[nodiscard]] Micros now() const override { return now_.load(); }
    void advance(Micros by) { now_.fetch_add(by); }

private:
    std::atomic<Micros> now_;
};

// "2026-11-22T21:00:00.123Z": FHIR instant, UTC, milliseconds.
std::string to_instant(Micros at);
// HTTP date of RFC 9110 §5.6.7.
std::string to_http_date(Micros at);

}  // namespace gatehouse::gateway
