#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value or a Fault. A Fault says that *we* could not do something (I/O, time, space,
// rights); what is wrong with a sender's data is an Issue (fhir/outcome), and a broken invariant is
// GH_ASSERT. The names follow std::expected, which GCC 12 lacks, so it can take over one day.

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "fhir/base/assert.hpp"

namespace gatehouse {

// Why something could not be done. The gateway maps each code to one HTTP status (gateway/api).
enum class Errc {
    invalid,      // the caller's input cannot be used (bad option, bad file)
    not_found,    // it does not exist, or the caller may not know that it does
    gone,         // it existed and was deleted
    conflict,     // another writer was first, or the same key with other content
    precondition, // If-Match or a condition did not hold
    unauthorised, // no or bad credentials
    forbidden,    // known caller, not allowed
    too_large,    // over a configured limit
    too_many,     // over a rate or match limit
    unsupported,  // known to the standard, not offered here
    busy,         // a bounded queue is full; try again later
    timeout,      // a deadline passed
    cancelled,    // shut down or caller gone
    io,           // the operating system refused (disk, socket, file)
    no_space,     // the disk, or a configured watermark, is full
    corrupt,      // what was read back is not what was written
    internal,     // a bug that could be contained
};

// Stable text of a code, for logs and metrics ("not_found").
const char* to_string(Errc code) noexcept;

// `where` is a literal naming the operation; `detail` is words for people, built only from literals,
// numbers, file names and our own identifiers, never from a record's content.
struct Fault {
    Fault(Errc code_, const char* where_, std::string detail_ = {})
        : code(code_), where(where_), detail(std::move(detail_)) {}

    Errc code;
    const char* where;
    std::string detail;
};

// "where: detail (code)", for the command line and the log.
std::string describe(const Fault& fault);

template <class T>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Fault fault) : state_(std::in_place_index<1>, std::move(fault)) {}
    // Boost.Asio keeps a coroutine's result in a default-constructible slot.
    Result() : state_(std::in_place_index<1>, Errc::internal, "result never set") {}

    [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(value()); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    T& value() {
        GH_ASSERT(has_value());
        return *std::get_if<0>(&state_);
    }
    const T& value() const {
        GH_ASSERT(has_value());
        return *std::get_if<0>(&state_);
    }
    Fault& error() {
        GH_ASSERT(!has_value());
        return *std::get_if<1>(&state_);
    }
    const Fault& error() const {
        GH_ASSERT(!has_value());
        return *std::get_if<1>(&state_);
    }
    T value_or(T fallback) const& { return has_value() ? value() : std::move(fallback); }

private:
    std::variant<T, Fault> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;

    Result() = default;
    Result(Fault fault) : fault_(std::move(fault)) {}

    [[nodiscard]] bool has_value() const noexcept { return !fault_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    Fault& error() {
        GH_ASSERT(fault_.has_value());
        return *fault_;
    }
    const Fault& error() const {
        GH_ASSERT(fault_.has_value());
        return *fault_;
    }

private:
    std::optional<Fault> fault_;
};

}  // namespace gatehouse

// Returns the Fault of `expression` from the calling function, or goes on. GH_TRY(expression) drops
// the value; GH_TRY_ASSIGN(declaration, expression) moves it into a new variable. Both are several
// statements: on a line of their own, never under an unbraced `if`. The CO_ forms are for coroutines.
#define GH_CONCAT_2(a, b) a##b
#define GH_CONCAT(a, b) GH_CONCAT_2(a, b)
#define GH_TRY_IMPL(ret, temporary, expression) \
    auto temporary = (expression);              \
    if (!temporary) {                           \
        ret std::move(temporary.error());       \
    }
#define GH_TRY_ASSIGN_IMPL(ret, temporary, declaration, expression) \
    auto temporary = (expression);                                  \
    if (!temporary) {                                               \
        ret std::move(temporary.error());                           \
    }                                                               \
    declaration = std::move(*temporary)
#define GH_TRY(expression) GH_TRY_IMPL(return, GH_CONCAT(gh_try_, __LINE__), expression)
#define GH_CO_TRY(expression) GH_TRY_IMPL(co_return, GH_CONCAT(gh_try_, __LINE__), expression)
#define GH_TRY_ASSIGN(declaration, expression) \
    GH_TRY_ASSIGN_IMPL(return, GH_CONCAT(gh_try_, __LINE__), declaration, expression)
#define GH_CO_TRY_ASSIGN(declaration, expression) \
    GH_TRY_ASSIGN_IMPL(co_return, GH_CONCAT(gh_try_, __LINE__), declaration, expression)
