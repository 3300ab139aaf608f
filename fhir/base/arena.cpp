// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/arena.hpp"

#include <algorithm>
#include <iterator>

namespace gatehouse {

void* Arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
    // Doubling keeps the number of blocks logarithmic; the cap keeps one huge message from
    // reserving twice its need.
    constexpr std::size_t block_bytes_max = 4 * 1024 * 1024;
    // What a rewind left behind comes first; a block that is too small for this goes.
    while (next_ != nullptr && current_ + 1 < blocks_.size()) {
        const Block& behind = blocks_[current_ + 1];
        if (behind.size >= bytes + alignment) {
            ++current_;
            next_ = behind.bytes.get();
            end_ = next_ + behind.size;
            return allocate(bytes, alignment);
        }
        reserved_ -= behind.size;
        blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(current_ + 1));
    }
    std::size_t size =
        blocks_.empty() ? first_block_bytes : std::min(blocks_.back().size * 2, block_bytes_max);
    size = std::max(size, bytes + alignment);
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
    reserved_ += size;
    current_ = blocks_.size() - 1;
    next_ = blocks_.back().bytes.get();
    end_ = next_ + size;
    return allocate(bytes, alignment);
}

void Arena::adopt(Arena&& other) {
    adopted_.reserve(adopted_.size() + other.blocks_.size() + other.adopted_.size());
    std::ranges::move(other.blocks_, std::back_inserter(adopted_));
    std::ranges::move(other.adopted_, std::back_inserter(adopted_));
    reserved_ += other.reserved_;
    other = Arena();
}

std::size_t Arena::adopted_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const Block& block : adopted_) {
        bytes += block.size;
    }
    return bytes;
}

void Arena::reset() noexcept {
    adopted_.clear();
    if (blocks_.empty()) {
        reserved_ = 0;
        return;
    }
    blocks_.resize(1);
    current_ = 0;
    reserved_ = blocks_.front().size;
    next_ = blocks_.front().bytes.get();
    end_ = next_ + blocks_.front().size;
}

void Arena::rewind_to_start() noexcept {
    if (!blocks_.empty()) {
        current_ = 0;
        next_ = blocks_.front().bytes.get();
        end_ = next_ + blocks_.front().size;
    }
}

}  // namespace gatehouse
