#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// CodeBag: the codes of a value set while it is worked out, by code system and version. Codes that
// the loaded content knows are bits of a ConceptSet; others, and those that a value set lists one
// by one, are entries in the order in which they were listed.

#include <deque>
#include <string>
#include <unordered_map>

#include "fhir/base/hash.hpp"
#include "fhir/terminology/provider.hpp"

namespace gatehouse::fhir {

// A code that a value set lists by itself: it may have its own display and designations there.
struct ListedCode {
    std::string_view code;
    const Element* node = nullptr;  // compose.include.concept or expansion.contains
    std::optional<ConceptNumber> number;
    bool alive = true;
};

struct CodeGroup {
    std::string_view system;
    std::string version;
    const CodeSystemProvider* provider = nullptr;  // nullptr: nothing loaded knows the system
    ConceptSet set;                                // of the provider
    std::vector<ListedCode> listed;
    std::unordered_map<std::string_view, std::size_t, TextHash, TextEqual> by_code;  // of `listed`

    void list(std::string_view code, const Element* node);
    [[nodiscard]] bool contains(std::string_view code) const;
    void drop(std::string_view code);
    [[nodiscard]] std::uint64_t count() const;
};

class CodeBag {
public:
    // The group of that system and version, made if there is none.
    CodeGroup&
    group(std::string_view system, std::string_view version, const CodeSystemProvider* provider);
    [[nodiscard]] bool contains(std::string_view system, std::string_view code) const;
    // False if the budget is spent.
    bool add(const CodeBag& other, ConceptBudget& budget);
    bool keep_only(const CodeBag& other, ConceptBudget& budget);
    bool subtract(const CodeBag& other, ConceptBudget& budget);
    void drop_inactive();
    [[nodiscard]] std::uint64_t count() const;
    [[nodiscard]] std::deque<CodeGroup>& groups() noexcept { return groups_; }
    [[nodiscard]] const std::deque<CodeGroup>& groups() const noexcept { return groups_; }

private:
    std::deque<CodeGroup> groups_;
};

}  // namespace gatehouse::fhir
