#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A block of facts where it lives: a mapped file, or bytes in memory.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace gatehouse::fhir::packages {

class Block {
public:
    Block() = default;
    explicit Block(std::string bytes) : bytes_(std::move(bytes)) {}
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block();

    // False if there is no such file or it cannot be mapped.
    bool map(const std::filesystem::path& file);
    // Pages that a check touched need not stay; those in use come back by themselves.
    void release_pages() const;
    [[nodiscard]] std::string_view view() const;

private:
    std::string bytes_;
    void* mapped_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace gatehouse::fhir::packages
