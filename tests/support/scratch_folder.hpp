#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// A fresh folder that goes with the test.

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "fhir/base/assert.hpp"

namespace gatehouse::tests {

class ScratchFolder {
public:
    ScratchFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "gatehouse-XXXXXX").string();
        GH_ASSERT(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace gatehouse::tests
