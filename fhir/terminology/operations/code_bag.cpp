// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/operations/code_bag.hpp"

namespace gatehouse::fhir {

void CodeGroup::list(std::string_view code, const Element* node) {
    if (const auto known = by_code.find(code); known != by_code.end()) {
        ListedCode& entry = listed[known->second];
        entry.alive = true;
        if (entry.number) {
            set.add(*entry.number);
        }
        return;
    }
    ListedCode entry;
    entry.code = code;
    entry.node = node;
    if (provider != nullptr) {
        entry.number = provider->find(code);
        if (entry.number) {
            set.add(*entry.number);
        }
    }
    by_code.emplace(code, listed.size());
    listed.push_back(entry);
}

bool CodeGroup::contains(std::string_view code) const {
    if (provider != nullptr) {
        if (const auto number = provider->find(code)) {
            return set.contains(*number);
        }
    }
    const auto found = by_code.find(code);
    return found != by_code.end() && listed[found->second].alive;
}

void CodeGroup::drop(std::string_view code) {
    if (provider != nullptr) {
        if (const auto number = provider->find(code)) {
            set.remove(*number);
        }
    }
    if (const auto found = by_code.find(code); found != by_code.end()) {
        listed[found->second].alive = false;
    }
}

std::uint64_t CodeGroup::count() const {
    std::uint64_t out = set.count();
    for (const ListedCode& entry : listed) {
        out += entry.alive && !entry.number ? 1 : 0;
    }
    return out;
}

CodeGroup& CodeBag::group(
    std::string_view system, std::string_view version, const CodeSystemProvider* provider
) {
    for (CodeGroup& group : groups_) {
        if (group.system == system && group.provider == provider && group.version == version) {
            return group;
        }
    }
    CodeGroup& out = groups_.emplace_back();
    out.system = system;
    out.version = version;
    out.provider = provider;
    if (provider != nullptr) {
        out.set = ConceptSet(provider->concept_count());
    }
    return out;
}

bool CodeBag::contains(std::string_view system, std::string_view code) const {
    for (const CodeGroup& group : groups_) {
        if (group.system == system && group.contains(code)) {
            return true;
        }
    }
    return false;
}

bool CodeBag::add(const CodeBag& other, ConceptBudget& budget) {
    for (const CodeGroup& from : other.groups_) {
        if (!budget.spend(from.listed.size() + from.set.universe() / 64 + 1)) {
            return false;
        }
        CodeGroup& to = group(from.system, from.version, from.provider);
        for (const ListedCode& entry : from.listed) {
            if (entry.alive && (!entry.number || from.set.contains(*entry.number))) {
                to.list(entry.code, entry.node);
            }
        }
        if (from.provider != nullptr) {
            to.set |= from.set;
        }
    }
    return true;
}

bool CodeBag::keep_only(const CodeBag& other, ConceptBudget& budget) {
    for (CodeGroup& group : groups_) {
        const CodeGroup* same = nullptr;
        bool several = false;
        for (const CodeGroup& theirs : other.groups_) {
            if (theirs.system == group.system) {
                several = same != nullptr;
                same = &theirs;
            }
        }
        if (!budget.spend(group.listed.size() + group.set.universe() / 64 + 1)) {
            return false;
        }
        if (same != nullptr && !several && same->provider == group.provider &&
            group.provider != nullptr) {
            group.set &= same->set;
        } else if (group.provider != nullptr) {
            // Another version, or none: compared code by code.
            if (!budget.spend(group.set.count())) {
                return false;
            }
            ConceptSet kept(group.set.universe());
            group.set.for_each([&](ConceptNumber number) {
                if (other.contains(group.system, group.provider->code(number))) {
                    kept.add(number);
                }
            });
            group.set = std::move(kept);
        }
        for (ListedCode& entry : group.listed) {
            entry.alive = entry.alive && other.contains(group.system, entry.code);
        }
    }
    return true;
}

bool CodeBag::subtract(const CodeBag& other, ConceptBudget& budget) {
    for (const CodeGroup& theirs : other.groups_) {
        for (CodeGroup& group : groups_) {
            if (group.system != theirs.system) {
                continue;
            }
            const bool same = group.provider == theirs.provider;
            const std::uint64_t cost =
                same ? theirs.set.universe() / 64 : std::uint64_t{theirs.set.count()};
            if (!budget.spend(cost + theirs.listed.size() + 1)) {
                return false;
            }
            if (same) {
                if (group.provider != nullptr) {
                    group.set -= theirs.set;
                }
            } else if (theirs.provider != nullptr) {
                theirs.set.for_each([&](ConceptNumber number) {
                    group.drop(theirs.provider->code(number));
                });
            }
            for (const ListedCode& entry : theirs.listed) {
                if (entry.alive && theirs.contains(entry.code)) {
                    group.drop(entry.code);
                }
            }
        }
    }
    return true;
}

void CodeBag::drop_inactive() {
    for (CodeGroup& group : groups_) {
        if (group.provider != nullptr) {
            group.set &= group.provider->active();
        }
        for (ListedCode& entry : group.listed) {
            entry.alive = entry.alive &&
                          !(entry.node != nullptr && entry.node->child_value("inactive") == "true");
        }
    }
}

std::uint64_t CodeBag::count() const {
    std::uint64_t out = 0;
    for (const CodeGroup& group : groups_) {
        out += group.count();
    }
    return out;
}

}  // namespace gatehouse::fhir
