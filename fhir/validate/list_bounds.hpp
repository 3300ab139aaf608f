#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// How many findings a list takes: a hostile message must not cost memory without end, and yet
// nothing that decides a verdict may be lost. Errors have room of their own, so lesser findings
// before them never hide one; and the entries of a batch, which stand for themselves, each have
// their first error listed, whatever the entries before them needed.

#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "fhir/model/element.hpp"
#include "fhir/outcome/issue.hpp"

namespace gatehouse::fhir::judge {

class ListBounds {
public:
    // Entries of one batch that may have errors. Beyond them the batch is judged as one.
    static constexpr std::size_t entries_max = 10'000;

    // What was left out.
    struct Cut {
        bool lesser = false;
        bool errors = false;
        bool entries = false;  // of a batch: not even an entry's first error is listed
    };

    // `batch`: the root, if its entries stand for themselves; else null.
    explicit ListBounds(std::uint32_t issues_max, const Element* batch = nullptr)
        : issues_max_(issues_max), batch_(batch) {}
    [[nodiscard]] bool is_of_batch() const noexcept { return batch_ != nullptr; }

    // Counts the finding, or notes that it was left out and returns false.
    bool take(Severity severity, const Element* at);
    // take() would return false and note nothing new: the finding need not be put into words.
    [[nodiscard]] bool is_pointless(Severity severity, const Element* at) const;
    // So many lesser findings were taken out of the list again.
    void gave_back(std::size_t lesser) noexcept { lesser_ -= lesser; }

    // Nothing of these kinds is taken from here on.
    void stop(const Cut& kinds) noexcept { stopped_ = kinds; }
    [[nodiscard]] bool has_told(const Element* entry) const { return told_.contains(entry); }
    void note_cut(const Cut& cut) noexcept;
    [[nodiscard]] const Cut& cut() const noexcept { return cut_; }
    // As before the first finding.
    void reset() { *this = ListBounds(issues_max_, batch_); }

private:
    [[nodiscard]] bool has_room(Severity severity, const Element* at) const;
    // The root's child that the element lies in; null for the root itself.
    [[nodiscard]] const Element* entry_of(const Element* at) const noexcept;

    std::uint32_t issues_max_;
    const Element* batch_;
    std::size_t errors_ = 0;
    std::size_t lesser_ = 0;
    std::unordered_set<const Element*> told_;  // a batch's entries with an error in the list
    Cut cut_;
    Cut stopped_;
};

}  // namespace gatehouse::fhir::judge
