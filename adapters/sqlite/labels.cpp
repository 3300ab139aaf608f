// SPDX-License-Identifier: Apache-2.0
//
// Labels in use: from one value to the next in the value index, so that the cost is that of the
// labels and not of the records that carry them.
#include <set>

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {
namespace {

using Coding = std::pair<std::string, std::string>;

class LabelReader {
public:
    LabelReader(Database& database, std::uint32_t limit, const SearchLimits& limits)
        : database_(database), limit_(limit), limits_(limits) {}

    Result<void> read(const std::string& type) {
        GH_TRY(codings(type + "._tag", tags_));
        GH_TRY(codings(type + "._security", security_));
        return profiles(type + "._profile");
    }

    gateway::StoredLabels take() {
        return {
            {tags_.begin(), tags_.end()},
            {security_.begin(), security_.end()},
            {profiles_.begin(), profiles_.end()}};
    }

private:
    // The parameter's id in `name`; 0: nothing is indexed by it.
    Result<std::int64_t> key(const std::string& text) {
        if (limits_.pending != nullptr && limits_.pending->lacks(text)) {
            return Fault(
                limits_.pending_is,
                "store.labels",
                "the index for " + text + " is being built; try again later"
            );
        }
        Query query(database_, "store.labels", "SELECT id FROM name WHERE text = ?");
        query.bind(text);
        GH_TRY_ASSIGN(const bool row, query.step());
        return row ? query.integer(0) : std::int64_t{0};
    }

    Result<void> bounded() const {
        if (tags_.size() + security_.size() + profiles_.size() > limit_) {
            return Fault(
                Errc::too_many,
                "store.labels",
                "more than " + std::to_string(limit_) +
                    " labels are in use; ask type by type, or a record for its own"
            );
        }
        return {};
    }

    Result<void> codings(const std::string& parameter, std::set<Coding>& out) {
        GH_TRY_ASSIGN(const std::int64_t param, key(parameter));
        std::string code;
        std::int64_t system = -1;
        for (bool more = param != 0; more;) {
            Query query(
                database_,
                "store.labels",
                "SELECT x.code, x.system, coalesce((SELECT text FROM name n WHERE n.id = "
                "x.system), "
                "'') FROM ix_token x WHERE x.param = ? AND (x.code, x.system) > (?, ?) ORDER BY "
                "x.code, x.system LIMIT 1"
            );
            const std::string after = code;
            query.bind(param).bind(after).bind(system);
            GH_TRY_ASSIGN(more, query.step());
            if (more) {
                code = query.text(0);
                system = query.integer(1);
                out.emplace(query.text(2), code);
                GH_TRY(bounded());
            }
        }
        return {};
    }

    // A canonical with a version is indexed without it too: that row alone is no label.
    Result<void> profiles(const std::string& parameter) {
        GH_TRY_ASSIGN(const std::int64_t param, key(parameter));
        std::string value;
        for (bool more = param != 0; more;) {
            {
                Query query(
                    database_,
                    "store.labels",
                    "SELECT value FROM ix_uri WHERE param = ? AND value > ? ORDER BY value LIMIT 1"
                );
                const std::string after = value;
                query.bind(param).bind(after);
                GH_TRY_ASSIGN(more, query.step());
                if (!more) {
                    break;
                }
                value = query.text(0);
            }
            Query alone(
                database_,
                "store.labels",
                "SELECT 1 FROM ix_uri x WHERE x.param = ? AND x.value = ? AND NOT EXISTS (SELECT 1 "
                "FROM ix_uri y WHERE y.rid = x.rid AND y.param = x.param AND y.value >= x.value || "
                "'|' AND y.value < x.value || '}') LIMIT 1"
            );
            alone.bind(param).bind(value);
            GH_TRY_ASSIGN(const bool used, alone.step());
            if (used) {
                profiles_.insert(value);
                GH_TRY(bounded());
            }
        }
        return {};
    }

    Database& database_;
    std::uint32_t limit_;
    const SearchLimits& limits_;
    std::set<Coding> tags_;
    std::set<Coding> security_;
    std::set<std::string> profiles_;
};

}  // namespace

Result<gateway::StoredLabels> read_labels(
    Database& database,
    const std::vector<std::string>& types,
    std::uint32_t limit,
    const SearchLimits& limits
) {
    Snapshot snapshot(database, limits.budget, limits.steps);
    GH_TRY(snapshot.begin());
    LabelReader reader(database, limit, limits);
    for (const std::string& type : types) {
        GH_TRY(reader.read(type));
    }
    return reader.take();
}

}  // namespace gatehouse::adapters::sqlite
