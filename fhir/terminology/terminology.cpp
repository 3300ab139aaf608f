// SPDX-License-Identifier: Apache-2.0
#include "fhir/terminology/terminology.hpp"
#include "fhir/base/hash.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/remote.hpp"
#include "fhir/terminology/resource_provider.hpp"
#include "fhir/terminology/value_set.hpp"

namespace gatehouse::fhir {
namespace {

std::string_view without_version(std::string_view canonical) noexcept {
    return canonical.substr(0, canonical.find('|'));
}

}  // namespace

std::string_view implicit_url(std::string_view canonical) noexcept {
    return canonical.find("?fhir_vs=ecl/") == std::string_view::npos ? without_version(canonical)
                                                                     : canonical;
}

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

    // The version asked for; if that is not loaded: nothing, or (not `exactly`) the one that is.
    const CodeSystemIndex*
    system(std::string_view url, std::string_view version, bool exactly) const {
        const CodeSystemIndex* newest = system(url);
        if (version.empty() || newest == nullptr || newest->version() == version) {
            return newest;
        }
        std::string canonical(url);
        canonical.append("|").append(version);
        const Definition* definition = definitions->find("CodeSystem", canonical);
        if (definition == nullptr) {
            return exactly ? nullptr : newest;
        }
        return index_of(*definition);
    }

    // The compiled table of any version.
    const CodeSystemIndex* index_of(const Definition& definition) const {
        const auto winner = systems.find(definition.url);
        if (winner != systems.end() && winner->second->definition == &definition) {
            return system(definition.url);
        }
        const std::lock_guard lock(mutex);
        auto& slot = older_systems[&definition];
        if (!slot) {
            const Element* root = definition.root();
            if (root == nullptr) {
                return nullptr;
            }
            slot = std::make_unique<const CodeSystemIndex>(*root);
        }
        return slot.get();
    }
    mutable std::unordered_map<const Definition*, std::unique_ptr<const CodeSystemIndex>>
        older_systems;

    // A resource behind the provider interface, with its supplements; made on first use.
    const CodeSystemProvider* provider_of(const Definition& definition) const {
        const CodeSystemIndex* index = index_of(definition);
        if (index == nullptr || index->is_supplement()) {
            return nullptr;
        }
        read_supplements();
        const std::lock_guard lock(mutex);
        auto& slot = resource_providers[&definition];
        if (!slot) {
            slot = std::make_unique<const ResourceProvider>(
                *index, *definition.root(), supplements_of(definition.url)
            );
        }
        return slot.get();
    }
    mutable std::unordered_map<const Definition*, std::unique_ptr<const ResourceProvider>>
        resource_providers;

    TerminologyContent content;
    // Loaded content that answers this system and version.
    const CodeSystemProvider* content_of(std::string_view system, std::string_view version) const {
        for (const auto& provider : content.providers) {
            if (provider->system() == system && provider->answers_version(version)) {
                return provider.get();
            }
        }
        return nullptr;
    }
    // Loaded content with what supplements add to it; made on first use.
    const CodeSystemProvider* supplemented(const CodeSystemProvider& provider) const {
        const auto& additions = supplements_of(provider.system());
        if (additions.empty()) {
            return &provider;
        }
        const std::lock_guard lock(mutex);
        auto& slot = supplemented_content[&provider];
        if (!slot) {
            slot = std::make_unique<const SupplementedProvider>(provider, additions);
        }
        return slot.get();
    }
    mutable std::
        unordered_map<const CodeSystemProvider*, std::unique_ptr<const SupplementedProvider>>
            supplemented_content;
    ValueSetSources sources() const {
        return {
            [this](std::string_view url, std::string_view version) {
                return system(url, version, false);
            },
            [this](std::string_view url, std::string_view version) {
                return content_of(url, version);
            },
            [this](std::string_view url) { return imported(url); },
        };
    }

    const ValueSetIndex* value_set(std::string_view canonical) const {
        auto found = value_sets.find(without_version(canonical));
        if (found == value_sets.end()) {
            return content.providers.empty() && content.remote == nullptr
                       ? nullptr
                       : implicit(implicit_url(canonical));
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

    // What an import means: a version that is named and not loaded is missing, not another.
    const ValueSetIndex* imported(std::string_view canonical) const {
        const ValueSetIndex* set = value_set(canonical);
        const std::string_view url = without_version(canonical);
        const bool other = set != nullptr && url.size() < canonical.size() &&
                           set->version() != canonical.substr(url.size() + 1);
        return other ? nullptr : set;
    }

    // The system whose codes a value set of such a URL holds; empty if the URL is of no such form.
    // A SNOMED CT edition ("http://snomed.info/sct/83821000000107") has the system's codes.
    static std::string_view implicit_system(std::string_view url) {
        constexpr std::string_view snomed = "http://snomed.info/sct";
        constexpr std::string_view loinc = "http://loinc.org";
        if (url.starts_with(loinc) && url.substr(loinc.size()).starts_with("/vs")) {
            return url.substr(0, loinc.size());
        }
        const auto query = url.find("?fhir_vs");
        if (query == std::string_view::npos) {
            return {};
        }
        return url.starts_with("http://snomed.info/sct/") ? url.substr(0, snomed.size())
                                                          : url.substr(0, query);
    }

    // A value set that loaded content defines by its URL alone
    // ("http://snomed.info/sct?fhir_vs=..."). Which there are is told by definitions and messages;
    // so many are kept and no more.
    const ValueSetIndex* implicit(std::string_view url) const {
        constexpr std::size_t implicit_max = 1024;
        const std::lock_guard lock(mutex);
        const auto known = implicit_sets.find(url);
        if (known != implicit_sets.end()) {
            return known->second.get();
        }
        for (const auto& provider : content.providers) {
            ConceptBudget budget;
            auto set = provider->implicit_value_set(url, budget);
            if (!set && set.error().code == Errc::not_found) {
                continue;
            }
            if (implicit_sets.size() >= implicit_max) {
                return nullptr;
            }
            auto& slot = implicit_sets[std::string(url)];
            if (set) {
                const std::string& kept = implicit_sets.find(url)->first;
                slot = std::make_unique<const ValueSetIndex>(kept, *provider, std::move(*set));
            }
            return slot.get();
        }
        // Not here, but the server that is asked about the system's codes knows its value sets.
        const std::string_view system = implicit_system(url);
        if (system.empty() || content.remote == nullptr || !content.remote->covers(system) ||
            implicit_sets.size() >= implicit_max) {
            return nullptr;
        }
        const auto at = implicit_sets.emplace(std::string(url), nullptr).first;
        at->second = std::make_unique<const ValueSetIndex>(at->first, implicit_system(at->first));
        return at->second.get();
    }
    mutable std::map<std::string, std::unique_ptr<const ValueSetIndex>, std::less<>> implicit_sets;

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
        lazy.owned = std::make_unique<const ValueSetIndex>(*root, sources());
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
    void read_supplements() const {
        std::call_once(supplements_read, [this] {
            for (const Definition* definition : definitions->all("CodeSystem")) {
                const Element* root = definition->root();
                if (root != nullptr && root->child_value("content") == "supplement") {
                    supplements[without_version(root->child_value("supplements"))].push_back(root);
                }
            }
        });
    }
    const std::vector<const Element*>& supplements_of(std::string_view system_url) const {
        static const std::vector<const Element*> none;
        read_supplements();
        const auto found = supplements.find(system_url);
        return found == supplements.end() ? none : found->second;
    }
    void supplement_displays(
        std::string_view system_url, std::string_view code, std::vector<std::string_view>& out
    ) const {
        read_supplements();
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

Terminology::Terminology(const Definitions& definitions)
    : Terminology(definitions, TerminologyContent{}) {}

Terminology::Terminology(const Definitions& definitions, TerminologyContent content)
    : impl_(std::make_unique<Impl>()) {
    impl_->definitions = &definitions;
    impl_->content = std::move(content);
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
    return std::make_unique<const ValueSetIndex>(resource, impl_->sources());
}

Verdict Terminology::contains(
    const ValueSetIndex& set, std::string_view system, std::string_view code, Waiting waiting
) const {
    const Verdict verdict = set.contains(system, code);
    RemoteTerminology* remote = impl_->content.remote.get();
    if (verdict != Verdict::not_checkable || remote == nullptr || set.url().empty() ||
        system.empty() || !remote->covers(system)) {
        return verdict;
    }
    return remote->member(canonical_of(set), system, code, waiting).verdict;
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

std::string_view Terminology::undecided(const ValueSetIndex& set) const {
    return set.undecided();
}

bool Terminology::is_value_set_url(std::string_view url) const {
    return impl_->value_sets.contains(url);
}

bool Terminology::is_known_system(std::string_view system) const {
    static constexpr std::string_view published[] = {
        "http://snomed.info/sct",
        "http://loinc.org",
        "https://dmd.nhs.uk",
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-uk",
    };
    return impl_->systems.contains(system) || impl_->content_of(system, {}) != nullptr ||
           asks_server(system) ||
           std::find(std::begin(published), std::end(published), system) != std::end(published);
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
    if (!impl_->content.providers.empty()) {
        if (const CodeSystemProvider* loaded = impl_->content_of(coding.system, coding.version)) {
            facts = facts_of(*loaded, coding);
            if (facts.known != Verdict::not_checkable) {
                return facts;
            }
        }
    }
    facts_of_resource(coding, facts);
    RemoteTerminology* remote = impl_->content.remote.get();
    if (facts.known == Verdict::not_checkable && remote != nullptr &&
        remote->covers(coding.system)) {
        const RemoteAnswer answer =
            remote->code(coding.system, coding.version, coding.code, Waiting::never);
        facts.known = answer.verdict;
        facts.inactive = answer.inactive;
        if (answer.verdict != Verdict::not_checkable) {
            facts.system = SystemKnowledge::complete;
        }
        if (answer.verdict == Verdict::yes && !coding.display.empty() && !answer.display.empty() &&
            !equal_folded(coding.display, answer.display)) {
            // One name of perhaps many: a difference proves nothing, equal but for spaces does.
            facts.display = equal_but_for_spaces(coding.display, answer.display)
                                ? DisplayMatch::whitespace
                                : DisplayMatch::same;
        }
    }
    return facts;
}

Terminology::CodeFacts
Terminology::facts_of(const CodeSystemProvider& loaded, const Coding& coding) const {
    CodeFacts facts;
    facts.system = loaded.knowledge();
    facts.known = loaded.knows(coding.code);
    const auto number = loaded.find(coding.code);
    if (!number) {
        return facts;
    }
    facts.inactive = loaded.inactive(*number);
    facts.abstract = loaded.abstract(*number);
    const std::string_view own = loaded.display(*number);
    if (coding.display.empty() || own.empty() || equal_folded(coding.display, own)) {
        return facts;
    }
    facts.display = DisplayMatch::different;
    std::vector<ConceptDesignation> names;
    loaded.designations(*number, names);
    for (const ConceptDesignation& name : names) {
        if (equal_folded(name.value, coding.display)) {
            facts.display = DisplayMatch::same;
            break;
        }
        if (equal_but_for_spaces(name.value, coding.display)) {
            facts.display = DisplayMatch::whitespace;
        }
    }
    if (facts.display != DisplayMatch::same) {
        std::vector<std::string_view> more;
        impl_->supplement_displays(coding.system, loaded.code(*number), more);
        for (const std::string_view name : more) {
            if (equal_folded(name, coding.display)) {
                facts.display = DisplayMatch::same;
            }
        }
    }
    return facts;
}

void Terminology::facts_of_resource(const Coding& coding, CodeFacts& facts) const {
    const CodeSystemIndex* index = coding.version.empty()
                                       ? impl_->system(coding.system)
                                       : impl_->system(coding.system, coding.version, false);
    if (index == nullptr) {
        return;
    }
    facts.system = index->knowledge();
    facts.supplement = index->is_supplement();
    const Concept* entry = index->find(coding.code);
    if (entry == nullptr) {
        if (facts.system == SystemKnowledge::complete) {
            facts.known = Verdict::no;
        }
        return;
    }
    facts.known = Verdict::yes;
    facts.inactive = entry->inactive;
    facts.abstract = entry->abstract;
    if (coding.display.empty() || entry->display.empty() || coding.display == entry->display) {
        return;
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
}

std::vector<std::string_view>
Terminology::displays(std::string_view system, std::string_view code) const {
    std::vector<std::string_view> names;
    if (const CodeSystemProvider* loaded = impl_->content_of(system, {})) {
        if (const auto number = loaded->find(code)) {
            std::vector<ConceptDesignation> all;
            loaded->designations(*number, all);
            for (const ConceptDesignation& name : all) {
                names.push_back(name.value);
            }
            impl_->supplement_displays(system, loaded->code(*number), names);
            return names;
        }
    }
    if (const CodeSystemIndex* index = impl_->system(system)) {
        if (const Concept* entry = index->find(code)) {
            index->displays(*entry, names);
            impl_->supplement_displays(system, entry->code, names);
        }
    }
    return names;
}

std::vector<std::string_view>
Terminology::supplement_displays(std::string_view system, std::string_view code) const {
    std::vector<std::string_view> names;
    impl_->supplement_displays(system, code, names);
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
    answer.verdict = contains(*set, coding.system, coding.code);
    if (answer.verdict == Verdict::no) {
        answer.reason = "not in value set " + canonical_of(*set);
    } else if (answer.verdict == Verdict::not_checkable) {
        answer.reason =
            set->undecided().empty() ? "needs content that is not loaded" : set->undecided();
    }
    return answer;
}

const Definitions& Terminology::definitions() const {
    return *impl_->definitions;
}

const CodeSystemProvider*
Terminology::provider(std::string_view system, std::string_view version) const {
    if (const CodeSystemProvider* loaded = impl_->content_of(system, version)) {
        return impl_->supplemented(*loaded);
    }
    const Definition* definition = nullptr;
    if (version.empty()) {
        const auto found = impl_->systems.find(system);
        definition = found == impl_->systems.end() ? nullptr : found->second->definition;
    } else {
        definition = impl_->definitions->find(
            "CodeSystem", std::string(system) + "|" + std::string(version)
        );
    }
    return definition == nullptr ? nullptr : impl_->provider_of(*definition);
}

std::vector<const CodeSystemProvider*> Terminology::providers(std::string_view system) const {
    std::vector<const CodeSystemProvider*> out;
    for (const auto& provider : impl_->content.providers) {
        if (provider->system() == system) {
            out.push_back(impl_->supplemented(*provider));
        }
    }
    if (impl_->systems.contains(system)) {
        for (const Definition* definition : impl_->definitions->every("CodeSystem")) {
            if (definition->url == system) {
                if (const CodeSystemProvider* provider = impl_->provider_of(*definition)) {
                    out.push_back(provider);
                }
            }
        }
    }
    return out;
}

std::vector<const CodeSystemProvider*> Terminology::content() const {
    std::vector<const CodeSystemProvider*> out;
    for (const auto& provider : impl_->content.providers) {
        out.push_back(provider.get());
    }
    return out;
}

const CodeSystemProvider& Terminology::supplemented(const CodeSystemProvider& provider) const {
    return *impl_->supplemented(provider);
}

std::vector<std::string> Terminology::supplements(std::string_view system) const {
    std::vector<std::string> out;
    for (const Element* supplement : impl_->supplements_of(system)) {
        std::string name(supplement->child_value("url"));
        if (const auto version = supplement->child_value("version"); !version.empty()) {
            name.append("|").append(version);
        }
        out.push_back(std::move(name));
    }
    return out;
}

namespace {

// An inline CodeSystem with the table that its provider reads.
struct OwnedProvider {
    OwnedProvider(const Element& resource, const std::vector<const Element*>& supplements)
        : index(resource), provider(index, resource, supplements) {}
    CodeSystemIndex index;
    ResourceProvider provider;
};

}  // namespace

std::shared_ptr<const CodeSystemProvider> Terminology::provide(const Element& resource) const {
    auto owned = std::make_shared<const OwnedProvider>(
        resource, impl_->supplements_of(resource.child_value("url"))
    );
    return {owned, &owned->provider};
}

bool Terminology::asks_server(std::string_view system) const {
    const RemoteTerminology* remote = impl_->content.remote.get();
    return remote != nullptr && remote->covers(system);
}

RemoteTerminology* Terminology::remote() const {
    return impl_->content.remote.get();
}

const CodeSystemIndex*
Terminology::code_system(std::string_view system, std::string_view version, bool exactly) const {
    return impl_->system(system, version, exactly);
}

}  // namespace gatehouse::fhir
