// SPDX-License-Identifier: Apache-2.0
//
// One step along references: index probes alone, a handful for each source and rule, until the
// limit is reached.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "adapters/sqlite/reads.hpp"

namespace gatehouse::adapters::sqlite {
namespace {

using gateway::LinkPage;
using gateway::LinkQuery;
using gateway::LinkRule;

class LinkReader {
public:
    LinkReader(Database& database, const LinkQuery& query) : database_(database), query_(query) {}

    Result<LinkPage> read() {
        for (const LinkRule& rule : query_.rules) {
            GH_TRY_ASSIGN(const std::vector<Parameter> parameters, parameters_of(rule));
            for (const auto& [type, id] : query_.from) {
                const bool fits =
                    rule.reverse ? rule.target.empty() || rule.target == type
                                 : rule.holders.empty() ||
                                       std::find(rule.holders.begin(), rule.holders.end(), type) !=
                                           rule.holders.end();
                if (!fits) {
                    continue;
                }
                GH_TRY_ASSIGN(const std::int64_t rid, rid_of(type, id));
                if (rid != 0) {
                    GH_TRY(follow(rule, parameters, type, rid));
                }
                if (page_.more) {
                    return std::move(page_);
                }
            }
        }
        return std::move(page_);
    }

private:
    struct Parameter {
        std::string holder;
        std::int64_t name = 0;
    };

    // The id of a word in `name`; 0: it was never written, so nothing is indexed by it.
    Result<std::int64_t> name_id(std::string_view text) {
        if (const auto known = names_.find(std::string(text)); known != names_.end()) {
            return known->second;
        }
        Query query(database_, "store.linked", "SELECT id FROM name WHERE text = ?");
        query.bind(text);
        GH_TRY_ASSIGN(const bool row, query.step());
        const std::int64_t id = row ? query.integer(0) : 0;
        names_.emplace(text, id);
        return id;
    }

    Result<std::vector<Parameter>> parameters_of(const LinkRule& rule) {
        std::vector<Parameter> out;
        if (rule.reverse && rule.codes.empty()) {
            // Every parameter there is, from one to the next in the index.
            Query query(
                database_,
                "store.linked",
                "WITH RECURSIVE p(id) AS (SELECT min(param) FROM ix_reference UNION ALL SELECT "
                "(SELECT min(param) FROM ix_reference WHERE param > p.id) FROM p WHERE p.id IS NOT "
                "NULL) SELECT id FROM p WHERE id IS NOT NULL"
            );
            GH_TRY_ASSIGN(bool row, query.step());
            while (row) {
                out.push_back({{}, query.integer(0)});
                GH_TRY_ASSIGN(row, query.step());
            }
            return out;
        }
        for (const std::string& holder : rule.holders) {
            for (const std::string& code : rule.codes) {
                GH_TRY_ASSIGN(
                    const std::int64_t name,
                    name_id(gateway::parameter_key(holder, code, fhir::EntryKind::value))
                );
                if (name != 0) {
                    out.push_back({holder, name});
                }
            }
        }
        return out;
    }

    Result<std::int64_t> rid_of(std::string_view type, std::string_view id) {
        GH_TRY_ASSIGN(const std::int64_t type_id, name_id(type));
        Query query(
            database_, "store.linked", "SELECT rid FROM resource WHERE type = ? AND id = ?"
        );
        query.bind(type_id).bind(id);
        GH_TRY_ASSIGN(const bool row, query.step());
        return row ? query.integer(0) : std::int64_t{0};
    }

    Result<void> follow(
        const LinkRule& rule,
        const std::vector<Parameter>& parameters,
        std::string_view type,
        std::int64_t rid
    ) {
        if (rule.reverse) {
            for (const Parameter& parameter : parameters) {
                GH_TRY(collect(
                    "SELECT x.rid FROM ix_reference x WHERE x.param = ? AND x.target = ? "
                    "ORDER BY x.rid",
                    {parameter.name, rid},
                    {}
                ));
            }
            return {};
        }
        if (rule.codes.empty()) {
            return collect(
                "SELECT x.target FROM ix_reference x WHERE x.rid = ? ORDER BY x.param, x.target",
                {rid},
                rule.target
            );
        }
        for (const Parameter& parameter : parameters) {
            if (parameter.holder == type) {
                GH_TRY(collect(
                    "SELECT x.target FROM ix_reference x WHERE x.rid = ? AND x.param = ? "
                    "ORDER BY x.target",
                    {rid, parameter.name},
                    rule.target
                ));
            }
        }
        return {};
    }

    Result<void> collect(
        std::string_view sql, std::initializer_list<std::int64_t> values, std::string_view target
    ) {
        Query query(database_, "store.linked", sql);
        for (const std::int64_t value : values) {
            query.bind(value);
        }
        GH_TRY_ASSIGN(bool row, query.step());
        while (row && !page_.more) {
            GH_TRY(take(query.integer(0), target));
            GH_TRY_ASSIGN(row, query.step());
        }
        return {};
    }

    Result<void> take(std::int64_t rid, std::string_view target) {
        if (!seen_.insert(rid).second) {
            return {};
        }
        Query query(
            database_,
            "store.linked",
            "SELECT v.version, v.last_updated, v.method, v.json, r.id, n.text FROM resource r "
            "CROSS JOIN version v ON v.vid = r.vid CROSS JOIN name n ON n.id = r.type "
            "WHERE r.rid = ? AND r.live = 1"
        );
        query.bind(rid);
        GH_TRY_ASSIGN(const bool row, query.step());
        if (!row) {
            return {};
        }
        const std::string_view id = query.text(4);
        const std::string_view type = query.text(5);
        if (!target.empty() && target != type) {
            seen_.erase(rid);  // another rule may want it
            return {};
        }
        if (!query_.wanted(type, id)) {
            return {};
        }
        if (page_.found.size() >= query_.limit) {
            page_.more = true;
            return {};
        }
        page_.found.push_back(version_from(query, type, id));
        return {};
    }

    Database& database_;
    const LinkQuery& query_;
    LinkPage page_;
    std::unordered_map<std::string, std::int64_t> names_;
    std::unordered_set<std::int64_t> seen_;
};

}  // namespace

Result<LinkPage>
read_linked(Database& database, const LinkQuery& query, const SearchLimits& limits) {
    Snapshot snapshot(database, limits.budget, limits.steps);
    GH_TRY(snapshot.begin());
    Result<LinkPage> page = LinkReader(database, query).read();
    if (!page && (page.error().code == Errc::timeout || page.error().code == Errc::too_many)) {
        page.error().detail = "following references took more than its budget; ask for fewer "
                              "matches at a time, or for fewer kinds of included resources";
    }
    return page;
}

}  // namespace gatehouse::adapters::sqlite
