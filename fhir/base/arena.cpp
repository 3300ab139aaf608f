// SPDX-License-Identifier: Apache-2.0
#include "fhir/base/arena.hpp"

#include <algorithm>

namespace gatehouse {

void* Arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
    // Doubling keeps the number of blocks logarithmic; the cap keeps one huge message from
    // reserving twice its need.
    constexpr std::size_t block_bytes_max = 4 * 1024 * 1024;
    std::size_t size =
        blocks_.empty() ? first_block_bytes : std::min(blocks_.back().size * 2, block_bytes_max);
    size = std::max(size, bytes + alignment);
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
    reserved_ += size;
    next_ = blocks_.back().bytes.get();
    end_ = next_ + size;
    return allocate(bytes, alignment);
}

void Arena::reset() noexcept {
    if (blocks_.empty()) {
        return;
    }
    blocks_.resize(1);
    reserved_ = blocks_.front().size;
    next_ = blocks_.front().bytes.get();
    end_ = next_ + blocks_.front().size;
}

}  // namespace gatehouse
