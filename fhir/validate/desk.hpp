#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Desk: what a check of one resource type (answers against their form, reports against their
// measure, definitions against what they define) may ask of the walk that calls it. Such a check
// runs once for a resource of its type, after the walk of the resource, and never for another.

#include <string>
#include <string_view>
#include <utility>

#include "fhir/validate/text.hpp"
#include "fhir/validate/walk.hpp"

namespace gatehouse::fhir::judge {

class Desk {
public:
    explicit Desk(Walker& walker) : walker_(walker) {}

    // `words` is called only if the issue is kept.
    template <class Words>
    void report(const RuleInfo& rule, const Element& at, Words&& words) const {
        walker_.report(rule, at, std::forward<Words>(words));
    }
    template <class Words>
    void
    report_as(const RuleInfo& rule, Severity severity, const Element& at, Words&& words) const {
        walker_.report_as(rule, severity, at, std::forward<Words>(words));
    }
    [[nodiscard]] std::string shown(std::string_view value) const { return walker_.shown(value); }

    [[nodiscard]] const Schema& schema() const { return walker_.schema_; }
    [[nodiscard]] const TypeModel& types() const { return walker_.types_; }
    [[nodiscard]] const Terminology& terminology() const { return walker_.terminology_; }
    [[nodiscard]] const ValidateOptions& options() const { return walker_.options_; }
    [[nodiscard]] Arena& arena() const { return walker_.arena_; }
    // The compiled profile or base type, or nullptr.
    [[nodiscard]] const Plan* plan(std::string_view canonical) const {
        return walker_.planner_.plan(canonical);
    }
    // True if the resource being checked stands in another's `contained`.
    [[nodiscard]] bool contained() const {
        return walker_.scope_ != nullptr && walker_.scope_->contained;
    }

    // Something could not be decided; it counts and is no error.
    void leave_undecided() const { ++walker_.out_.not_checkable; }
    // Takes steps from the message's budget; false once it is spent.
    [[nodiscard]] bool spend(std::uint64_t steps = 1) const { return walker_.spend(steps); }

    // Tree of a loaded definition ("url" or "url|version"), or nullptr. Its nodes have names and
    // values, no types.
    [[nodiscard]] const Element*
    definition(std::string_view type, std::string_view canonical) const;
    // The contained resource that "#id" means, seen from `from`; nullptr if there is none.
    [[nodiscard]] const Element*
    contained_resource(const Element& from, std::string_view reference) const;
    // What a reference in the message means: contained, or in the Bundle around it.
    [[nodiscard]] const Element* resolve(const Element& from, std::string_view reference) const {
        return walker_.resolve(from, reference);
    }
    // Evaluates a FHIRPath condition on a resource; unknown if it is empty or cannot be evaluated.
    [[nodiscard]] path::Truth truth(std::string_view expression, const Element& resource) const;

private:
    Walker& walker_;
};

// The check of a resource type beyond its StructureDefinition, or nullptr: most have none.
ResourceCheck resource_check(std::string_view type) noexcept;

// ---- Small questions about trees, loaded or received ----

// value[x] of the first extension with that url, or nullptr.
const Element* extension_value(const Element& at, std::string_view url) noexcept;
// Child whose name begins with `stem` and goes on ("value" finds valueCoding, not value itself).
const Element* choice_child(const Element& at, std::string_view stem) noexcept;
// "Coding" of valueCoding with stem "value"; empty if the name is not such a one.
std::string_view choice_type(const Element& child, std::string_view stem) noexcept;
// http://, https:// or urn: with something behind it.
bool is_absolute_url(std::string_view text) noexcept;

// children(parent, "item") for a range-for over children of one name.
class NamedChildren {
public:
    NamedChildren(const Element& parent, std::string_view name) : first_(parent.child(name)) {}
    class Iterator {
    public:
        explicit Iterator(const Element* at) : at_(at) {}
        const Element& operator*() const { return *at_; }
        Iterator& operator++() {
            at_ = at_->next_same();
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        const Element* at_;
    };
    [[nodiscard]] Iterator begin() const { return Iterator(first_); }
    [[nodiscard]] static Iterator end() { return Iterator(nullptr); }
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const {
        std::size_t count = 0;
        for (const Element* at = first_; at != nullptr; at = at->next_same()) {
            ++count;
        }
        return count;
    }

private:
    const Element* first_;
};

inline NamedChildren children(const Element& parent, std::string_view name) {
    return {parent, name};
}

}  // namespace gatehouse::fhir::judge
