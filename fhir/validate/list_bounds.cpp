// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/list_bounds.hpp"

namespace gatehouse::fhir::judge {

const Element* ListBounds::entry_of(const Element* at) const noexcept {
    const Element* entry = nullptr;
    for (; at != nullptr && at != batch_; at = at->parent) {
        entry = at;
    }
    return entry;
}

bool ListBounds::has_room(Severity severity, const Element* at) const {
    if (severity > Severity::error) {
        return !stopped_.lesser && errors_ + lesser_ < issues_max_;
    }
    return (!stopped_.errors && errors_ < issues_max_) ||
           (batch_ != nullptr && !stopped_.entries && told_.size() < entries_max &&
            !has_told(entry_of(at)));
}

bool ListBounds::is_pointless(Severity severity, const Element* at) const {
    if (severity > Severity::error) {
        return cut_.lesser;
    }
    return cut_.errors && !has_room(severity, at) &&
           (batch_ == nullptr || cut_.entries || has_told(entry_of(at)));
}

bool ListBounds::take(Severity severity, const Element* at) {
    const bool room = has_room(severity, at);
    if (severity > Severity::error) {
        lesser_ += room ? 1 : 0;
        cut_.lesser = cut_.lesser || !room;
        return room;
    }
    if (room) {
        ++errors_;
    } else {
        cut_.errors = true;
    }
    if (batch_ != nullptr) {
        const Element* entry = entry_of(at);
        if (room) {
            told_.insert(entry);
        } else if (!has_told(entry)) {
            cut_.entries = true;
        }
    }
    return room;
}

void ListBounds::note_cut(const Cut& cut) noexcept {
    cut_.lesser = cut_.lesser || cut.lesser;
    cut_.errors = cut_.errors || cut.errors;
    cut_.entries = cut_.entries || cut.entries;
}

}  // namespace gatehouse::fhir::judge
