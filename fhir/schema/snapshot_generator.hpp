#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The generator behind generate_snapshot(): keeps the bases it has read, so compiling a schema of
// hundreds of profiles reads each base once. Not thread-safe; fhir/schema guards it.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/packages/packages.hpp"
#include "fhir/schema/snapshot.hpp"
#include "fhir/schema/snapshot_tree.hpp"

namespace gatehouse::fhir::snapshot {

// A definition that others build on: its snapshot as a tree that nobody changes.
struct Base {
    std::string url;
    std::string type;  // "Patient"
    std::string kind;
    const Element* structure = nullptr;
    Node* root = nullptr;
    std::vector<std::string> problems;  // what making its snapshot ran into
};

class Generator {
public:
    Generator(const Definitions& definitions, Arena& arena, const SnapshotOptions& options)
        : definitions_(definitions), arena_(arena), options_(options) {}

    // Tree of `structure`'s snapshot, made from base and differential. nullptr only if there is
    // nothing to go on (no base, unreadable differential); lesser faults are problems() beside a
    // tree.
    Node* generate(const Element& structure);

    // What went wrong since the last clear, most important first found first.
    [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }
    [[nodiscard]] bool base_missing() const noexcept { return base_missing_; }
    void clear_problems() {
        problems_.clear();
        base_missing_ = false;
    }

    // A definition's snapshot: as published, else generated. nullptr if unknown or circular.
    const Base* base(std::string_view canonical);

private:
    void problem(std::string text) {
        if (problems_.size() < 100) {
            problems_.push_back(std::move(text));
        }
    }

    void apply(const Change& change, Node& node, bool slice);
    void apply_children(const Change& change, Node& node);
    void apply_group(Node& parent, std::size_t index, std::vector<Change*>& group);
    bool direct_spelling(
        const Node& entry, const std::vector<Change*>& entries, const std::vector<Change*>& slices
    );
    void apply_slices(Node& entry, Node& pristine, std::vector<Change*>& slices);
    void apply_type_slices(
        Node& entry, Node& pristine, std::vector<Change*>& entries, std::vector<Change*>& slices
    );
    const Element* sliced_type(const Node& pristine, const Change& change);
    Node* type_slice(Node& entry, Node& pristine, const Change& change, bool alone);
    void settle_types(Node& entry, std::string_view mandatory, bool shortcut);
    const Node* twin_slice(Node& entry, std::string_view name) const;
    Node& new_slice(Node& entry, const Node& pristine, std::string_view name, bool states_min);
    void use_type_profile(const Change& change, Node& node);
    bool expand(Node& node, std::string_view path);
    void merge(Node& node, const Element& change, std::string_view path, bool slice);
    void merge_types(
        Element& definition, const Node& node, const Element& change, std::string_view path
    );
    void merge_binding(Element& definition, const Element& change, std::string_view path);
    void drop_idle_binding(Element& definition);
    void merge_slicing(Element& definition, const Element& change, std::string_view path);
    void merge_cardinality(
        Element& definition, const Element& change, std::string_view path, bool slice
    );
    void check_value_type(const Element& definition, const Element& change, std::string_view path);
    bool type_allowed(std::string_view code, std::string_view allowed);
    bool same_release(std::string_view version);
    void complete(Node& root, std::string_view url);
    const Node* element_of_profile(std::string_view canonical, const Base*& home);

    const Definitions& definitions_;
    Arena& arena_;
    SnapshotOptions options_;
    NodePool pool_;
    std::unordered_map<std::string, std::unique_ptr<Base>> bases_;
    std::vector<std::string> making_;
    std::vector<std::string> problems_;
    const Base* home_ = nullptr;  // base of the structure in hand: contentReferences point into it
    std::string url_;             // of the structure in hand
    bool specialization_ = false;
    bool base_missing_ = false;
    bool core_version_known_ = false;
    std::string core_version_;
};

}  // namespace gatehouse::fhir::snapshot
