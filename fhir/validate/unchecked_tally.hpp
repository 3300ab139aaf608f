#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// What one of several walkers of a message met that could not be checked: code systems with their
// number of codes, and value sets. Each is kept once, with the job it was met in first, so that the
// lists of all walkers can be put in the order in which one walk would have met them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir::judge {

class UncheckedTally {
public:
    struct Met {
        std::size_t job = 0;
        const ValueSetIndex* set = nullptr;  // null: the code system itself
        std::string_view system;             // of the code; empty for `code` elements
        std::uint32_t codes = 0;
    };

    // What is added from here on was met in that job. Jobs come in rising order.
    void begin(std::size_t job) noexcept { job_ = job; }
    void add(const ValueSetIndex* set, std::string_view system, std::uint32_t codes) noexcept {
        for (std::size_t i = 0; i < count_; ++i) {
            if (list_[i].set == set && list_[i].system == system) {
                list_[i].codes += codes;
                return;
            }
        }
        if (count_ == list_.size()) {
            left_out_ = true;
            return;
        }
        list_[count_++] = {job_, set, system, codes};
    }
    // There were more than the list takes.
    [[nodiscard]] bool left_out() const noexcept { return left_out_; }
    [[nodiscard]] std::span<const Met> list() const noexcept { return {list_.data(), count_}; }

private:
    std::array<Met, 64> list_;
    std::size_t count_ = 0;
    std::size_t job_ = 0;
    bool left_out_ = false;
};

}  // namespace gatehouse::fhir::judge
