// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/snomed/snomed_index.hpp"

#include <algorithm>
#include <charconv>

namespace gatehouse::fhir::snomed {
namespace {

bool all_below(std::span<const std::uint32_t> items, std::size_t limit) {
    return std::all_of(items.begin(), items.end(), [limit](std::uint32_t item) {
        return item < limit;
    });
}

}  // namespace

Result<SnomedIndex> SnomedIndex::open(std::shared_ptr<const content::IndexFile> file) {
    SnomedIndex index;
    index.file_ = std::move(file);
    if (index.file_->kind() != content::IndexKind::snomed) {
        return index.file_->corrupt("is no SNOMED CT index");
    }
    GH_TRY(index.load());
    GH_TRY(index.check());
    return index;
}

Result<void> SnomedIndex::load() {
    const auto rows = [this]<class Row>(std::span<const Row>& out, SnomedSection id) {
        auto found = file_->rows<Row>(static_cast<std::uint32_t>(id));
        if (!found) {
            return Result<void>(std::move(found.error()));
        }
        out = *found;
        return Result<void>{};
    };
    const auto text = [this](std::string_view& out, SnomedSection id) {
        auto found = file_->text(static_cast<std::uint32_t>(id));
        if (!found) {
            return Result<void>(std::move(found.error()));
        }
        out = *found;
        return Result<void>{};
    };
    std::string_view info;
    GH_TRY(text(info, SnomedSection::info));
    GH_TRY(rows(concepts_, SnomedSection::concepts));
    GH_TRY(rows(sorted_ids_, SnomedSection::sorted_ids));
    GH_TRY(rows(parent_starts_, SnomedSection::parent_starts));
    GH_TRY(rows(parents_, SnomedSection::parents));
    GH_TRY(rows(child_starts_, SnomedSection::child_starts));
    GH_TRY(rows(children_, SnomedSection::children));
    GH_TRY(rows(interval_starts_, SnomedSection::interval_starts));
    GH_TRY(rows(intervals_, SnomedSection::intervals));
    GH_TRY(rows(attribute_starts_, SnomedSection::attribute_starts));
    GH_TRY(rows(attributes_, SnomedSection::attributes));
    GH_TRY(rows(value_starts_, SnomedSection::value_starts));
    GH_TRY(text(values_, SnomedSection::values));
    GH_TRY(rows(term_starts_, SnomedSection::term_starts));
    GH_TRY(rows(terms_, SnomedSection::terms));
    GH_TRY(text(term_text_, SnomedSection::term_text));
    GH_TRY(rows(displays_, SnomedSection::displays));
    GH_TRY(rows(refsets_, SnomedSection::refsets));
    GH_TRY(rows(members_, SnomedSection::members));
    GH_TRY(rows(associations_, SnomedSection::associations));
    GH_TRY(rows(modules_, SnomedSection::modules));
    GH_TRY(rows(languages_, SnomedSection::languages));
    GH_TRY(rows(language_refsets_, SnomedSection::language_refsets));
    version_ = content::info_value(info, "version");
    const std::string_view active = content::info_value(info, "active");
    const auto [end, error] =
        std::from_chars(active.data(), active.data() + active.size(), active_count_);
    if (error != std::errc() || end != active.data() + active.size() ||
        active_count_ > concepts_.size() || concepts_.size() >= no_number) {
        return file_->corrupt("its number of active concepts is wrong");
    }
    return {};
}

Result<void> SnomedIndex::check() const {
    GH_TRY(check_numbers());
    GH_TRY(check_terms());
    return check_refsets();
}

Result<void> SnomedIndex::check_numbers() const {
    const std::size_t n = concepts_.size();
    if (sorted_ids_.size() != n) {
        return file_->corrupt("its list of identifiers does not add up");
    }
    for (std::size_t i = 0; i < n; ++i) {
        const IdRow& row = sorted_ids_[i];
        if (row.number >= n || concepts_[row.number].id != row.id ||
            (i > 0 && sorted_ids_[i - 1].id >= row.id)) {
            return file_->corrupt("its list of identifiers is out of order");
        }
    }
    for (const ConceptRow& row : concepts_) {
        if (row.module >= modules_.size()) {
            return file_->corrupt("a concept has a module that is not listed");
        }
    }
    GH_TRY(file_->check_starts(parent_starts_, concepts_.size(), parents_.size(), "parents"));
    GH_TRY(file_->check_starts(child_starts_, concepts_.size(), children_.size(), "children"));
    GH_TRY(file_->check_starts(interval_starts_, concepts_.size(), intervals_.size(), "intervals"));
    GH_TRY(
        file_->check_starts(attribute_starts_, concepts_.size(), attributes_.size(), "attributes")
    );
    if (!all_below(parents_, n) || !all_below(children_, n)) {
        return file_->corrupt("a parent or child is no concept of it");
    }
    for (const IntervalRow& row : intervals_) {
        if (row.first > row.last || row.last >= n) {
            return file_->corrupt("an interval lies outside its concepts");
        }
    }
    if (value_starts_.empty() || value_starts_.front() != 0 ||
        value_starts_.back() != values_.size() ||
        !std::is_sorted(value_starts_.begin(), value_starts_.end())) {
        return file_->corrupt("its concrete values do not add up");
    }
    for (const AttributeRow& row : attributes_) {
        const bool coded = row.kind == static_cast<std::uint16_t>(AttributeKind::concept_value);
        if (row.type >= n || row.value >= (coded ? n : value_count())) {
            return file_->corrupt("an attribute points at nothing");
        }
    }
    return {};
}

Result<void> SnomedIndex::check_terms() const {
    GH_TRY(file_->check_starts(term_starts_, concepts_.size(), terms_.size(), "terms"));
    for (const TermRow& row : terms_) {
        if (row.offset > term_text_.size() || row.length > term_text_.size() - row.offset ||
            row.language >= languages_.size() || row.module >= modules_.size() ||
            row.type > static_cast<std::uint8_t>(TermType::other)) {
            return file_->corrupt("a term points outside the texts");
        }
    }
    for (const LanguageRow& row : languages_) {
        if (row.code[sizeof row.code - 1] != '\0') {
            return file_->corrupt("a language has no end");
        }
    }
    if (displays_.size() != concepts_.size() || language_refsets_.size() > language_refsets_max) {
        return file_->corrupt("its displays do not add up");
    }
    for (const std::uint32_t display : displays_) {
        if (display != no_number && display >= terms_.size()) {
            return file_->corrupt("a display is no term of it");
        }
    }
    return {};
}

Result<void> SnomedIndex::check_refsets() const {
    const std::size_t n = concepts_.size();
    for (std::size_t i = 0; i < refsets_.size(); ++i) {
        const RefsetRow& row = refsets_[i];
        if (row.refset >= n || row.start > members_.size() ||
            row.count > members_.size() - row.start ||
            (i > 0 && refsets_[i - 1].refset >= row.refset)) {
            return file_->corrupt("a reference set does not add up");
        }
    }
    if (!all_below(members_, n)) {
        return file_->corrupt("a member is no concept of it");
    }
    for (const AssociationRow& row : associations_) {
        if (row.refset >= n || row.target >= n || row.source >= n) {
            return file_->corrupt("an association points at nothing");
        }
    }
    return {};
}

std::optional<std::uint32_t> SnomedIndex::find(std::uint64_t id) const noexcept {
    const auto found = std::lower_bound(
        sorted_ids_.begin(),
        sorted_ids_.end(),
        id,
        [](const IdRow& row, std::uint64_t wanted) { return row.id < wanted; }
    );
    if (found == sorted_ids_.end() || found->id != id) {
        return std::nullopt;
    }
    return found->number;
}

bool SnomedIndex::is_a(std::uint32_t below, std::uint32_t above) const noexcept {
    if (below == above) {
        return true;
    }
    const auto rows = intervals(above);
    const auto next = std::upper_bound(
        rows.begin(),
        rows.end(),
        below,
        [](std::uint32_t number, const IntervalRow& row) { return number < row.first; }
    );
    return next != rows.begin() && std::prev(next)->last >= below;
}

bool SnomedIndex::is_refset(std::uint32_t number) const noexcept {
    const auto found = std::lower_bound(
        refsets_.begin(),
        refsets_.end(),
        number,
        [](const RefsetRow& row, std::uint32_t wanted) { return row.refset < wanted; }
    );
    return found != refsets_.end() && found->refset == number;
}

std::span<const std::uint32_t> SnomedIndex::members(std::uint32_t refset) const noexcept {
    const auto found = std::lower_bound(
        refsets_.begin(),
        refsets_.end(),
        refset,
        [](const RefsetRow& row, std::uint32_t wanted) { return row.refset < wanted; }
    );
    if (found == refsets_.end() || found->refset != refset) {
        return {};
    }
    return members_.subspan(found->start, found->count);
}

}  // namespace gatehouse::fhir::snomed
