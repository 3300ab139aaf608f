// SPDX-License-Identifier: Apache-2.0
//
// Patient/$match (FHIR R4 Patient-match): the patients held that are like the one sent, from most
// to least alike, each with a score and a grade (patient_match.hpp says how). Candidates come from
// index probes, never from a scan: each identifier with its system; family name and birth date;
// given name and birth date; both names, where there is a birth date that may be mistaken; family
// name and postcode. A probe that finds too many adds none of
// them, and the answer says so.
#include <algorithm>
#include <charconv>
#include <map>

#include "gateway/api/issues.hpp"
#include "gateway/api/operation_parameters.hpp"
#include "gateway/api/operations.hpp"
#include "gateway/api/patient_match.hpp"
#include "gateway/api/search_parameters.hpp"
#include "gateway/api/search_request.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::IssueType;

constexpr std::uint32_t probe_max = 100;     // candidates of one probe
constexpr std::size_t identifiers_max = 10;  // probed
constexpr std::size_t names_max = 5;
constexpr std::uint32_t count_default = 10;

// A value for a search parameter: "," "|" "$" and "\" mean nothing in it.
std::string literal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == ',' || c == '|' || c == '$' || c == '\\') {
            out.push_back('\\');
        }
        out.push_back(c);
    }
    return out;
}

struct Candidate {
    StoredVersion version;
    MatchScore score;
};

class Matcher {
public:
    Matcher(Envelope& envelope, const ApiContext& context, StoreReader& store)
        : envelope_(envelope), context_(context), store_(store),
          engine_(*envelope.rulebook->engine), exit_(envelope, context, store) {}

    Response answer() {
        if (auto refused = read_posted_parameters(envelope_)) {
            return std::move(*refused);
        }
        if (auto issue = read_request()) {
            return refusal(400, {std::move(*issue)}, envelope_);
        }
        for (const Parameters& probe : probes()) {
            if (auto found = look(probe); !found) {
                return search_refusal(found.error(), envelope_);
            }
        }
        return answer_with(ranked());
    }

private:
    static fhir::Issue bad(std::string text, IssueType type = IssueType::value) {
        return request_issue(type, "match", std::move(text), {}, "INVALID_PARAMETER");
    }

    std::optional<fhir::Issue> read_request() {
        const fhir::Element* patient = posted_resource(envelope_, "resource");
        if (patient == nullptr || patient->resource_type() != "Patient") {
            return bad(
                "$match takes a Parameters resource whose parameter `resource` is a Patient; "
                "`onlyCertainMatches` and `count` may be there too.",
                IssueType::required
            );
        }
        const std::string_view unknown =
            unknown_parameter(envelope_.call, {"onlyCertainMatches", "count"});
        if (!unknown.empty() && !envelope_.prefer.lenient) {
            return bad(
                "Parameter '" + std::string(unknown.substr(0, 64)) +
                    "' is not one of $match: it has resource, onlyCertainMatches and count.",
                IssueType::not_supported
            );
        }
        const std::string_view certain = envelope_.call.parameter("onlyCertainMatches");
        if (!certain.empty() && certain != "true" && certain != "false") {
            return bad("onlyCertainMatches takes true or false.");
        }
        only_certain_ = certain == "true";
        if (const std::string_view text = envelope_.call.parameter("count"); !text.empty()) {
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), count_);
            if (error != std::errc{} || end != text.data() + text.size() || count_ == 0) {
                return bad("count takes a whole number above 0.");
            }
            count_ = std::min(count_, context_.page_max);
        }
        wanted_ = demographics_of(*patient);
        if (probes().empty()) {
            return bad(
                "This is too little to look for a patient by. Send an identifier with its system "
                "(the NHS number best), or a birth date with a family or given name, or a family "
                "name with a postcode.",
                IssueType::required
            );
        }
        return std::nullopt;
    }

    [[nodiscard]] std::vector<Parameters> probes() const {
        std::vector<Parameters> out;
        if (!wanted_.nhs_number.empty()) {
            out.push_back(
                {{"identifier", std::string(nhs_number_system) + "|" + wanted_.nhs_number}}
            );
        }
        for (const auto& [system, value] : wanted_.identifiers) {
            if (out.size() < identifiers_max) {
                out.push_back({{"identifier", literal(system) + "|" + literal(value)}});
            }
        }
        std::size_t names = 0;
        for (const Demographics::Name& name : wanted_.names) {
            if (++names > names_max) {
                break;
            }
            const bool born = wanted_.birth_date.size() == 10;
            if (born && !name.family.empty()) {
                out.push_back({{"family", literal(name.family)}, {"birthdate", wanted_.birth_date}}
                );
            }
            if (born && !name.given.empty()) {
                out.push_back({{"given", literal(name.given)}, {"birthdate", wanted_.birth_date}});
            }
            if (!name.family.empty() && !name.given.empty() && !wanted_.birth_date.empty()) {
                out.push_back({{"family", literal(name.family)}, {"given", literal(name.given)}});
            }
            if (!name.family.empty() && !wanted_.postcodes.empty()) {
                // Written with or without its space.
                const std::string& code = wanted_.postcodes.front();
                std::string both = literal(code);
                if (code.size() > 3) {
                    both += "," + literal(code.substr(0, code.size() - 3)) + " " +
                            literal(code.substr(code.size() - 3));
                }
                out.push_back({{"family", literal(name.family)}, {"address-postalcode", both}});
            }
        }
        return out;
    }

    Result<void> look(const Parameters& probe) {
        SearchLimits limits;
        limits.now = envelope_.received_at;
        limits.base = context_.base;
        ParsedSearch parsed = parse_search("Patient", probe, engine_, limits);
        if (fhir::has_errors(parsed.issues)) {
            return {};  // a value that cannot be searched for finds nobody
        }
        parsed.query.count = probe_max;
        parsed.query.want_total = false;
        GH_TRY_ASSIGN(SearchPage page, store_.search(parsed.query));
        if (!page.next.empty()) {
            crowded_ = true;
            return {};
        }
        for (StoredVersion& version : page.matches) {
            if (candidates_.contains(version.id) || !exit_.admits(version)) {
                continue;
            }
            Arena arena;
            const fhir::Decoded decoded = engine_.read(version.json, fhir::Format::json, arena);
            if (decoded.root == nullptr) {
                continue;
            }
            const MatchScore score = compare(wanted_, demographics_of(*decoded.root));
            std::string id = version.id;
            candidates_.emplace(std::move(id), Candidate{std::move(version), score});
        }
        return {};
    }

    std::vector<Candidate> ranked() {
        std::vector<Candidate> out;
        for (auto& [id, candidate] : candidates_) {
            if (candidate.score.grade != MatchGrade::none) {
                out.push_back(std::move(candidate));
            }
        }
        // By id where alike: the map's order.
        std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
            return a.score.grade != b.score.grade ? a.score.grade > b.score.grade
                                                  : a.score.hundredths > b.score.hundredths;
        });
        return out;
    }

    void tell(std::string text) {
        fhir::Issue issue = request_issue(IssueType::informational, "match", std::move(text));
        issue.severity = fhir::Severity::information;
        told_.push_back(std::move(issue));
    }

    Response answer_with(std::vector<Candidate> found) {
        if (crowded_) {
            tell(
                "Part of what was sent fits more than " + std::to_string(probe_max) +
                " patients, who were not looked at by it. Send more: an identifier, a birth date, "
                "a postcode."
            );
        }
        if (only_certain_) {
            const bool one = !found.empty() && found.front().score.grade == MatchGrade::certain &&
                             (found.size() == 1 || found[1].score.grade != MatchGrade::certain);
            found.resize(one ? 1 : 0);
            if (!one) {
                tell("No single patient is a certain match.");
            }
        }
        SearchSet set;
        for (Candidate& candidate : found) {
            if (set.matches.size() < count_ && exit_.disclose(candidate.version)) {
                set.matches.push_back(std::move(candidate.version));
                set.scores.push_back({candidate.score.hundredths, to_string(candidate.score.grade)}
                );
            }
        }
        set.total = set.matches.size();
        set.told = std::move(told_);
        return answer_set(envelope_, context_, std::move(set), {}, exit_, store_);
    }

    Envelope& envelope_;
    const ApiContext& context_;
    StoreReader& store_;
    const fhir::Engine& engine_;
    Exit exit_;
    Demographics wanted_;
    bool only_certain_ = false;
    std::uint32_t count_ = count_default;
    std::map<std::string, Candidate> candidates_;
    bool crowded_ = false;
    fhir::Issues told_;
};

}  // namespace

Response answer_match(Envelope& envelope, const ApiContext& context, StoreReader& store) {
    return Matcher(envelope, context, store).answer();
}

}  // namespace gatehouse::gateway
