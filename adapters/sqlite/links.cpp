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
                    nullptr
                ));
            }
            return follow_url_back(rule, parameters, type, rid);
        }
        if (rule.codes.empty()) {
            return collect(
                "SELECT x.target, x.param, x.rid FROM ix_reference x WHERE x.rid = ? "
                "ORDER BY x.param, x.target",
                {rid},
                &rule
            );
        }
        for (const Parameter& parameter : parameters) {
            if (parameter.holder == type) {
                GH_TRY(collect(
                    "SELECT x.target, x.param, x.rid FROM ix_reference x WHERE x.rid = ? AND "
                    "x.param = ? ORDER BY x.target",
                    {rid, parameter.name},
                    &rule
                ));
            }
        }
        return {};
    }

    // `forward`: the rule whose targets the rows are, with their parameter and holder; else null.
    Result<void> collect(
        std::string_view sql, std::initializer_list<std::int64_t> values, const LinkRule* forward
    ) {
        Query query(database_, "store.linked", sql);
        for (const std::int64_t value : values) {
            query.bind(value);
        }
        GH_TRY_ASSIGN(bool row, query.step());
        while (row && !page_.more) {
            GH_TRY_ASSIGN(
                const bool held,
                take(query.integer(0), forward == nullptr ? std::string_view() : forward->target)
            );
            if (!held && forward != nullptr && !forward->canonicals.empty()) {
                GH_TRY(follow_url(*forward, query.integer(0), query.integer(1), query.integer(2)));
            }
            GH_TRY_ASSIGN(row, query.step());
        }
        return {};
    }

    // Where a URL is referred to as a canonical: the row `rid` stands for it, with version or
    // without. A reference with a version has both rows: only the first is meant.
    Result<void> follow_url(
        const LinkRule& rule, std::int64_t rid, std::int64_t parameter, std::int64_t holder
    ) {
        std::string url;
        {
            Query query(
                database_, "store.linked", "SELECT id FROM resource WHERE rid = ? AND type = 0"
            );
            query.bind(rid);
            GH_TRY_ASSIGN(const bool row, query.step());
            if (!row) {
                return {};
            }
            url = query.text(0);
        }
        std::string version;
        if (const std::size_t bar = url.rfind('|'); bar != std::string::npos) {
            version = url.substr(bar + 1);
            url.resize(bar);
        } else {
            const std::string from = url + "|";
            const std::string until = url + "}";
            Query query(
                database_,
                "store.linked",
                "SELECT 1 FROM ix_reference y CROSS JOIN resource n ON n.rid = y.target WHERE "
                "y.rid = ? AND y.param = ? AND n.type = 0 AND n.id >= ? AND n.id < ?"
            );
            query.bind(holder).bind(parameter).bind(from).bind(until);
            GH_TRY_ASSIGN(const bool named, query.step());
            if (named) {
                return {};
            }
        }
        for (const gateway::CanonicalType& canonical : rule.canonicals) {
            if (rule.target.empty() || rule.target == canonical.type) {
                GH_TRY(take_url(canonical, url, version));
            }
        }
        return {};
    }

    Result<void> take_url(
        const gateway::CanonicalType& canonical, const std::string& url, const std::string& version
    ) {
        GH_TRY_ASSIGN(const std::int64_t by_url, key_id(canonical.type, canonical.url));
        GH_TRY_ASSIGN(const std::int64_t by_version, key_id(canonical.type, canonical.version));
        if (by_url == 0 || (!version.empty() && by_version == 0)) {
            return {};
        }
        Query query(
            database_,
            "store.linked",
            version.empty()
                ? "SELECT x.rid FROM ix_uri x WHERE x.param = ? AND x.value = ? AND x.rid > 0 "
                  "ORDER BY x.rid"
                : "SELECT x.rid FROM ix_uri x WHERE x.param = ? AND x.value = ? AND x.rid > 0 AND "
                  "EXISTS (SELECT 1 FROM ix_token t WHERE t.rid = x.rid AND t.param = ? AND "
                  "t.code = ?) ORDER BY x.rid"
        );
        const std::string key = gateway::index_key(url);
        query.bind(by_url).bind(key);
        if (!version.empty()) {
            query.bind(by_version).bind(version);
        }
        GH_TRY_ASSIGN(bool row, query.step());
        while (row && !page_.more) {
            GH_TRY(take(query.integer(0), {}));
            GH_TRY_ASSIGN(row, query.step());
        }
        return {};
    }

    // What refers to a resource by its URL, without a version or with its own.
    Result<void> follow_url_back(
        const LinkRule& rule,
        const std::vector<Parameter>& parameters,
        std::string_view type,
        std::int64_t rid
    ) {
        const auto canonical =
            std::ranges::find(rule.canonicals, type, &gateway::CanonicalType::type);
        if (canonical == rule.canonicals.end()) {
            return {};
        }
        GH_TRY_ASSIGN(
            const std::string url,
            own_value("SELECT value FROM ix_uri WHERE rid = ? AND param = ?", *canonical, true, rid)
        );
        if (url.empty() || url.find('|') != std::string::npos) {
            return {};  // a canonical could not tell such a URL from a version
        }
        GH_TRY_ASSIGN(
            const std::string version,
            own_value(
                "SELECT code FROM ix_token WHERE rid = ? AND param = ?", *canonical, false, rid
            )
        );
        GH_TRY_ASSIGN(const std::int64_t plain, rid_of({}, url));
        std::int64_t versioned = 0;
        if (!version.empty()) {
            GH_TRY_ASSIGN(versioned, rid_of({}, gateway::index_key(url + "|" + version)));
        }
        for (const Parameter& parameter : parameters) {
            if (versioned != 0) {
                GH_TRY(collect(
                    "SELECT x.rid FROM ix_reference x WHERE x.param = ? AND x.target = ? "
                    "ORDER BY x.rid",
                    {parameter.name, versioned},
                    nullptr
                ));
            }
            if (plain != 0) {
                GH_TRY(collect(
                    "SELECT x.rid FROM ix_reference x CROSS JOIN resource u ON u.rid = x.target "
                    "WHERE x.param = ? AND x.target = ? AND NOT EXISTS (SELECT 1 FROM ix_reference "
                    "y CROSS JOIN resource n ON n.rid = y.target WHERE y.rid = x.rid AND y.param = "
                    "x.param AND n.type = 0 AND n.id >= u.id || '|' AND n.id < u.id || '}') "
                    "ORDER BY x.rid",
                    {parameter.name, plain},
                    nullptr
                ));
            }
        }
        return {};
    }

    // The URL (`of_url`) or the version of a resource, or empty.
    Result<std::string> own_value(
        std::string_view sql, const gateway::CanonicalType& canonical, bool of_url, std::int64_t rid
    ) {
        GH_TRY_ASSIGN(
            const std::int64_t key,
            key_id(canonical.type, of_url ? canonical.url : canonical.version)
        );
        Query query(database_, "store.linked", sql);
        query.bind(rid).bind(key);
        GH_TRY_ASSIGN(const bool row, query.step());
        return row ? std::string(query.text(0)) : std::string();
    }

    Result<std::int64_t> key_id(std::string_view type, std::string_view code) {
        if (code.empty()) {
            return std::int64_t{0};
        }
        return name_id(gateway::parameter_key(type, code, fhir::EntryKind::value));
    }

    // False: no resource that is held has this rid.
    Result<bool> take(std::int64_t rid, std::string_view target) {
        if (!seen_.insert(rid).second) {
            return true;
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
            seen_.erase(rid);
            return false;
        }
        const std::string_view id = query.text(4);
        const std::string_view type = query.text(5);
        if (!target.empty() && target != type) {
            seen_.erase(rid);  // another rule may want it
            return true;
        }
        if (!query_.wanted(type, id)) {
            return true;
        }
        if (page_.found.size() >= query_.limit) {
            page_.more = true;
            return true;
        }
        page_.found.push_back(version_from(query, type, id));
        return true;
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
