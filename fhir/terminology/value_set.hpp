#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// ValueSetIndex: a ValueSet's compose (or stored expansion) as sets that answer membership in one
// or two hash lookups. What needs content that is not loaded stays `undecided` with the reason.

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fhir/base/hash.hpp"
#include "fhir/model/element.hpp"
#include "fhir/terminology/code_system.hpp"
#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

// Where a value set finds what it is made of. All may answer nullptr.
struct ValueSetSources {
    // A CodeSystem resource; `version` is the include's, often empty.
    std::function<const CodeSystemIndex*(std::string_view system, std::string_view version)>
        code_system;
    // Content beside the resources (SNOMED CT, dm+d, ...), which goes before them.
    std::function<const CodeSystemProvider*(std::string_view system, std::string_view version)>
        content;
    std::function<const ValueSetIndex*(std::string_view canonical)> value_set;
};

class ValueSetIndex {
public:
    // Compiles a ValueSet resource, whose tree must outlive the index.
    ValueSetIndex(const Element& resource, const ValueSetSources& sources);
    // One that a code system defines by a URL alone. `url` and `provider` must outlive the index.
    ValueSetIndex(std::string_view url, const CodeSystemProvider& provider, ConceptSet set);
    // The same where the system's content is not here: no code of another system is in it, and
    // which of its own are is undecided. `url` and `system` must outlive the index.
    ValueSetIndex(std::string_view url, std::string_view system);

    [[nodiscard]] Verdict contains(std::string_view system, std::string_view code) const;
    [[nodiscard]] bool draws_on(std::string_view system) const;
    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    [[nodiscard]] std::string_view url() const noexcept { return url_; }
    [[nodiscard]] std::string_view version() const noexcept { return version_; }
    // Why something is undecided, for people; empty if everything is decidable.
    [[nodiscard]] const std::string& undecided() const noexcept { return undecided_; }
    // Displays that the value set itself gives a code.
    void displays(
        std::string_view system, std::string_view code, std::vector<std::string_view>& out
    ) const;

private:
    enum class Kind : std::uint8_t {
        codes,      // exactly `codes`
        whole,      // every code of the system
        set,        // `set` of `provider`
        undecided,  // needs content that is not here
        all,        // no system: only the imports restrict
    };
    struct Part {
        std::string_view system;
        Kind kind = Kind::codes;
        std::unordered_set<std::string_view, TextHash, TextEqual> codes;
        const CodeSystemIndex* index = nullptr;        // of `system`, if loaded
        const CodeSystemProvider* provider = nullptr;  // its content, if beside the resources
        ConceptSet set;
        bool partial = false;  // what `codes` lacks may still be meant: fragments
        std::vector<const ValueSetIndex*> imports;  // all of them must contain the code
        bool import_missing = false;
    };
    Part compile(const Element& include, const ValueSetSources& sources);
    void compile_filters(const Element& include, Part& part);
    void read_expansion(const Element& parent);
    static bool is_inactive(const Part& part, std::string_view code);
    Verdict part_contains(const Part& part, std::string_view system, std::string_view code) const;

    std::string_view url_;
    std::string_view version_;
    std::string_view name_;
    std::vector<Part> includes_;
    std::vector<Part> excludes_;
    std::unordered_map<
        std::string_view,
        std::unordered_set<std::string_view, TextHash, TextEqual>,
        TextHash,
        TextEqual>
        expansion_;
    bool has_compose_ = false;
    bool expansion_complete_ = false;
    bool active_only_ = false;  // compose.inactive is false: no inactive codes
    std::string undecided_;
    const Element* resource_ = nullptr;  // null: implicit
};

// SNOMED CT expression constraints that are only ids joined by OR: appends the ids, or returns
// false if the constraint needs the hierarchy or reference sets.
bool read_ecl_id_list(std::string_view constraint, std::vector<std::string_view>& ids);

}  // namespace gatehouse::fhir
