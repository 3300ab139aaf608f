#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Log: JSON lines to stderr. No patient data can enter, by type: a Value is made of numbers,
// booleans, durations, literals of the source code, and the few kinds of text below that are
// checked for their form. There is no way in for a run-time string except hashed(), which cannot be
// read back.
//
//   log::info("message.accepted", log::with("id", log::ulid(envelope.id)), log::with("status",
//   201));
//
// Events are `noun.verb_past`. error: someone must act; warn: degraded; info: life cycle and one
// line a message. A call site writes at most 20 lines a second (message lines are exempt); what it
// held back is counted and said in its next line. Lines go through a bounded buffer to a writer
// thread: when it is full, lines are dropped and counted, never waited for.

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "fhir/base/result.hpp"

namespace gatehouse::gateway::log {

enum class Level : std::uint8_t { debug, info, warn, error, off };

// Text that was in the source code at compile time.
class Literal {
public:
    // NOLINTNEXTLINE(google-explicit-constructor): literals are meant to convert
    consteval Literal(const char* text) : text_(text) {}
    [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }

private:
    std::string_view text_;
};

// Run-time text that was checked: only the functions below make it.
class Safe {
public:
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    explicit Safe(std::string text) : text_(std::move(text)) {}
    std::string text_;

    friend Safe ulid(std::string_view);
    friend Safe name(std::string_view);
    friend Safe file(const std::filesystem::path&);
    friend Safe fault(const Fault&);
    friend Safe problem(std::string_view);
    friend Safe hashed(std::string_view);
};

// Our own message and decision ids; anything else is written as "?".
Safe ulid(std::string_view id);
// Ids of things we configure (partner, rule, policy layer, ODS code, package): letters, digits and
// ._-:#/ up to 64 characters and no run of more than six digits, else "?". A number of a person has
// more.
Safe name(std::string_view text);
// Files and folders of the installation and the data folder. Never a name a caller chose.
Safe file(const std::filesystem::path& path);
// Code, place and detail; details hold no record's content (fhir/base/result.hpp).
Safe fault(const Fault& fault);
// What a loader said about a configuration file.
Safe problem(std::string_view text);
// The one escape for anything else: 12 hex characters of a digest keyed afresh at every start.
Safe hashed(std::string_view text);

// Enumerations with a name table: `const char* to_string(E)` found by its argument.
template <class E>
concept Named = std::is_enum_v<E> && requires(E e) {
    { to_string(e) } -> std::same_as<const char*>;
};

class Value {
public:
    // NOLINTBEGIN(google-explicit-constructor)
    consteval Value(const char* literal) : kind_(Kind::text), text_(literal) {}
    Value(Literal literal) : kind_(Kind::text), text_(literal.text()) {}
    Value(const Safe& safe) : kind_(Kind::text), text_(safe.text()) {}
    template <std::integral T>
        requires(!std::same_as<T, bool> && !std::same_as<T, char>)
    constexpr Value(T number) : kind_(Kind::integer), integer_(static_cast<std::int64_t>(number)) {}
    template <std::same_as<bool> T>
    constexpr Value(T flag) : kind_(Kind::boolean), integer_(flag ? 1 : 0) {}
    template <std::floating_point T>
    constexpr Value(T number) : kind_(Kind::decimal), decimal_(static_cast<double>(number)) {}
    // Milliseconds with three decimals.
    template <class Rep, class Period>
    constexpr Value(std::chrono::duration<Rep, Period> time)
        : kind_(Kind::decimal), decimal_(std::chrono::duration<double, std::milli>(time).count()) {}
    template <Named E> Value(E value) : kind_(Kind::text), text_(to_string(value)) {}
    Value(const std::string&) = delete;
    Value(std::string_view) = delete;
    // NOLINTEND(google-explicit-constructor)

    void append_to(std::string& out) const;

private:
    enum class Kind : std::uint8_t { text, integer, boolean, decimal };
    Kind kind_;
    std::string_view text_;
    std::int64_t integer_ = 0;
    double decimal_ = 0;
};

// Lives only inside the log call's full expression.
struct Field {
    Literal name;
    Value value;
};
inline Field with(Literal name, Value value) {
    return Field{name, value};
}

// The event's name and the place that logs it.
struct Event {
    // NOLINTNEXTLINE(google-explicit-constructor)
    consteval Event(const char* text, std::source_location at = std::source_location::current())
        : name(text), line(at.line()), file(at.file_name()) {}
    std::string_view name;
    std::uint32_t line;
    const char* file;
};

bool enabled(Level level) noexcept;
void write(Level level, const Event& event, std::span<const Field> fields, bool limited);

template <class... Fields> void debug(Event event, const Fields&... fields) {
    if (enabled(Level::debug)) {
        const std::array<Field, sizeof...(fields)> all{fields...};
        write(Level::debug, event, all, true);
    }
}
template <class... Fields> void info(Event event, const Fields&... fields) {
    if (enabled(Level::info)) {
        const std::array<Field, sizeof...(fields)> all{fields...};
        write(Level::info, event, all, true);
    }
}
// The one line of a message: not limited per call site.
template <class... Fields> void message(Event event, const Fields&... fields) {
    if (enabled(Level::info)) {
        const std::array<Field, sizeof...(fields)> all{fields...};
        write(Level::info, event, all, false);
    }
}
template <class... Fields> void warn(Event event, const Fields&... fields) {
    if (enabled(Level::warn)) {
        const std::array<Field, sizeof...(fields)> all{fields...};
        write(Level::warn, event, all, true);
    }
}
template <class... Fields> void error(Event event, const Fields&... fields) {
    if (enabled(Level::error)) {
        const std::array<Field, sizeof...(fields)> all{fields...};
        write(Level::error, event, all, true);
    }
}

// Level and buffer. Until start() is called lines are written where they are made.
void set_level(Level level) noexcept;
bool parse_level(std::string_view text, Level& out) noexcept;
void start();
// Writes what is buffered and stops the writer; safe to call twice.
void stop();
// Lines lost to a full buffer or held back at their call site since the process began.
std::uint64_t dropped() noexcept;
// Tests: lines go to `sink` (null: stderr again).
void set_sink(void (*sink)(std::string_view line, void* user), void* user) noexcept;

}  // namespace gatehouse::gateway::log
