// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/terminology.hpp"
#include "fhir/base/hash.hpp"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/value_set.hpp"

namespace gatehouse::fhir {
namespace {

std::string_view without_version(std::string_view canonical) noexcept {
    return canonical.substr(0, canonical.find('|'));
}

}  // namespace

struct Terminology::Impl {
    // A thing that is compiled on first use. Readers take one atomic load; the first writer holds
    // the terminology's mutex, which is recursive because value sets import value sets.
    template <class T> struct Lazy {
        const Definition* definition = nullptr;
        std::atomic<const T*> ready{nullptr};
        std::unique_ptr<const T> owned;
        bool building = false;
    };

    const Definitions* definitions = nullptr;
    // Keys are canonicals, "url" and "url|version". Filled in the constructor, then constant.
    std::unordered_map<std::string_view, Lazy<CodeSystemIndex>*, TextHash, TextEqual> systems;
    std::unordered_map<std::string_view, Lazy<ValueSetIndex>*, TextHash, TextEqual> value_sets;
    std::vector<std::unique_ptr<Lazy<CodeSystemIndex>>> system_pool;
    std::vector<std::unique_ptr<Lazy<ValueSetIndex>>> value_set_pool;
    mutable std::recursive_mutex mutex;
    mutable std::once_flag supplements_read;
    mutable std::once_flag identifiers_read;
    mutable std::unordered_map<std::string_view, std::string_view> identifiers;  // value -> url

    const CodeSystemIndex* system(std::string_view url) const {
        const auto found = systems.find(url);
        if (found == systems.end()) {
            return nullptr;
        }
        Lazy<CodeSystemIndex>& lazy = *found->second;
        if (const CodeSystemIndex* ready = lazy.ready.load(std::memory_order_acquire)) {
            return ready;
        }
        const std::lock_guard lock(mutex);
        if (const CodeSystemIndex* ready = lazy.ready.load(std::memory_order_relaxed)) {
            return ready;
        }
        const Element* root = lazy.definition->root();
        if (root == nullptr) {
            return nullptr;
        }
        lazy.owned = std::make_unique<const CodeSystemIndex>(*root);
        lazy.ready.store(lazy.owned.get(), std::memory_order_release);
        return lazy.owned.get();
    }

    const ValueSetIndex* value_set(std::string_view canonical) const {
        auto found = value_sets.find(without_version(canonical));
        if (found == value_sets.end()) {
            return nullptr;
        }
        // A canonical with a version that is not loaded falls back to the one that is.
        if (canonical.size() != found->first.size()) {
            if (const Definition* exact = definitions->find("ValueSet", canonical);
                exact != nullptr && exact != found->second->definition) {
                return other_version(*exact);
            }
        }
        return ready(*found->second);
    }

    const ValueSetIndex* ready(Lazy<ValueSetIndex>& lazy) const {
        if (const ValueSetIndex* done = lazy.ready.load(std::memory_order_acquire)) {
            return done;
        }
        const std::lock_guard lock(mutex);
        if (const ValueSetIndex* done = lazy.ready.load(std::memory_order_relaxed)) {
            return done;
        }
        if (lazy.building) {
            return nullptr;  // a value set that imports itself: that import decides nothing
        }
        const Element* root = lazy.definition->root();
        if (root == nullptr) {
            return nullptr;
        }
        lazy.building = true;
        const ValueSetSources sources{
            [this](std::string_view url) { return system(url); },
            [this](std::string_view url) { return value_set(url); },
        };
        lazy.owned = std::make_unique<const ValueSetIndex>(*root, sources);
        lazy.building = false;
        lazy.ready.store(lazy.owned.get(), std::memory_order_release);
        return lazy.owned.get();
    }

    // Versions that lost against a newer one on the same URL.
    mutable std::unordered_map<const Definition*, std::unique_ptr<Lazy<ValueSetIndex>>> older;
    const ValueSetIndex* other_version(const Definition& definition) const {
        Lazy<ValueSetIndex>* lazy = nullptr;
        {
            const std::lock_guard lock(mutex);
            auto& slot = older[&definition];
            if (!slot) {
                slot = std::make_unique<Impl::Lazy<ValueSetIndex>>();
                slot->definition = &definition;
            }
            lazy = slot.get();
        }
        return ready(*lazy);
    }

    // Names that supplements give a code. Finding the supplements decodes every code system, so it
    // waits for the first display that nothing else explains.
    void supplement_displays(
        std::string_view system_url, std::string_view code, std::vector<std::string_view>& out
    ) const {
        std::call_once(supplements_read, [this] {
            for (const Definition* definition : definitions->all("CodeSystem")) {
                const Element* root = definition->root();
                if (root != nullptr && root->child_value("content") == "supplement") {
                    supplements[without_version(root->child_value("supplements"))].push_back(root);
                }
            }
        });
        const auto found = supplements.find(system_url);
        if (found == supplements.end()) {
            return;
        }
        for (const Element* supplement : found->second) {
            CodeSystemIndex::designations(*supplement, code, out);
        }
    }
    mutable std::unordered_map<std::string_view, std::vector<const Element*>, TextHash, TextEqual>
        supplements;
};

Terminology::Terminology(const Definitions& definitions) : impl_(std::make_unique<Impl>()) {
    impl_->definitions = &definitions;
    for (const Definition* definition : definitions.all("CodeSystem")) {
        auto lazy = std::make_unique<Impl::Lazy<CodeSystemIndex>>();
        lazy->definition = definition;
        impl_->systems[definition->url] = lazy.get();
        impl_->system_pool.push_back(std::move(lazy));
    }
    for (const Definition* definition : definitions.all("ValueSet")) {
        auto lazy = std::make_unique<Impl::Lazy<ValueSetIndex>>();
        lazy->definition = definition;
        impl_->value_sets[definition->url] = lazy.get();
        impl_->value_set_pool.push_back(std::move(lazy));
    }
}

Terminology::Terminology(Terminology&&) noexcept = default;
Terminology& Terminology::operator=(Terminology&&) noexcept = default;
Terminology::~Terminology() = default;

const ValueSetIndex* Terminology::value_set(std::string_view canonical) const {
    return impl_->value_set(canonical);
}

std::unique_ptr<const ValueSetIndex> Terminology::compile(const Element& resource) const {
    const ValueSetSources sources{
        [this](std::string_view url) { return impl_->system(url); },
        [this](std::string_view url) { return impl_->value_set(url); },
    };
    return std::make_unique<const ValueSetIndex>(resource, sources);
}

Verdict Terminology::contains(
    const ValueSetIndex& set, std::string_view system, std::string_view code
) const {
    return set.contains(system, code);
}

bool Terminology::draws_on(const ValueSetIndex& set, std::string_view system) const {
    return set.draws_on(system);
}

std::string_view Terminology::name_of(const ValueSetIndex& set) const {
    return set.name();
}

std::string Terminology::canonical_of(const ValueSetIndex& set) const {
    std::string out(set.url());
    if (!set.version().empty()) {
        out.append("|").append(set.version());
    }
    return out;
}

bool Terminology::knows_value_set(std::string_view value_set) const {
    return impl_->value_sets.contains(without_version(value_set));
}

bool Terminology::is_value_set_url(std::string_view url) const {
    return impl_->value_sets.contains(url);
}

std::string_view Terminology::system_with_identifier(std::string_view value) const {
    std::call_once(impl_->identifiers_read, [this] {
        for (const Definition* definition : impl_->definitions->all("CodeSystem")) {
            const Element* root = definition->root();
            const Element* at = root == nullptr ? nullptr : root->child("identifier");
            for (; at != nullptr; at = at->next_same()) {
                impl_->identifiers.emplace(at->child_value("value"), definition->url);
            }
        }
    });
    const auto found = impl_->identifiers.find(value);
    return found == impl_->identifiers.end() ? std::string_view{} : found->second;
}

std::string_view Terminology::system_version(std::string_view system) const {
    const CodeSystemIndex* index = impl_->system(system);
    return index == nullptr ? std::string_view{} : index->version();
}

Terminology::CodeFacts Terminology::facts(const Coding& coding) const {
    CodeFacts facts;
    if (const SyntaxAnswer syntax = check_syntax_system(coding.system, coding.code);
        syntax.is_syntax_system) {
        facts.known = syntax.verdict;
        // Every code of RFC 3986 is a URI and nothing else is; the others are lists kept elsewhere.
        facts.system = coding.system == "urn:ietf:rfc:3986" ? SystemKnowledge::complete
                                                            : SystemKnowledge::partial;
        return facts;
    }
    const CodeSystemIndex* index = impl_->system(coding.system);
    if (index == nullptr) {
        return facts;
    }
    facts.system = index->knowledge();
    facts.supplement = index->is_supplement();
    const Concept* entry = index->find(coding.code);
    if (entry == nullptr) {
        if (facts.system == SystemKnowledge::complete) {
            facts.known = Verdict::no;
        }
        return facts;
    }
    facts.known = Verdict::yes;
    facts.inactive = entry->inactive;
    facts.abstract = entry->abstract;
    if (coding.display.empty() || entry->display.empty() || coding.display == entry->display) {
        return facts;
    }
    facts.display = DisplayMatch::different;
    std::vector<std::string_view> names;
    index->displays(*entry, names);
    impl_->supplement_displays(coding.system, entry->code, names);
    for (const std::string_view name : names) {
        if (equal_folded(name, coding.display)) {
            facts.display = DisplayMatch::same;
            break;
        }
        if (equal_but_for_spaces(name, coding.display)) {
            facts.display = DisplayMatch::whitespace;
        }
    }
    return facts;
}

std::vector<std::string_view>
Terminology::displays(std::string_view system, std::string_view code) const {
    std::vector<std::string_view> names;
    if (const CodeSystemIndex* index = impl_->system(system)) {
        if (const Concept* entry = index->find(code)) {
            index->displays(*entry, names);
            impl_->supplement_displays(system, entry->code, names);
        }
    }
    return names;
}

CodeAnswer Terminology::in_code_system(const Coding& coding) const {
    CodeAnswer answer;
    const CodeFacts found = facts(coding);
    answer.verdict = found.known;
    answer.system = found.system;
    answer.inactive = found.inactive;
    answer.display_match = found.display;
    const std::string system(coding.system);
    switch (found.known) {
    case Verdict::yes: break;
    case Verdict::no: answer.reason = "code system " + system + " does not have this code"; break;
    case Verdict::not_checkable:
        answer.reason = found.system == SystemKnowledge::unknown
                            ? "code system " + system + " is not loaded"
                            : "code system " + system + " is loaded without its codes";
        break;
    }
    if (found.display != DisplayMatch::same) {
        answer.display = Verdict::no;
        for (const std::string_view name : displays(coding.system, coding.code)) {
            answer.displays.emplace_back(name);
        }
    }
    return answer;
}

CodeAnswer Terminology::in_value_set(const Coding& coding, std::string_view canonical) const {
    const ValueSetIndex* set = value_set(canonical);
    if (set == nullptr) {
        CodeAnswer answer;
        answer.reason = "value set " + std::string(canonical) + " is not loaded";
        return answer;
    }
    CodeAnswer answer;
    if (!coding.system.empty()) {
        answer = in_code_system(coding);
        answer.reason.clear();
    }
    answer.verdict = set->contains(coding.system, coding.code);
    if (answer.verdict == Verdict::no) {
        answer.reason = "not in value set " + canonical_of(*set);
    } else if (answer.verdict == Verdict::not_checkable) {
        answer.reason =
            set->undecided().empty() ? "needs content that is not loaded" : set->undecided();
    }
    return answer;
}

}  // namespace gatehouse::fhir
