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

namespace gatehouse::fhir {

// Where a value set finds what it is made of. Both may answer nullptr.
struct ValueSetSources {
    std::function<const CodeSystemIndex*(std::string_view system)> code_system;
    std::function<const ValueSetIndex*(std::string_view canonical)> value_set;
};

class ValueSetIndex {
public:
    // Compiles a ValueSet resource, whose tree must outlive the index.
    ValueSetIndex(const Element& resource, const ValueSetSources& sources);

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
        undecided,  // needs content that is not here
        all,        // no system: only the imports restrict
    };
    struct Part {
        std::string_view system;
        Kind kind = Kind::codes;
        std::unordered_set<std::string_view, TextHash, TextEqual> codes;
        const CodeSystemIndex* index = nullptr;     // of `system`, if loaded
        std::vector<const ValueSetIndex*> imports;  // all of them must contain the code
        bool import_missing = false;
    };
    Part compile(const Element& include, const ValueSetSources& sources);
    void compile_filters(const Element& include, Part& part);
    void read_expansion(const Element& parent);
    static Verdict part_contains(const Part& part, std::string_view system, std::string_view code);

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
    std::string undecided_;
    const Element* resource_;
};

// SNOMED CT expression constraints that are only ids joined by OR: appends the ids, or returns
// false if the constraint needs the hierarchy or reference sets.
bool read_ecl_id_list(std::string_view constraint, std::vector<std::string_view>& ids);

}  // namespace gatehouse::fhir
