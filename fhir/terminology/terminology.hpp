#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Terminology: is this code in that value set, does that system know it, is that its display.
// Offline and deterministic: only what the loaded definitions can decide is decided, everything
// else is "not checkable here" with the reason (ARCHITECTURE: three-valued honesty).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir {

struct Coding {
    std::string_view system;
    std::string_view version;
    std::string_view code;
    std::string_view display;
};

enum class Verdict : std::uint8_t { yes, no, not_checkable };

// How a given display compares with what the system calls the code.
enum class DisplayMatch : std::uint8_t {
    same,        // equal without regard to case, or no display was given or is known
    whitespace,  // equal but for its spaces
    different,
};

// What a code system can say of a code.
enum class SystemKnowledge : std::uint8_t {
    unknown,     // no definition of the system is loaded
    no_content,  // defined, but its codes are elsewhere (content not-present, SNOMED CT, LOINC)
    partial,     // some of its codes are known (fragment, example, syntax-only systems)
    complete,    // every code is known
};

// Whether a question may wait for a remote server's answer (remote.hpp): on a message's way never,
// for an operation as long as the server's configured time.
enum class Waiting : std::uint8_t { never, a_while };

struct CodeAnswer {
    Verdict verdict = Verdict::not_checkable;
    std::string reason;  // for people: "not in value set …", "needs SNOMED CT content"
    Verdict display = Verdict::yes;     // given display fits the code
    std::vector<std::string> displays;  // what the system calls it, when display is `no`
    bool inactive = false;
    DisplayMatch display_match = DisplayMatch::same;
    SystemKnowledge system = SystemKnowledge::unknown;
};

// One code system or one value set, compiled; opaque outside fhir/terminology. Pointers stay valid
// as long as the Terminology.
class CodeSystemIndex;
class ValueSetIndex;
class CodeSystemProvider;   // provider.hpp
class RemoteTerminology;    // remote.hpp
struct TerminologyContent;  // provider.hpp

// Built once from definitions; immutable and thread-safe afterwards. Value sets compile on first
// use, so a start-up does not pay for the thousand it never meets. `definitions` must outlive it.
class Terminology {
public:
    explicit Terminology(const Definitions& definitions);
    // With content that is no CodeSystem resource (SNOMED CT, dm+d, ...) and perhaps a remote
    // server.
    Terminology(const Definitions& definitions, TerminologyContent content);
    Terminology(Terminology&&) noexcept;
    Terminology& operator=(Terminology&&) noexcept;
    ~Terminology();

    // Membership of a coding (system may be empty for `code` elements: then the value set's systems
    // are searched). `value_set` is a canonical, with or without |version.
    [[nodiscard]] CodeAnswer in_value_set(const Coding& coding, std::string_view value_set) const;
    // Existence and display of a code in its own system.
    [[nodiscard]] CodeAnswer in_code_system(const Coding& coding) const;

    // The same questions without words, for the validator's hot path: no allocation once compiled.
    // nullptr if no such value set is loaded.
    [[nodiscard]] const ValueSetIndex* value_set(std::string_view canonical) const;
    // A value set that is not among the definitions (contained in a message), compiled for one use.
    // `resource` must outlive it.
    [[nodiscard]] std::unique_ptr<const ValueSetIndex> compile(const Element& resource) const;
    // Empty system: any system of the value set may own the code.
    [[nodiscard]] Verdict contains(
        const ValueSetIndex& set,
        std::string_view system,
        std::string_view code,
        Waiting waiting = Waiting::never
    ) const;
    // True if the value set has anything to say about codes of `system`.
    [[nodiscard]] bool draws_on(const ValueSetIndex& set, std::string_view system) const;
    // Title or name, and canonical|version, for messages.
    [[nodiscard]] std::string_view name_of(const ValueSetIndex& set) const;
    [[nodiscard]] std::string canonical_of(const ValueSetIndex& set) const;
    // Why it does not decide everything, for people; empty if it does.
    [[nodiscard]] std::string_view undecided(const ValueSetIndex& set) const;
    struct CodeFacts {
        Verdict known = Verdict::not_checkable;  // the system has this code
        SystemKnowledge system = SystemKnowledge::unknown;
        DisplayMatch display = DisplayMatch::same;
        bool inactive = false;
        bool abstract = false;
        bool supplement = false;  // the definition of the system is a supplement of another
    };
    [[nodiscard]] CodeFacts facts(const Coding& coding) const;
    // Every display the definitions give a code, its own first.
    [[nodiscard]] std::vector<std::string_view>
    displays(std::string_view system, std::string_view code) const;
    // Those of them that supplements give.
    [[nodiscard]] std::vector<std::string_view>
    supplement_displays(std::string_view system, std::string_view code) const;
    // The loaded value set whose canonical this is, although used as a system URI (a common
    // mistake).
    [[nodiscard]] bool is_value_set_url(std::string_view url) const;
    // URL of the loaded code system that carries this identifier value ("urn:oid:2.16..."), or
    // empty. The first question reads every code system once.
    [[nodiscard]] std::string_view system_with_identifier(std::string_view value) const;
    // True for a system that something loaded defines, and for the published ones whose content may
    // be loaded: a closed set, so a system's URL may be a metric's label.
    [[nodiscard]] bool is_known_system(std::string_view system) const;
    // Version of a loaded code system, empty if none.
    [[nodiscard]] std::string_view system_version(std::string_view system) const;

    // ---- For the operations ($expand, $lookup, ...) ----

    [[nodiscard]] const Definitions& definitions() const;
    // The content of a code system, the asked version (empty: the one loaded last); nullptr if none
    // is loaded. Loaded content goes before a CodeSystem resource of the same version. A resource
    // without codes (content not-present) is a provider whose knowledge() says so.
    [[nodiscard]] const CodeSystemProvider*
    provider(std::string_view system, std::string_view version = {}) const;
    // Every version of it, loaded content first.
    [[nodiscard]] std::vector<const CodeSystemProvider*> providers(std::string_view system) const;
    // The loaded content whose implicit value sets begin so ("http://snomed.info/sct?fhir_vs").
    [[nodiscard]] std::vector<const CodeSystemProvider*> content() const;
    // One of them with what the loaded supplements add; itself if there are none.
    [[nodiscard]] const CodeSystemProvider& supplemented(const CodeSystemProvider& provider) const;
    // Supplements loaded for a system, as canonical|version.
    [[nodiscard]] std::vector<std::string> supplements(std::string_view system) const;
    // A CodeSystem resource that is not among the definitions (inline, stored), with the loaded
    // supplements. `resource` must outlive it.
    [[nodiscard]] std::shared_ptr<const CodeSystemProvider> provide(const Element& resource) const;
    // Whether a remote server is asked about codes of this system.
    [[nodiscard]] bool asks_server(std::string_view system) const;
    // The server to ask beyond that, or nullptr.
    [[nodiscard]] RemoteTerminology* remote() const;
    // For one-use compilation of value sets.
    [[nodiscard]] const CodeSystemIndex*
    code_system(std::string_view system, std::string_view version, bool exactly) const;

private:
    CodeFacts facts_of(const CodeSystemProvider& loaded, const Coding& coding) const;
    void facts_of_resource(const Coding& coding, CodeFacts& facts) const;

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gatehouse::fhir
