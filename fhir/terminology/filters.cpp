// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/filters.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "fhir/terminology/code_system.hpp"

namespace gatehouse::fhir {
namespace {

// The items of a comma separated list, without the spaces around them.
std::vector<std::string_view> list_items(std::string_view list) {
    std::vector<std::string_view> out;
    while (true) {
        const std::size_t comma = list.find(',');
        out.push_back(trimmed(list.substr(0, comma)));
        if (comma == std::string_view::npos) {
            return out;
        }
        list.remove_prefix(comma + 1);
    }
}

Fault unknown_code(const ConceptFilter& filter, std::string_view system) {
    return {
        Errc::invalid,
        "filter",
        "filter " + std::string(filter.property) + " " + std::string(filter.op) + " names code '" +
            std::string(filter.value.substr(0, 64)) + "', which " + std::string(system) +
            " does not have"};
}

Fault spent() {
    return {Errc::too_large, "filter", "the filters cost more work than one question may"};
}

void add_ancestors(const CodeSystemProvider& provider, ConceptNumber bottom, ConceptSet& out) {
    std::vector<ConceptNumber> open{bottom};
    std::vector<ConceptNumber> parents;
    out.add(bottom);
    while (!open.empty()) {
        const ConceptNumber number = open.back();
        open.pop_back();
        parents.clear();
        provider.parents(number, parents);
        for (const ConceptNumber parent : parents) {
            if (!out.contains(parent)) {
                out.add(parent);
                open.push_back(parent);
            }
        }
    }
}

// is-a, descendent-of, is-not-a, generalizes, child-of, descendent-leaf: on the concept itself.
Result<ConceptSet> filter_hierarchy(
    const CodeSystemProvider& provider, const ConceptFilter& filter, ConceptBudget& budget
) {
    const auto number = provider.find(trimmed(filter.value));
    if (!number) {
        return unknown_code(filter, provider.system());
    }
    if (!budget.spend(provider.concept_count())) {
        return spent();
    }
    ConceptSet out(provider.concept_count());
    std::vector<ConceptNumber> children;
    if (filter.op == "generalizes") {
        add_ancestors(provider, *number, out);
        return out;
    }
    if (filter.op == "child-of") {
        provider.children(*number, children);
        for (const ConceptNumber child : children) {
            out.add(child);
        }
        return out;
    }
    const bool with_top = filter.op != "descendent-of" && filter.op != "descendent-leaf";
    add_descendants(provider, *number, with_top, out);
    if (filter.op == "descendent-leaf") {
        ConceptSet leaves(provider.concept_count());
        out.for_each([&](ConceptNumber one) {
            children.clear();
            provider.children(one, children);
            if (children.empty()) {
                leaves.add(one);
            }
        });
        return leaves;
    }
    if (filter.op == "is-not-a") {
        ConceptSet others = provider.everything();
        others -= out;
        return others;
    }
    return out;
}

// What a filter's operator asks of one value.
class ValueTest {
public:
    static Result<ValueTest> make(const ConceptFilter& filter, bool fold) {
        ValueTest test(filter, fold);
        const std::string_view op = filter.op;
        if (op == "exists") {
            if (filter.value != "true" && filter.value != "false") {
                return Fault(Errc::invalid, "filter", "the operator exists takes true or false");
            }
        } else if (op == "regex") {
            re2::RE2::Options options(re2::RE2::Quiet);
            options.set_max_mem(1 << 20);
            test.pattern_ = std::make_unique<re2::RE2>(
                re2::StringPiece(filter.value.data(), filter.value.size()), options
            );
            if (!test.pattern_->ok()) {
                return Fault(
                    Errc::invalid,
                    "filter",
                    "the regular expression cannot be used: " + test.pattern_->error()
                );
            }
        } else if (op == "in" || op == "not-in") {
            test.items_ = list_items(filter.value);
        } else if (op != "=") {
            return Fault(
                Errc::unsupported,
                "filter",
                "operator '" + std::string(op.substr(0, 32)) + "' is not offered on property " +
                    std::string(filter.property.substr(0, 64))
            );
        }
        return test;
    }

    [[nodiscard]] bool meets(std::string_view value) const {
        if (pattern_) {
            return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *pattern_);
        }
        if (filter_.op == "=") {
            return same(value, filter_.value);
        }
        return std::any_of(items_.begin(), items_.end(), [&](std::string_view item) {
            return same(value, item);
        });
    }
    // A text of n bytes costs about n steps of the automaton, a list its items.
    [[nodiscard]] std::uint64_t cost() const noexcept {
        return 1 + items_.size() + (pattern_ ? filter_.value.size() / 8 + 16 : 0);
    }

private:
    ValueTest(const ConceptFilter& filter, bool fold) : filter_(filter), fold_(fold) {}
    [[nodiscard]] bool same(std::string_view a, std::string_view b) const {
        return fold_ ? equal_folded(a, b) : a == b;
    }

    ConceptFilter filter_;
    bool fold_;
    std::vector<std::string_view> items_;
    std::unique_ptr<re2::RE2> pattern_;
};

Result<ConceptSet>
filter_property(const FilterSource& source, const ConceptFilter& filter, ConceptBudget& budget) {
    const CodeSystemProvider& provider = source.provider;
    const bool on_code = filter.property == "code" || filter.property == "concept";
    const bool on_parent = filter.property == "parent";
    const bool wants_exists = filter.op == "exists";
    GH_TRY_ASSIGN(
        const ValueTest test, ValueTest::make(filter, !provider.case_sensitive() && on_code)
    );
    bool exists = false;
    bool met = false;
    const SeeValue see = [&](std::string_view value) {
        exists = true;
        met = met || (!wants_exists && test.meets(value));
    };
    ConceptSet out(provider.concept_count());
    std::vector<ConceptNumber> related;
    for (ConceptNumber i = 0; i < provider.concept_count(); ++i) {
        if (!budget.spend(test.cost())) {
            return spent();
        }
        exists = false;
        met = false;
        if (on_parent || filter.property == "child") {
            related.clear();
            on_parent ? provider.parents(i, related) : provider.children(i, related);
            for (const ConceptNumber other : related) {
                see(provider.code(other));
            }
        } else {
            source.values(i, on_code ? std::string_view("code") : filter.property, see);
            if (!exists && filter.property == "inactive" && !wants_exists) {
                see(provider.inactive(i) ? "true" : "false");
            }
            if (!exists && filter.property == "notSelectable" && !wants_exists) {
                see(provider.abstract(i) ? "true" : "false");
            }
        }
        const bool in = wants_exists            ? exists == (filter.value == "true")
                        : filter.op == "not-in" ? !met
                                                : met;
        if (in) {
            out.add(i);
        }
    }
    return out;
}

}  // namespace

void add_descendants(
    const CodeSystemProvider& provider, ConceptNumber top, bool with_top, ConceptSet& out
) {
    ConceptSet seen(provider.concept_count());
    std::vector<ConceptNumber> open{top};
    std::vector<ConceptNumber> children;
    seen.add(top);
    while (!open.empty()) {
        const ConceptNumber number = open.back();
        open.pop_back();
        if (number != top || with_top) {
            out.add(number);
        }
        children.clear();
        provider.children(number, children);
        for (const ConceptNumber child : children) {
            if (!seen.contains(child)) {
                seen.add(child);
                open.push_back(child);
            }
        }
    }
}

Result<ConceptSet>
filter_concepts(const FilterSource& source, const ConceptFilter& filter, ConceptBudget& budget) {
    const std::string_view op = filter.op;
    const bool hierarchical = op == "is-a" || op == "descendent-of" || op == "is-not-a" ||
                              op == "generalizes" || op == "child-of" || op == "descendent-leaf";
    if (hierarchical) {
        if (filter.property != "concept" && filter.property != "code") {
            return Fault(
                Errc::unsupported,
                "filter",
                "operator " + std::string(op) + " is offered on 'concept' alone, not on property " +
                    std::string(filter.property.substr(0, 64))
            );
        }
        return filter_hierarchy(source.provider, filter, budget);
    }
    static constexpr std::string_view own[] = {
        "concept",
        "code",
        "display",
        "definition",
        "parent",
        "child",
        "inactive",
        "notSelectable",
        "status",
        "abstract"};
    // A property that the system neither declares nor uses is a mistake, not an empty set.
    if (std::find(std::begin(own), std::end(own), filter.property) == std::end(own) &&
        !source.has_property(filter.property)) {
        return Fault(
            Errc::unsupported,
            "filter",
            "code system " + std::string(source.provider.system()) + " has no property '" +
                std::string(filter.property.substr(0, 64)) + "'"
        );
    }
    return filter_property(source, filter, budget);
}

}  // namespace gatehouse::fhir
