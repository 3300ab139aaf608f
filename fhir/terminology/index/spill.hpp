#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// SpillSorter: sorts any number of plain rows within a bound of memory. Rows that exceed it go to
// sorted runs in unnamed files beside the output and are merged on the way out. Releases of
// millions of rows compile on small machines so.

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "fhir/base/result.hpp"

namespace gatehouse::fhir::content {

// A file that has no name any more: gone with its last handle, also after a crash.
struct SpillFile {
    std::FILE* file = nullptr;

    SpillFile() = default;
    SpillFile(SpillFile&& other) noexcept : file(std::exchange(other.file, nullptr)) {}
    SpillFile& operator=(SpillFile&& other) noexcept {
        std::swap(file, other.file);
        return *this;
    }
    ~SpillFile() {
        if (file != nullptr) {
            std::fclose(file);
        }
    }
    // In `folder`. Errc::io.
    static Result<SpillFile> create(const std::filesystem::path& folder);
};

// A fault for a spill file that cannot be written or read back.
Fault spill_fault(const char* what);

template <class Row, class Less> class SpillSorter {
    static_assert(std::is_trivially_copyable_v<Row>);

public:
    SpillSorter(std::filesystem::path folder, std::size_t memory_bytes, Less less = {})
        : folder_(std::move(folder)),
          rows_max_(std::max<std::size_t>(memory_bytes / sizeof(Row), 1024)), less_(less) {}

    Result<void> add(const Row& row) {
        if (rows_.size() >= rows_max_) {
            GH_TRY(spill());
        }
        rows_.push_back(row);
        ++count_;
        return {};
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    // Calls visit(row), a Result<void>, for every row in order, once; the rows are gone afterwards.
    template <class Visit> Result<void> drain(Visit&& visit) {
        std::stable_sort(rows_.begin(), rows_.end(), less_);
        if (runs_.empty()) {
            for (const Row& row : rows_) {
                GH_TRY(visit(row));
            }
            rows_ = {};
            return {};
        }
        GH_TRY(spill());
        rows_ = {};
        return merge(visit);
    }

private:
    struct Run {
        SpillFile file;
        std::vector<Row> block;
        std::size_t at = 0;
        std::uint64_t left = 0;
    };

    Result<void> spill() {
        if (rows_.empty()) {
            return {};
        }
        std::stable_sort(rows_.begin(), rows_.end(), less_);
        Run run;
        GH_TRY_ASSIGN(run.file, SpillFile::create(folder_));
        if (std::fwrite(rows_.data(), sizeof(Row), rows_.size(), run.file.file) != rows_.size() ||
            std::fflush(run.file.file) != 0 || std::fseek(run.file.file, 0, SEEK_SET) != 0) {
            return spill_fault("written");
        }
        run.left = rows_.size();
        runs_.push_back(std::move(run));
        rows_.clear();
        return {};
    }
    Result<bool> refill(Run& run) {
        if (run.at < run.block.size()) {
            return true;
        }
        const std::size_t share = std::max<std::size_t>(rows_max_ / runs_.size(), 256);
        run.block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(share, run.left)));
        run.at = 0;
        run.left -= run.block.size();
        if (!run.block.empty() &&
            std::fread(run.block.data(), sizeof(Row), run.block.size(), run.file.file) !=
                run.block.size()) {
            return spill_fault("read back");
        }
        return !run.block.empty();
    }
    template <class Visit> Result<void> merge(Visit& visit) {
        // The smallest head on top; equal heads in the order of the runs, so the sort is stable.
        const auto later = [this](std::size_t a, std::size_t b) {
            const Row& x = runs_[a].block[runs_[a].at];
            const Row& y = runs_[b].block[runs_[b].at];
            return less_(y, x) || (!less_(x, y) && b < a);
        };
        std::vector<std::size_t> heap;
        for (std::size_t i = 0; i < runs_.size(); ++i) {
            GH_TRY_ASSIGN(const bool more, refill(runs_[i]));
            if (more) {
                heap.push_back(i);
            }
        }
        std::make_heap(heap.begin(), heap.end(), later);
        while (!heap.empty()) {
            std::pop_heap(heap.begin(), heap.end(), later);
            Run& run = runs_[heap.back()];
            GH_TRY(visit(run.block[run.at]));
            ++run.at;
            GH_TRY_ASSIGN(const bool more, refill(run));
            if (!more) {
                heap.pop_back();
                continue;
            }
            std::push_heap(heap.begin(), heap.end(), later);
        }
        runs_.clear();
        return {};
    }

    std::filesystem::path folder_;
    std::size_t rows_max_;
    Less less_;
    std::vector<Row> rows_;
    std::vector<Run> runs_;
    std::uint64_t count_ = 0;
};

}  // namespace gatehouse::fhir::content
