// SPDX-License-Identifier: Apache-2.0
#include "fhir/packages/block.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gatehouse::fhir::packages {

Block::~Block() {
    if (mapped_ != nullptr) {
        ::munmap(mapped_, size_);
    }
}

bool Block::map(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    struct stat status {};
    if (::fstat(descriptor, &status) == 0 && status.st_size > 0) {
        size_ = static_cast<std::size_t>(status.st_size);
        void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
        mapped_ = address == MAP_FAILED ? nullptr : address;
    }
    ::close(descriptor);
    return mapped_ != nullptr;
}

void Block::release_pages() const {
    if (mapped_ != nullptr) {
        ::madvise(mapped_, size_, MADV_DONTNEED);
    }
}

std::string_view Block::view() const {
    return mapped_ != nullptr ? std::string_view(static_cast<const char*>(mapped_), size_)
                              : std::string_view(bytes_);
}

}  // namespace gatehouse::fhir::packages
