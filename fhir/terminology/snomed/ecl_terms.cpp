// SPDX-License-Identifier: Apache-2.0
//
// Filters in double braces (ECL 2.2 §6.8, §6.9). A description filter keeps a concept if one of its
// active descriptions satisfies every term of the filter; the index holds no inactive ones.

#include <algorithm>
#include <functional>
#include <utility>

#include "fhir/base/wildcard.hpp"
#include "fhir/terminology/snomed/ecl_evaluate.hpp"

namespace gatehouse::fhir::snomed {
namespace {

// Lower case for ASCII and for the Latin-1 letters in their two-byte form.
std::string folded_term(std::string_view text) {
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto c = static_cast<unsigned char>(out[i]);
        if (c >= 'A' && c <= 'Z') {
            out[i] = static_cast<char>(c + 32);
        } else if (c == 0xC3 && i + 1 < out.size()) {
            const auto next = static_cast<unsigned char>(out[i + 1]);
            if (next >= 0x80 && next <= 0x9E && next != 0x97) {
                out[i + 1] = static_cast<char>(next + 32);
            }
            ++i;
        }
    }
    return out;
}

bool is_word_byte(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool begins_a_word(std::string_view text, std::string_view prefix) {
    for (std::size_t at = text.find(prefix); at != std::string_view::npos;
         at = text.find(prefix, at + 1)) {
        if (at == 0 || !is_word_byte(text[at - 1])) {
            return true;
        }
    }
    return false;
}

// ECL aliases of the dialects that national releases use (ECL 2.2, appendix D).
Sctid dialect_of(std::string_view word) {
    struct Alias {
        std::string_view name;
        Sctid refset;
    };
    static constexpr Alias aliases[] = {
        {"en-gb", 900000000000508004},
        {"en-us", 900000000000509007},
        {"en-nhs-clinical", 999001261000000100},
        {"en-nhs-dmd", 999000671000001103},
        {"en-nhs-pharmacy", 999000691000001104},
        {"en-uk-drug", 999000681000001101},
        {"en-uk-ext", 999001251000000103},
        {"en-ie", 21000220103},
        {"en-au", 32570271000036106},
        {"en-ca", 19491000087109},
        {"en-nz", 271000210107},
    };
    const std::string wanted = folded_term(word);
    for (const Alias& alias : aliases) {
        if (alias.name == wanted) {
            return alias.refset;
        }
    }
    return parse_sctid(word).value_or(0);
}

bool compares(ecl::Compare compare, std::uint32_t a, std::uint32_t b) noexcept {
    switch (compare) {
    case ecl::Compare::equal: return a == b;
    case ecl::Compare::not_equal: return a != b;
    case ecl::Compare::less: return a < b;
    case ecl::Compare::less_or_equal: return a <= b;
    case ecl::Compare::greater: return a > b;
    case ecl::Compare::greater_or_equal: return a >= b;
    }
    return false;
}

std::uint32_t date_of(const std::string& word) {
    return static_cast<std::uint32_t>(std::stoul(word));  // the parser read eight digits
}

Fault not_offered(const ecl::FilterTerm& term, const std::string& what) {
    return Fault(
        Errc::unsupported,
        "ECL",
        "character " + std::to_string(term.at + 1) + " of the expression constraint: " + what
    );
}

}  // namespace

bool text_matches(const ecl::SearchText& search, std::string_view term) {
    const std::string text = folded_term(term);
    const std::string wanted = folded_term(search.text);
    if (search.wild) {
        return fits_pattern(text, wanted);
    }
    bool any = false;
    for (std::size_t at = 0; at < wanted.size();) {
        if (!is_word_byte(wanted[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < wanted.size() && is_word_byte(wanted[end])) {
            ++end;
        }
        if (!begins_a_word(text, std::string_view(wanted).substr(at, end - at))) {
            return false;
        }
        any = true;
        at = end;
    }
    return any;
}

// Types and dialects as bits: TermType, or language reference set.
Result<bool> EclEvaluator::prepare_masks(const ecl::FilterTerm& term, std::uint32_t& mask) {
    for (const std::string& word : term.words) {
        const std::string name = folded_term(word);
        if (term.field == ecl::FilterField::type) {
            if (name == "syn" || name == std::to_string(synonym_type)) {
                mask |= 1U << static_cast<unsigned>(TermType::synonym);
            } else if (name == "fsn" || name == std::to_string(fully_specified_name)) {
                mask |= 1U << static_cast<unsigned>(TermType::fully_specified);
            } else if (name == "def" || name == std::to_string(text_definition)) {
                mask |= 1U << static_cast<unsigned>(TermType::definition);
            } else {
                return not_offered(
                    term, "a description type is syn, fsn or def, not '" + word + "'"
                );
            }
            continue;
        }
        const Sctid refset = dialect_of(word);
        const auto refsets = index_.language_refsets();
        const auto at = std::find(refsets.begin(), refsets.end(), refset);
        if (at == refsets.end()) {
            return not_offered(term, "dialect '" + word + "' is not in " + index_.version());
        }
        mask |= 1U << static_cast<unsigned>(at - refsets.begin());
    }
    return true;
}

Result<ConceptSet> EclEvaluator::filtered(const ecl::Filter& filter, ConceptSet set) {
    if (filter.on_concept) {
        return concept_filter(filter, std::move(set));
    }
    std::vector<std::function<bool(const TermRow&)>> tests;
    for (const ecl::FilterTerm& term : filter.terms) {
        const bool equal = term.compare == ecl::Compare::equal;
        switch (term.field) {
        case ecl::FilterField::term:
            tests.emplace_back([this, &term, equal](const TermRow& row) {
                const std::string_view text = index_.text(row);
                return std::any_of(
                           term.texts.begin(),
                           term.texts.end(),
                           [&](const ecl::SearchText& search) { return text_matches(search, text); }
                       ) == equal;
            });
            break;
        case ecl::FilterField::language:
            tests.emplace_back([this, &term, equal](const TermRow& row) {
                return (std::find(term.words.begin(), term.words.end(), index_.language(row)) !=
                        term.words.end()) == equal;
            });
            break;
        case ecl::FilterField::type:
        case ecl::FilterField::dialect: {
            std::uint32_t mask = 0;
            GH_TRY(prepare_masks(term, mask));
            const bool type = term.field == ecl::FilterField::type;
            tests.emplace_back([mask, type, equal](const TermRow& row) {
                const std::uint32_t own = type ? 1U << row.type : row.preferred | row.acceptable;
                return ((own & mask) != 0) == equal;
            });
            break;
        }
        case ecl::FilterField::module: {
            GH_TRY_ASSIGN(const ConceptSet modules, node(term.expression));
            tests.emplace_back([this, modules, equal](const TermRow& row) {
                const auto number = index_.find(index_.module_of(row.module));
                return (number && modules.contains(*number)) == equal;
            });
            break;
        }
        case ecl::FilterField::effective_time: {
            const std::uint32_t date = date_of(term.words.front());
            tests.emplace_back([date, compare = term.compare](const TermRow& row) {
                return compares(compare, row.time, date);
            });
            break;
        }
        case ecl::FilterField::active:
            if (term.flag != equal) {
                return not_offered(term, "inactive descriptions are not in a terminology index");
            }
            break;
        case ecl::FilterField::definition_status: break;  // not offered by the parser
        }
    }
    GH_TRY_ASSIGN(ConceptSet kept, empty_set());
    std::uint64_t work = 0;
    set.for_each([&](std::uint32_t number) {
        const auto terms = index_.terms(number);
        work += 1 + terms.size() * 8;
        const bool hit = std::any_of(terms.begin(), terms.end(), [&](const TermRow& row) {
            return std::all_of(tests.begin(), tests.end(), [&](const auto& test) {
                return test(row);
            });
        });
        if (hit) {
            kept.add(number);
        }
        return work <= budget_.left;
    });
    GH_TRY(spend(work));
    return kept;
}

Result<ConceptSet> EclEvaluator::concept_filter(const ecl::Filter& filter, ConceptSet set) {
    for (const ecl::FilterTerm& term : filter.terms) {
        const bool equal = term.compare == ecl::Compare::equal;
        std::function<bool(const ConceptRow&)> test;
        switch (term.field) {
        case ecl::FilterField::active:
            test = [wanted = term.flag == equal](const ConceptRow& row) {
                return (row.active != 0) == wanted;
            };
            break;
        case ecl::FilterField::definition_status: {
            bool defined = false;
            bool primitive = false;
            for (const std::string& word : term.words) {
                const std::string name = folded_term(word);
                if (name == "defined" || name == std::to_string(fully_defined)) {
                    defined = true;
                } else if (name == "primitive" || name == std::to_string(primitive_concept)) {
                    primitive = true;
                } else {
                    return not_offered(term, "a definition status is primitive or defined");
                }
            }
            test = [defined, primitive, equal](const ConceptRow& row) {
                return (row.defined != 0 ? defined : primitive) == equal;
            };
            break;
        }
        case ecl::FilterField::module: {
            GH_TRY_ASSIGN(const ConceptSet modules, node(term.expression));
            test = [this, modules, equal](const ConceptRow& row) {
                const auto number = index_.find(index_.module_of(row.module));
                return (number && modules.contains(*number)) == equal;
            };
            break;
        }
        case ecl::FilterField::effective_time:
            test = [date = date_of(term.words.front()),
                    compare = term.compare](const ConceptRow& row) {
                return compares(compare, row.time, date);
            };
            break;
        default: return not_offered(term, "this filter is for descriptions");
        }
        GH_TRY_ASSIGN(ConceptSet kept, empty_set());
        std::uint64_t work = 0;
        set.for_each([&](std::uint32_t number) {
            ++work;
            if (test(index_.row(number))) {
                kept.add(number);
            }
        });
        GH_TRY(spend(work));
        set = std::move(kept);
    }
    return set;
}

}  // namespace gatehouse::fhir::snomed
