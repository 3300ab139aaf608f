#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The one way out. Every resource that leaves in an answer (read, version read, search, include,
// history, $everything, transaction answer, write echo) passes Exit::disclose() once, which records
// it for the audit and is where consent, sensitivity and minimum views will drop, redact and mark.
// No door sends a stored resource without it.
//
// What is dropped must not be counted or inferred either. So doors ask three things beforehand, and
// need no change when the decisions here grow:
//   sees(type)     what may be shown of a type at all, known without looking at records: types that
//                  are not seen are left out of the query itself, and a search that reaches through
//                  them (chain, _has, include) is refused or left alone, so totals and pages are
//                  right by construction;
//   decides(type)  whether a single record of a type that is seen may be dropped: then no total is
//                  counted by the store, pages are filled up behind this decision
//                  (search_pages.hpp), and no search reaches through the type;
//   admits()       the decision alone, for what is looked at but does not leave.

#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/api.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

// What a caller may be shown of types, known without a record: for planning a query or a write.
class Sight {
public:
    // `viewer` must outlive it.
    explicit Sight(const Viewer& viewer) : viewer_(viewer) {}

    [[nodiscard]] bool sees(std::string_view type) const;
    [[nodiscard]] bool decides(std::string_view type) const;
    // The types that are seen, where not all are; else empty.
    [[nodiscard]] const std::vector<std::string>& only() const noexcept { return viewer_.types; }

private:
    const Viewer& viewer_;
};

class Exit : public Sight {
public:
    // All must outlive it. `base`: our public base URL.
    Exit(
        const Viewer& viewer,
        const std::string& base,
        StoreReader& store,
        std::vector<std::string>& disclosed
    )
        : Sight(viewer), base_(base), store_(store), disclosed_(disclosed) {}
    Exit(Envelope& envelope, const ApiContext& context, StoreReader& store)
        : Exit(envelope.viewer, context.base, store, envelope.disclosed) {}

    // False: to the caller this resource does not exist.
    [[nodiscard]] bool admits(const StoredVersion& version) const;
    // False as admits(). Otherwise `version` is what may leave, and the audit will name it
    // ("Patient/1/_history/2").
    bool disclose(StoredVersion& version);

private:
    [[nodiscard]] bool admits(const StoredVersion& version, unsigned depth) const;
    [[nodiscard]] bool admits_binary(const StoredVersion& binary, unsigned depth) const;

    const std::string& base_;
    StoreReader& store_;
    std::vector<std::string>& disclosed_;
};

// "Patient/1/_history/2".
std::string version_path(std::string_view type, std::string_view id, std::uint64_t version);

}  // namespace gatehouse::gateway
