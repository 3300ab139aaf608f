// SPDX-License-Identifier: Apache-2.0
//
// terminology_bench INDEX...: what questions cost of compiled content: opening, finding a code,
// subsumption of random pairs and of true ones, filters and (SNOMED CT) expression constraints.
// Thread CPU time, the best of several rounds. tests/bench/terminology makes the content.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "fhir/terminology/load/content.hpp"

namespace {

using namespace gatehouse;
using fhir::CodeSystemProvider;
using fhir::ConceptNumber;

constexpr int rounds = 7;

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Best round of `work`, divided by `count`, in seconds.
double best(std::size_t count, const std::function<void()>& work) {
    double out = 1e9;
    for (int i = 0; i < rounds; ++i) {
        const double began = cpu_seconds();
        work();
        out = std::min(out, (cpu_seconds() - began) / static_cast<double>(count));
    }
    return out;
}

void line(const char* what, double seconds, const std::string& note = {}) {
    const bool small = seconds < 1e-3;
    std::printf(
        "  %-34s %10.3f %s  %s\n",
        what,
        seconds * (small ? 1e6 : 1e3),
        small ? "us" : "ms",
        note.c_str()
    );
}

void ask_codes(const CodeSystemProvider& provider) {
    constexpr std::size_t count = 100'000;
    std::mt19937 chance(7);
    std::uniform_int_distribution<ConceptNumber> any(0, provider.concept_count() - 1);
    std::vector<std::string> codes;
    std::vector<std::pair<ConceptNumber, ConceptNumber>> pairs;
    std::vector<std::pair<ConceptNumber, ConceptNumber>> chains;  // a concept and an ancestor
    for (std::size_t i = 0; i < count; ++i) {
        codes.push_back(provider.code(any(chance)));
        pairs.emplace_back(any(chance), any(chance));
        ConceptNumber above = any(chance);
        const ConceptNumber below = above;
        std::vector<ConceptNumber> parents;
        for (auto up = chance() % 12; up > 0; --up) {
            parents.clear();
            provider.parents(above, parents);
            if (parents.empty()) {
                break;
            }
            above = parents[chance() % parents.size()];
        }
        chains.emplace_back(below, above);
    }
    std::size_t seen = 0;
    line("find a code", best(count, [&] {
             for (const std::string& code : codes) {
                 seen += provider.find(code).has_value() ? 1 : 0;
             }
         }));
    const auto subsume = [&](const char* what, const auto& questions) {
        std::size_t yes = 0;
        const double took = best(count, [&] {
            yes = 0;
            for (const auto& [below, above] : questions) {
                yes += provider.is_a(below, above) ? 1 : 0;
            }
        });
        line(what, took, std::to_string(yes) + " of " + std::to_string(count) + " true");
    };
    subsume("is-a, random pairs", pairs);
    subsume("is-a, a concept and an ancestor", chains);
    if (seen != count * rounds) {
        std::printf("  a code was not found\n");
    }
}

// A concept next to the top of the hierarchy, and one half way down to where it came from.
std::vector<ConceptNumber> tops(const CodeSystemProvider& provider) {
    std::mt19937 chance(11);
    std::vector<ConceptNumber> longest;
    for (int i = 0; i < 400; ++i) {
        std::vector<ConceptNumber> chain{
            static_cast<ConceptNumber>(chance() % provider.concept_count())};
        std::vector<ConceptNumber> parents;
        while (true) {
            parents.clear();
            provider.parents(chain.back(), parents);
            if (parents.empty()) {
                break;
            }
            chain.push_back(parents.front());
        }
        if (chain.size() > longest.size()) {
            longest = std::move(chain);
        }
    }
    return {longest[longest.size() - (longest.size() > 1 ? 2 : 1)], longest[longest.size() / 2]};
}

void ask_filter(
    const CodeSystemProvider& provider, const std::string& name, const fhir::ConceptFilter& filter
) {
    std::uint32_t found = 0;
    std::string fault;
    const double took = best(1, [&] {
        fhir::ConceptBudget budget;
        const auto set = provider.filter(filter, budget);
        if (set) {
            found = set->count();
        } else {
            fault = set.error().detail;
        }
    });
    line(name.c_str(), took, fault.empty() ? std::to_string(found) + " concepts" : fault);
}

void ask_filters(const CodeSystemProvider& provider) {
    std::vector<std::string> codes;
    for (const ConceptNumber top : tops(provider)) {
        codes.push_back(provider.code(top));
        ask_filter(provider, "is-a " + codes.back(), {"concept", "is-a", codes.back()});
    }
    if (provider.system() != "http://snomed.info/sct" || codes.size() < 2) {
        return;
    }
    // A type of attribute that concepts below the first top have.
    std::vector<fhir::ConceptProperty> properties;
    for (ConceptNumber i = 0; i < provider.concept_count() && properties.empty(); i += 97) {
        std::vector<fhir::ConceptProperty> all;
        provider.properties(i, all);
        for (const auto& one : all) {
            if (!one.group.empty() && one.type == fhir::PropertyType::code) {
                properties.push_back(one);
                break;
            }
        }
    }
    std::vector<std::pair<std::string, std::string>> constraints = {
        {"<< A OR << B", "<< " + codes[0] + " OR << " + codes[1]},
        {"<< A MINUS << B", "<< " + codes[0] + " MINUS << " + codes[1]},
        {">> B", ">> " + codes[1]},
    };
    if (!properties.empty()) {
        const auto& one = properties.front();
        constraints.emplace_back(
            "<< A : attribute = value", "<< " + codes[0] + " : " + one.code + " = " + one.value
        );
        constraints.emplace_back(
            "* : attribute = << value", "* : " + one.code + " = << " + one.value
        );
        constraints.emplace_back(
            "<< A : [2..*] attribute = *", "<< " + codes[0] + " : [2..*] " + one.code + " = *"
        );
        constraints.emplace_back("< A . attribute", "< " + codes[0] + " . " + one.code);
    }
    for (const auto& [name, text] : constraints) {
        ask_filter(provider, name, {"constraint", "=", text});
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const double began = cpu_seconds();
        const auto content = fhir::load_content({argv[i]});
        if (!content) {
            std::fprintf(stderr, "%s\n", content.error().detail.c_str());
            return 2;
        }
        const double opened = cpu_seconds() - began;
        const CodeSystemProvider& provider = *content->providers.front();
        std::printf(
            "%s %s: %u concepts\n",
            std::string(provider.system()).c_str(),
            std::string(provider.version()).c_str(),
            provider.concept_count()
        );
        line("open: map, digest, check rows", opened);
        ask_codes(provider);
        ask_filters(provider);
    }
    return 0;
}
