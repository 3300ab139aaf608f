#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// How long a group commit waits for company. A sync costs as much for one record as for twenty, so
// under load the first of a batch is worth holding for a moment; a caller who comes alone waits for
// nobody. What came together lately tells the two apart: no clock, no configuration.

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace gatehouse::gateway {

class Company {
public:
    // The longest that a record is held: about the time of a sync.
    static constexpr std::chrono::microseconds wait_max{250};

    // So many may be expected to come together; 1: do not wait.
    [[nodiscard]] std::size_t expected() const noexcept { return expected_; }
    // `together`: the records of the last commit and those that came while it was under way. An
    // expectation that is no longer met is given up in a few commits.
    void came(std::size_t together) noexcept {
        const std::size_t less = expected_ - std::max<std::size_t>(1, expected_ / 4);
        expected_ = std::max({std::min(together, expected_max), less, std::size_t{1}});
    }

private:
    // Beyond that a sync is cheap for each, and the first have waited long enough.
    static constexpr std::size_t expected_max = 64;
    std::size_t expected_ = 1;
};

}  // namespace gatehouse::gateway
