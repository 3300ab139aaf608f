#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// CodeSystemIndex: one CodeSystem resource as lookup tables: code -> concept, hierarchy (nested
// concepts, subsumedBy/parent/child properties), displays and designations. Also the systems that
// are a grammar, not a list (BCP-47, MIME, UCUM, URIs).

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/base/hash.hpp"
#include "fhir/model/element.hpp"
#include "fhir/terminology/terminology.hpp"

namespace gatehouse::fhir {

struct Concept {
    std::string_view code;
    std::string_view display;
    const Element* node = nullptr;       // the concept, for designations and properties
    std::vector<std::uint32_t> parents;  // indexes in the same system
    bool inactive = false;
    bool abstract = false;
};

class CodeSystemIndex {
public:
    // From a CodeSystem resource, whose tree must outlive the index.
    explicit CodeSystemIndex(const Element& resource);

    [[nodiscard]] std::string_view url() const noexcept { return url_; }
    [[nodiscard]] std::string_view version() const noexcept { return version_; }
    [[nodiscard]] SystemKnowledge knowledge() const noexcept { return knowledge_; }
    // Its own words for another system's codes; its url is no system.
    [[nodiscard]] bool is_supplement() const noexcept { return supplement_; }
    [[nodiscard]] bool case_sensitive() const noexcept { return case_sensitive_; }
    [[nodiscard]] const Concept* find(std::string_view code) const noexcept;
    [[nodiscard]] const std::vector<Concept>& concepts() const noexcept { return concepts_; }
    // True if `code` is `ancestor` or below it.
    [[nodiscard]] bool is_a(const Concept& code, std::string_view ancestor) const;
    // A property of a concept as text, or empty ("status", "class", "notSelectable").
    [[nodiscard]] static std::string_view
    property(const Concept& code, std::string_view name) noexcept;
    // Every name of a concept: display first, then designations.
    void displays(const Concept& code, std::vector<std::string_view>& out) const;
    // What a supplement resource calls a code, appended to `out`.
    static void designations(
        const Element& supplement, std::string_view code, std::vector<std::string_view>& out
    );

private:
    void add(const Element& list_parent, std::uint32_t parent);

    std::string_view url_;
    std::string_view version_;
    SystemKnowledge knowledge_ = SystemKnowledge::no_content;
    bool case_sensitive_ = true;
    bool supplement_ = false;
    std::vector<Concept> concepts_;
    std::unordered_map<std::string_view, std::uint32_t, TextHash, TextEqual> by_code_;
    std::unordered_map<std::string, std::uint32_t, TextHash, TextEqual>
        by_folded_;  // only if not case-sensitive
};

// ASCII lower case; FHIR codes and displays compare so where case is said not to matter.
std::string folded(std::string_view text);
bool equal_folded(std::string_view a, std::string_view b) noexcept;
// Equal when runs of white space count as one space and the ends do not count; case does not
// matter.
bool equal_but_for_spaces(std::string_view a, std::string_view b) noexcept;

// Systems whose codes are a grammar. `unknown` if `system` is not one of them.
struct SyntaxAnswer {
    bool is_syntax_system = false;
    Verdict verdict = Verdict::not_checkable;
};
SyntaxAnswer check_syntax_system(std::string_view system, std::string_view code);
// False if `code` cannot be one of `system` by its shape alone (ISO 3166, UN M49), although the
// system's content is not loaded; true for every other system.
bool has_code_shape(std::string_view system, std::string_view code) noexcept;

// BCP-47 language tag of registered shape; RFC 2046 media type; UCUM unit expression.
bool is_language_tag(std::string_view text);
bool is_media_type(std::string_view text);
bool is_ucum_unit(std::string_view text);

}  // namespace gatehouse::fhir
