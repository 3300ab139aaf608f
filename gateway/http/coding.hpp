#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Content codings gzip and deflate (RFC 9110 §8.4.1), both ways.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gatehouse::gateway {

// Undoes gzip or zlib piece by piece, never producing more than a limit.
class Inflater {
public:
    enum class State : std::uint8_t { more, done, too_large, corrupt };

    Inflater();
    ~Inflater();
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    // Appends what `bytes` decode to. After done, further bytes are corrupt (one member, no tail).
    State add(std::string_view bytes, std::uint64_t out_bytes_max, std::string& out);
    [[nodiscard]] State state() const noexcept { return state_; }

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    State state_ = State::more;
};

// gzip, fast rather than small. Empty on failure.
std::string gzip(std::string_view bytes);

// True if an Accept-Encoding value allows gzip (RFC 9110 §12.5.3: q=0 forbids).
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace gatehouse::gateway
