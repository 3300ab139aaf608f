// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/includes.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <unordered_set>

#include "gateway/api/issues.hpp"
#include "gateway/api/search_pages.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;
using fhir::SearchParameter;
using fhir::SearchType;

// Under which code the rows of a parameter stand: its own, or that of another with the same.
std::string code_of_rows(const SearchParameter& parameter, const std::string& type) {
    for (const SearchParameter::Kept& kept : parameter.kept_as) {
        if (kept.type == type && kept.codes.size() == 1) {
            return kept.codes.front();
        }
    }
    return parameter.code;
}

// Those of the types that have a URL of their own.
std::vector<CanonicalType>
canonical_types(const fhir::Engine& engine, const std::vector<std::string>& types) {
    std::vector<CanonicalType> out;
    for (const std::string& type : types) {
        const SearchParameter* url = engine.search()->find(type, "url");
        const SearchParameter* version = engine.search()->find(type, "version");
        // Subscription's `url` is that of its channel.
        if (url == nullptr || url->type != SearchType::uri ||
            url->expression.find(type + ".url") == std::string::npos) {
            continue;
        }
        const bool versioned = version != nullptr && version->type == SearchType::token;
        out.push_back(
            {type, code_of_rows(*url, type), versioned ? code_of_rows(*version, type) : ""}
        );
    }
    return out;
}

class RuleReader {
public:
    RuleReader(
        std::string_view name,
        std::string_view value,
        const std::vector<std::string>& types,
        const fhir::Engine& engine,
        fhir::Issues& issues
    )
        : name_(name), value_(value), types_(types), engine_(engine), issues_(issues) {
        const auto colon = name.find(':');
        reverse_ = name.starts_with("_rev");
        rule_.iterate = colon != std::string_view::npos;
        rule_.link.reverse = reverse_;
    }

    bool read(IncludePlan& plan) {
        if (plan.rules.size() >= include_rules_max) {
            return fail(
                "more than " + std::to_string(include_rules_max) + " in one search.",
                IssueType::too_costly
            );
        }
        const auto first = value_.find(':');
        const auto second = first == std::string_view::npos ? first : value_.find(':', first + 1);
        const std::string_view type = value_.substr(0, first);
        const std::string_view code = first == std::string_view::npos
                                          ? std::string_view{}
                                          : value_.substr(first + 1, second - first - 1);
        const std::string_view target =
            second == std::string_view::npos ? std::string_view{} : value_.substr(second + 1);
        if (!target.empty() && !is_type(target)) {
            return fail("'" + shown(target) + "' is not a resource type.");
        }
        rule_.link.target = target;
        // "*" alone: every reference of, or to, what is found.
        const bool all = type == "*" && first == std::string_view::npos;
        if (!all && !read_one(type, code)) {
            return false;
        }
        if (reverse_ && rule_.link.target.empty() && types_.size() == 1 && !rule_.iterate) {
            rule_.link.target = types_.front();
        }
        if (all || code == "*") {
            rule_.link.canonicals = canonical_types(engine_, engine_.search()->types());
        }
        plan.rules.push_back(std::move(rule_));
        return true;
    }

private:
    static std::string shown(std::string_view text) { return std::string(text.substr(0, 64)); }

    bool fail(std::string text, IssueType type = IssueType::value) {
        issues_.push_back(request_issue(
            type,
            "search-include",
            "Search parameter '" + shown(name_) + "': " + std::move(text),
            {},
            "INVALID_PARAMETER"
        ));
        return false;
    }

    [[nodiscard]] bool is_type(std::string_view name) const {
        const fhir::TypeId id = engine_.types().find(name);
        return id != fhir::unknown_type &&
               engine_.types().type(id).kind == fhir::TypeKind::resource &&
               !engine_.types().type(id).abstract;
    }

    bool read_one(std::string_view type, std::string_view code) {
        if (!is_type(type) || code.empty()) {
            return fail(
                "wanted is Type:parameter, Type:parameter:TargetType, Type:* or *, for example " +
                std::string(reverse_ ? "Observation:patient" : "Encounter:subject:Patient") + "."
            );
        }
        rule_.link.holders.emplace_back(type);
        const std::vector<std::string> all = reference_parameters(engine_, type);
        if (code == "*") {
            rule_.link.codes = reverse_ ? all : std::vector<std::string>();
        } else {
            const SearchParameter* parameter = engine_.search()->find(type, code);
            if (parameter == nullptr) {
                return fail(
                    shown(type) + " has no search parameter '" + shown(code) +
                    "' here. The ones that can be included are in /metadata."
                );
            }
            if (parameter->type != SearchType::reference) {
                return fail(
                    "'" + shown(code) + "' of " + shown(type) + " is no reference but a " +
                    to_string(parameter->type) + "."
                );
            }
            const std::string& target = rule_.link.target;
            if (!target.empty() && !parameter->targets.empty() &&
                !is_among(parameter->targets, target)) {
                return fail("'" + shown(code) + "' cannot refer to a " + target + ".");
            }
            rule_.link.codes.emplace_back(code);
            rule_.link.canonicals = canonical_types(engine_, parameter->targets);
        }
        if (!reverse_ && !rule_.iterate && !types_.empty() && !is_among(types_, type)) {
            issues_.push_back(request_issue(
                IssueType::informational,
                "search-include",
                "_include=" + shown(value_) + " finds nothing, since what is searched for is no " +
                    shown(type) + ". To follow it from included resources, use _include:iterate."
            ));
            issues_.back().severity = fhir::Severity::warning;
        }
        return true;
    }

    std::string_view name_;
    std::string_view value_;
    const std::vector<std::string>& types_;
    const fhir::Engine& engine_;
    fhir::Issues& issues_;
    bool reverse_ = false;
    IncludeRule rule_;
};

class Follower {
public:
    Follower(
        const IncludePlan& plan,
        const ApiContext& context,
        Exit& exit,
        StoreReader& store,
        std::chrono::steady_clock::time_point until,
        fhir::Issues& told
    )
        : plan_(plan), base_(context.base), bounds_(context.bounds), exit_(exit), store_(store),
          until_(until), told_(told) {}

    Result<std::vector<StoredVersion>> follow(const std::vector<StoredVersion>& matches) {
        for (const StoredVersion& match : matches) {
            known_.insert(match.type + "/" + match.id);
        }
        known_.insert(plan_.except.begin(), plan_.except.end());
        std::vector<const StoredVersion*> from;
        for (const StoredVersion& match : matches) {
            from.push_back(&match);
        }
        for (unsigned level = 0; !from.empty() && !cut_; ++level) {
            LinkQuery query;
            for (const IncludeRule& rule : plan_.rules) {
                if (level == 0 || rule.iterate) {
                    query.rules.push_back(rule.link);
                }
            }
            if (query.rules.empty()) {
                break;
            }
            if (level == bounds_.include_levels_max) {
                tell(
                    "_include:iterate stops after " + std::to_string(bounds_.include_levels_max) +
                    " levels; there may be more to include."
                );
                break;
            }
            for (const StoredVersion* version : from) {
                query.from.emplace_back(version->type, version->id);
            }
            note_versions(from);
            look_at_clock();
            const std::size_t begin = included_.size();
            GH_TRY(step(query));
            // Grown to its bound beforehand: pointers stay.
            from.clear();
            for (std::size_t i = begin; i < included_.size(); ++i) {
                from.push_back(&included_[i]);
            }
        }
        return std::move(included_);
    }

private:
    void tell(std::string text) {
        cut_ = true;
        told_.push_back(request_issue(IssueType::incomplete, "search-include", std::move(text)));
        told_.back().severity = fhir::Severity::warning;
    }

    void look_at_clock() {
        if (until_ != std::chrono::steady_clock::time_point{} &&
            std::chrono::steady_clock::now() > until_ && !cut_) {
            tell("Following references took as long as a request may; there may be more to "
                 "include. Ask for fewer matches at a time with _count.");
        }
    }

    // What the exit drops makes room for others: where a bound cuts does not depend on it.
    Result<void> step(LinkQuery& query) {
        included_.reserve(bounds_.included_max);
        query.wanted = [this](std::string_view type, std::string_view id) {
            const bool fits = plan_.types.empty() || is_among(plan_.types, type);
            return fits && exit_.sees(type) &&
                   !known_.contains(std::string(type) + "/" + std::string(id));
        };
        for (std::size_t examined = 0; !cut_;) {
            // One at least beyond the bound: whether there is more is for the exit to say.
            query.limit = std::max<std::uint32_t>(
                1, bounds_.included_max - static_cast<std::uint32_t>(included_.size())
            );
            GH_TRY_ASSIGN(LinkPage page, store_.linked(query));
            examined += page.found.size();
            for (StoredVersion& found : page.found) {
                known_.insert(found.type + "/" + found.id);
                GH_TRY(take(std::move(found)));
            }
            if (!page.more) {
                break;
            }
            if (examined >= bounds_.examined_max) {
                tell("Following references stops here; there may be more to include.");
            }
            look_at_clock();
        }
        return {};
    }

    // FHIR R4 §3.1.1.5.4: where a reference names a version, that version is included.
    void note_versions(const std::vector<const StoredVersion*>& holders) {
        static constexpr std::string_view mark = "/_history/";
        versions_.clear();
        for (const StoredVersion* holder : holders) {
            const std::string_view json = holder->json;
            for (auto at = json.find(mark); at != std::string_view::npos;
                 at = json.find(mark, at + mark.size())) {
                const auto open = json.rfind('"', at);
                const auto close = json.find('"', at);
                if (open == std::string_view::npos || close == std::string_view::npos) {
                    continue;
                }
                std::string_view path = json.substr(open + 1, at - open - 1);
                if (path.starts_with(base_) && path.size() > base_.size()) {
                    path.remove_prefix(base_.size() + 1);
                }
                const std::string_view digits =
                    json.substr(at + mark.size(), close - at - mark.size());
                std::uint64_t version = 0;
                const auto [end, error] =
                    std::from_chars(digits.data(), digits.data() + digits.size(), version);
                if (error == std::errc{} && end == digits.data() + digits.size()) {
                    versions_[std::string(path)].numbers.insert(version);
                }
            }
        }
        for (auto& [path, named] : versions_) {
            const std::string plain = path + "\"";
            named.plain = std::any_of(holders.begin(), holders.end(), [&](const auto* holder) {
                return holder->json.find(plain) != std::string::npos;
            });
        }
    }

    // `found` as it is referred to: as it is now, in the versions that are named, or both.
    Result<void> take(StoredVersion found) {
        const auto named = versions_.find(found.type + "/" + found.id);
        if (named == versions_.end() || named->second.plain) {
            disclose(found);
        }
        if (named == versions_.end()) {
            return {};
        }
        for (const std::uint64_t number : named->second.numbers) {
            if (named->second.plain && number == found.version) {
                continue;
            }
            auto version = store_.read_version(found.type, found.id, number);
            if (version) {
                disclose(*version);
            } else if (version.error().code != Errc::not_found && version.error().code != Errc::gone) {
                return version.error();
            }
        }
        return {};
    }

    void disclose(StoredVersion& version) {
        if (included_.size() < bounds_.included_max) {
            if (exit_.disclose(version)) {
                included_.push_back(std::move(version));
            }
        } else if (!cut_ && exit_.admits(version)) {
            tell(
                "More than " + std::to_string(bounds_.included_max) +
                " resources would be included in this page; the rest is left out. Ask for fewer "
                "matches at a time with _count, or for fewer kinds of them."
            );
        }
    }

    struct Named {
        std::set<std::uint64_t> numbers;
        bool plain = false;  // referred to without a version too
    };

    const IncludePlan& plan_;
    const std::string& base_;
    const ReadBounds& bounds_;
    Exit& exit_;
    StoreReader& store_;
    std::chrono::steady_clock::time_point until_;
    fhir::Issues& told_;
    std::vector<StoredVersion> included_;
    std::unordered_set<std::string> known_;
    std::map<std::string, Named> versions_;
    bool cut_ = false;
};

}  // namespace

bool is_among(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_include(std::string_view name) noexcept {
    const auto colon = name.find(':');
    const std::string_view code = name.substr(0, colon);
    if (code != "_include" && code != "_revinclude") {
        return false;
    }
    return colon == std::string_view::npos || name.substr(colon) == ":iterate" ||
           name.substr(colon) == ":recurse";
}

bool add_include(
    std::string_view name,
    std::string_view value,
    const std::vector<std::string>& types,
    const fhir::Engine& engine,
    IncludePlan& plan,
    fhir::Issues& issues
) {
    return RuleReader(name, value, types, engine, issues).read(plan);
}

std::vector<std::string> reference_parameters(const fhir::Engine& engine, std::string_view type) {
    std::vector<std::string> out;
    for (const SearchParameter* parameter : engine.search()->all(type)) {
        if (parameter->type == SearchType::reference) {
            out.push_back(parameter->code);
        }
    }
    return out;
}

Result<std::vector<StoredVersion>> follow_includes(
    const IncludePlan& plan,
    const std::vector<StoredVersion>& matches,
    const ApiContext& context,
    Exit& exit,
    StoreReader& store,
    std::chrono::steady_clock::time_point until,
    fhir::Issues& told
) {
    if (plan.empty() || matches.empty()) {
        return std::vector<StoredVersion>();
    }
    return Follower(plan, context, exit, store, until, told).follow(matches);
}

}  // namespace gatehouse::gateway
