#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Working out which codes a value set holds (FHIR R4 §4.9.5): every include is the intersection of
// its system's selection and its imports, the value set their union without the excludes. What
// cannot be worked out is a refusal that says why: a missing code system or import, a cycle, a
// filter that is not offered, too much work.

#include <map>
#include <memory>
#include <set>

#include "fhir/terminology/operations/code_bag.hpp"
#include "fhir/terminology/operations/request.hpp"
#include "fhir/terminology/operations/versions.hpp"
#include "fhir/terminology/value_set.hpp"

namespace gatehouse::fhir {

// Code systems as a request sees them: those sent along, those loaded, those stored.
class ContentView {
public:
    ContentView(const Terminology& terminology, const Asked& asked)
        : terminology_(terminology), asked_(asked) {}

    // nullptr if there is none of that version.
    const CodeSystemProvider* provider(std::string_view system, std::string_view version);
    // A CodeSystem resource of the request behind the interface; kept as long as this view.
    const CodeSystemProvider* provide(const Element& resource);
    // This resource speaks for its system, whatever is loaded: an instance level call.
    void prefer(const Element& resource) { preferred_ = &resource; }
    // "4.0.1, 4.1.0", or empty: what there is instead, for messages.
    [[nodiscard]] std::string versions(std::string_view system) const;
    [[nodiscard]] const Terminology& terminology() const noexcept { return terminology_; }
    [[nodiscard]] const Asked& asked() const noexcept { return asked_; }

private:
    const Terminology& terminology_;
    const Asked& asked_;
    const Element* preferred_ = nullptr;
    std::map<const Element*, std::shared_ptr<const CodeSystemProvider>> inline_;
};

// Value sets compiled for one request: with its version rules and the resources sent along.
class OneUse {
public:
    OneUse(ContentView& content, const VersionRules& rules) : content_(content), rules_(rules) {}
    // nullptr if `resource` is being compiled further up: a cycle.
    const ValueSetIndex* compile(const Element& resource);
    // What check-system-version found, for people; empty if nothing.
    [[nodiscard]] const std::string& mismatch() const noexcept { return mismatch_; }

private:
    ContentView& content_;
    const VersionRules& rules_;
    std::vector<const Element*> chain_;
    std::map<const Element*, std::unique_ptr<const ValueSetIndex>> done_;
    std::string mismatch_;
};

class Composer {
public:
    Composer(ContentView& content, VersionRules rules, ConceptBudget& budget)
        : content_(content), rules_(std::move(rules)), budget_(budget) {}

    // Adds the codes of `value_set` to `out`.
    std::optional<Refusal> collect(const Element& value_set, CodeBag& out);
    // The same by canonical, implicit value sets of code systems too.
    std::optional<Refusal> collect(std::string_view canonical, CodeBag& out);

    // "system|version" of what was drawn on, and the canonicals of imported value sets.
    [[nodiscard]] const std::set<std::string>& systems() const noexcept { return systems_; }
    [[nodiscard]] const std::set<std::string>& value_sets() const noexcept { return value_sets_; }
    // A fragment or example contributed: there may be more codes than these.
    [[nodiscard]] bool unclosed() const noexcept { return unclosed_; }
    // Warnings for the expansion ("used-codesystem ... is a draft"), code -> canonical.
    [[nodiscard]] const std::set<std::string>& fragments() const noexcept { return fragments_; }
    // A code system that is missing, where that is why collect() refused.
    [[nodiscard]] const std::string& missing_system() const noexcept { return missing_system_; }

private:
    std::optional<Refusal> collect_part(const Element& part, CodeBag& out);
    std::optional<Refusal> select(const Element& part, CodeBag& out);
    std::optional<Refusal>
    select_filtered(const Element& part, const CodeSystemProvider& provider, CodeGroup& group);
    void read_expansion(const Element& parent, CodeBag& out);
    std::optional<Refusal> implicit(std::string_view canonical, CodeBag& out, bool& found);
    static Refusal too_costly();

    ContentView& content_;
    VersionRules rules_;
    ConceptBudget& budget_;
    std::vector<std::string> chain_;
    std::set<std::string> systems_;
    std::set<std::string> value_sets_;
    std::set<std::string> fragments_;
    std::string missing_system_;
    bool unclosed_ = false;
};

// A provider's fault in answering a filter as a refusal of the operation.
Refusal refusal_of(const Fault& fault);

}  // namespace gatehouse::fhir
