#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Repeatable chance: the same seed makes the same corpus and the same queries with any library.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace gatehouse::search_reference {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }
    bool percent(unsigned share) { return below(100) < share; }
    template <class List> const auto& pick(const List& list) { return list[below(list.size())]; }
    std::string pick(std::initializer_list<std::string_view> list) {
        return std::string(list.begin()[below(list.size())]);
    }

private:
    std::uint64_t state_;
};

}  // namespace gatehouse::search_reference
