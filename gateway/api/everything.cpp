// SPDX-License-Identifier: Apache-2.0
//
// Patient/[id]/$everything and Encounter/[id]/$everything (FHIR R4 Patient-everything,
// Encounter-everything): the record itself, what is in its compartment, and what those refer to:
// practitioners, organisations, locations, medications, attachments, and Provenance about them. It
// is a compartment search with a plan of includes, so rights, bounds and pages are those of search.
//
// Without _count a page is as large as pages get here, and a next link leads on. `start` and `end`
// are about dates of care: a resource is left out if it has such dates (its date parameters; not
// birth or death) and none of them touches the range. `_since` is about the time of the record;
// what is included to support a record comes whatever its own time.
#include <algorithm>
#include <charconv>

#include "fhir/json/value.hpp"
#include "gateway/api/compartments.hpp"
#include "gateway/api/issues.hpp"
#include "gateway/api/operation_parameters.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/search_request.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

// The page behind one that the record itself fills.
constexpr std::string_view behind_focus = "1";

struct EverythingWish {
    std::vector<std::string> types;  // empty: all
    Micros since = 0;
    Micros start = fhir::date_min;
    Micros end = fhir::date_max;
    std::uint32_t count = 0;
    std::string page;
    Parameters used;
    [[nodiscard]] bool all_times() const {
        return start == fhir::date_min && end == fhir::date_max;
    }
};

class Everything {
public:
    Everything(Envelope& envelope, const ApiContext& context, StoreReader& store)
        : envelope_(envelope), context_(context), store_(store),
          engine_(*envelope.rulebook->engine), exit_(envelope, context, store) {}

    Response answer() {
        if (auto refused = read_posted_parameters(envelope_)) {
            return std::move(*refused);
        }
        if (auto issue = read_wish()) {
            return refusal(400, {std::move(*issue)}, envelope_);
        }
        const RestCall& call = envelope_.call;
        auto focus = store_.read(call.type, call.id);
        if (!focus && focus.error().code != Errc::not_found && focus.error().code != Errc::gone) {
            return refusal(focus.error(), envelope_);
        }
        if (!focus || focus->deleted() || !exit_.admits(*focus)) {
            const bool gone = focus ? focus->deleted() : focus.error().code == Errc::gone;
            return refusal(
                Fault(
                    gone ? Errc::gone : Errc::not_found,
                    "everything",
                    call.type + "/" + call.id +
                        (gone ? " has been deleted." : " is not known here.")
                ),
                envelope_
            );
        }
        return answer_about(std::move(*focus));
    }

private:
    fhir::Issue bad(std::string_view name, const char* wanted) const {
        return request_issue(
            IssueType::value,
            "http-parameter",
            std::string(name) + " takes " + wanted + ".",
            {},
            "INVALID_PARAMETER"
        );
    }

    std::optional<fhir::Issue> read_wish() {
        const RestCall& call = envelope_.call;
        const bool patient = call.type == "Patient";
        const std::string_view unknown =
            patient
                ? unknown_parameter(call, {"start", "end", "_since", "_type", "_count", "_page"})
                : unknown_parameter(call, {"_since", "_type", "_count", "_page"});
        if (!unknown.empty()) {
            fhir::Issue issue = request_issue(
                IssueType::not_supported,
                "http-parameter",
                "Parameter '" + std::string(unknown.substr(0, 64)) +
                    "' is not one of this operation: it has " + (patient ? "start, end, " : "") +
                    "_since, _type and _count.",
                {},
                "INVALID_PARAMETER"
            );
            if (!envelope_.prefer.lenient) {
                return issue;
            }
            issue.severity = fhir::Severity::warning;
            told_.push_back(std::move(issue));
        }
        wish_.count = context_.page_max;
        Micros unused = 0;
        for (const auto& [name, value] : call.parameters) {
            if (name == "_page") {
                wish_.page = value;
                continue;
            }
            if (name == "_type") {
                if (auto issue = read_types(value)) {
                    return issue;
                }
            } else if (name == "_count") {
                const auto [end, error] =
                    std::from_chars(value.data(), value.data() + value.size(), wish_.count);
                if (error != std::errc{} || end != value.data() + value.size() ||
                    wish_.count == 0) {
                    return bad(name, "a whole number above 0");
                }
                wish_.count = std::min(wish_.count, context_.page_max);
            } else if (name == "_since") {
                if (!fhir::date_range(value, wish_.since, unused)) {
                    return bad(name, "an instant, for example 2026-05-01T12:00:00Z");
                }
            } else if (name == "start") {
                if (!fhir::date_range(value, wish_.start, unused)) {
                    return bad(name, "a date, for example 2026-05-01");
                }
            } else if (name == "end") {
                if (!fhir::date_range(value, unused, wish_.end)) {
                    return bad(name, "a date, for example 2026-05-31");
                }
            } else if (name != "_format" && name != "_pretty" && name != "_summary" && name != "_elements") {
                continue;
            }
            wish_.used.emplace_back(name, value);
        }
        return std::nullopt;
    }

    std::optional<fhir::Issue> read_types(std::string_view text) {
        while (!text.empty()) {
            const auto comma = text.find(',');
            const std::string name(text.substr(0, comma));
            text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
            const fhir::TypeId id = engine_.types().find(name);
            if (id == fhir::unknown_type ||
                engine_.types().type(id).kind != fhir::TypeKind::resource) {
                return bad("_type", "names of FHIR R4 resource types");
            }
            wish_.types.push_back(name);
        }
        return std::nullopt;
    }

    [[nodiscard]] bool wants(std::string_view type) const {
        return wish_.types.empty() || is_among(wish_.types, type);
    }

    // Some date of care in the range, or none at all.
    [[nodiscard]] bool in_care_range(const StoredVersion& version) const {
        Arena arena;
        const fhir::Decoded decoded = engine_.read(version.json, fhir::Format::json, arena);
        if (decoded.root == nullptr) {
            return true;
        }
        std::vector<fhir::IndexEntry> entries;
        engine_.search()->extract(*decoded.root, arena, entries, context_.base);
        bool any = false;
        for (const fhir::IndexEntry& entry : entries) {
            const std::string& code = entry.parameter->code;
            if (entry.holder != 0 || entry.parameter->type != fhir::SearchType::date ||
                code == "_lastUpdated" || code == "birthdate" || code == "death-date") {
                continue;
            }
            any = true;
            if (entry.low < wish_.end && entry.high >= wish_.start) {
                return true;
            }
        }
        return !any;
    }

    SearchQuery compartment_query(const Compartment& compartment) const {
        SearchQuery query;
        // What supports the records is reached through them, so if a type outside is wanted all of
        // them are walked.
        const bool inside =
            std::all_of(wish_.types.begin(), wish_.types.end(), [&](const std::string& type) {
                return is_among(compartment.types, type);
            });
        for (const std::string& type : compartment.types) {
            if (exit_.sees(type) && (!inside || wants(type))) {
                query.types.push_back(type);
            }
        }
        query.all_of.push_back(in_compartment(compartment, envelope_.call.id, query.types));
        if (wish_.since != 0) {
            SearchClause since;
            since.field = SearchClause::Field::last_updated;
            SearchValue& value = since.any_of.emplace_back();
            value.prefix = SearchPrefix::ge;
            value.low = wish_.since;
            value.high = wish_.since + 1;
            query.all_of.push_back(std::move(since));
        }
        query.count = wish_.count;
        query.after = wish_.page == behind_focus ? std::string() : wish_.page;
        return query;
    }

    // From every record to all that it refers to; on from what belongs to no patient, so that no
    // other patient's record is walked into; and to what Provenance says of it.
    [[nodiscard]] IncludePlan supporting() const {
        IncludePlan plan;
        plan.types = wish_.types;
        plan.except.push_back(envelope_.call.type + "/" + envelope_.call.id);
        plan.rules.emplace_back();
        IncludeRule onward;
        onward.iterate = true;
        const std::optional<Compartment> patient = compartment_of("Patient", engine_);
        for (fhir::TypeId id = 1; id < engine_.types().type_count(); ++id) {
            const fhir::TypeInfo& type = engine_.types().type(id);
            if (type.kind == fhir::TypeKind::resource && !type.abstract && type.name != "Patient" &&
                patient && !is_among(patient->types, type.name)) {
                onward.link.holders.push_back(type.name);
            }
        }
        plan.rules.push_back(std::move(onward));
        IncludeRule provenance;
        provenance.link.reverse = true;
        provenance.link.holders = {"Provenance"};
        provenance.link.codes = {"target"};
        plan.rules.push_back(std::move(provenance));
        return plan;
    }

    Response answer_about(StoredVersion focus) {
        const RestCall& call = envelope_.call;
        const std::optional<Compartment> compartment = compartment_of(call.type, engine_);
        GH_ASSERT(compartment);
        SearchQuery query = compartment_query(*compartment);
        const bool first = wish_.page.empty();
        SearchSet set;
        if (first && wants(focus.type) && focus.last_updated >= wish_.since &&
            exit_.disclose(focus)) {
            set.matches.push_back(std::move(focus));
            --query.count;
        }
        // Walked for what they refer to, and not shown themselves.
        std::vector<StoredVersion> walked;
        Sieve sieve(envelope_, context_);
        const bool all_wanted =
            std::all_of(query.types.begin(), query.types.end(), [&](const auto& type) {
                return wants(type);
            });
        if (!all_wanted || !wish_.all_times()) {
            sieve.keep = [&](const StoredVersion& version) {
                return wants(version.type) && (wish_.all_times() || in_care_range(version));
            };
            sieve.aside = [&](const StoredVersion& version) {
                if (!wants(version.type) && (wish_.all_times() || in_care_range(version)) &&
                    exit_.admits(version)) {
                    walked.push_back(version);
                }
            };
        }
        std::string next;
        if (query.count == 0) {
            next = behind_focus;
            query.count_only = true;
        }
        if (!query.all_of.front().links.empty() && !(query.count_only && sieve.keep)) {
            auto page = gather(query, sieve, exit_, store_);
            if (!page) {
                return search_refusal(page.error(), envelope_);
            }
            if (!query.count_only) {
                next = std::move(page->next);
            }
            set.total = page->total;
            std::move(page->matches.begin(), page->matches.end(), std::back_inserter(set.matches));
        }
        if (set.total && wants(call.type) && wish_.since == 0) {
            ++*set.total;  // itself
        }
        set.links = links(next);
        set.told = std::move(told_);
        IncludePlan plan = supporting();
        add_attachments(set, plan);
        if (!walked.empty()) {
            auto beyond = follow_includes(
                plan, walked, context_, exit_, store_, envelope_.request.deadline, set.told
            );
            if (!beyond) {
                return search_refusal(beyond.error(), envelope_);
            }
            for (StoredVersion& version : *beyond) {
                plan.except.push_back(version.type + "/" + version.id);
                set.included.push_back(std::move(version));
            }
        }
        return answer_set(envelope_, context_, std::move(set), plan, exit_, store_);
    }

    // Binaries that the attachments of the records point at by their url.
    void add_attachments(SearchSet& set, IncludePlan& plan) {
        if (!wants("Binary") || !exit_.sees("Binary")) {
            return;
        }
        std::vector<std::string> ids;
        for (const StoredVersion& match : set.matches) {
            if (match.json.find("Binary/") == std::string::npos) {
                continue;
            }
            Arena arena;
            if (const auto value = fhir::parse_json_value(match.json, arena)) {
                find_binaries(*value, ids);
            }
        }
        for (const std::string& id : ids) {
            if (set.included.size() >= context_.bounds.included_max) {
                break;
            }
            auto binary = store_.read("Binary", id);
            if (binary && !binary->deleted() && exit_.disclose(*binary)) {
                set.included.push_back(std::move(*binary));
                plan.except.push_back("Binary/" + id);
            }
        }
    }

    void find_binaries(const fhir::JsonValue& value, std::vector<std::string>& ids) const {
        for (const fhir::JsonValue& item : value.items) {
            find_binaries(item, ids);
        }
        for (const fhir::JsonValue::Member& member : value.members) {
            std::string_view url = member.value.text;
            if (member.name != "url" || !member.value.is(fhir::JsonValue::Kind::string)) {
                find_binaries(member.value, ids);
                continue;
            }
            if (url.starts_with(context_.base) && url.size() > context_.base.size()) {
                url.remove_prefix(context_.base.size() + 1);
            }
            if (url.starts_with("Binary/")) {
                url.remove_prefix(7);
                url = url.substr(0, url.find('/'));
                if (!is_among(ids, url)) {
                    ids.emplace_back(url);
                }
            }
        }
    }

    [[nodiscard]] std::vector<BundleLink> links(const std::string& next) const {
        // None to the previous page: the focus stands on the first one alone, which a way back by
        // the matches does not come to.
        return page_links(
            context_.base,
            envelope_.call.type + "/" + envelope_.call.id + "/$everything",
            wish_.used,
            wish_.page,
            next,
            {}
        );
    }

    Envelope& envelope_;
    const ApiContext& context_;
    StoreReader& store_;
    const fhir::Engine& engine_;
    Exit exit_;
    EverythingWish wish_;
    fhir::Issues told_;
};

}  // namespace

Response answer_everything(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    return Everything(envelope, context, store).answer();
}

}  // namespace gatehouse::gateway
