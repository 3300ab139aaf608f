#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The two trees of snapshot generation. A snapshot's flat list of elements becomes a tree of Nodes
// (a slicing entry owns its slices), a differential's list becomes a tree of Changes in which
// levels that the author left out are present without a definition. Applying one to the other is
// then recursion.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/model/element.hpp"

namespace gatehouse::fhir::snapshot {

// One element of a snapshot under construction.
struct Node {
    const Element* definition = nullptr;  // ElementDefinition; shared until own() copies it
    bool owned = false;
    std::string_view name;   // last step of the path: "identifier", "value[x]"
    std::string_view slice;  // as in sliceName: "nhs", "nhs/verified"
    Node* parent =
        nullptr;  // of an entry: the element above; of a slice: the element above the entry
    Node* entry = nullptr;  // of a slice: its slicing entry (or the slice it reslices)
    std::vector<Node*> children;
    std::vector<Node*> slices;
};

// One element of a differential, or a level that it implies.
struct Change {
    const Element* definition = nullptr;
    std::string_view name;  // as written: "value[x]", "valueQuantity"
    std::string_view slice;
    std::string_view path;  // as written, for messages
    Change* parent = nullptr;
    bool reopened = false;          // its level was left and entered again: out of order
    std::vector<Change*> children;  // in written order, slices beside their entry
};

// "Patient.name.given" -> its three steps.
std::vector<std::string_view> split_steps(std::string_view path);

class NodePool {
public:
    Node& add() { return nodes_.emplace_back(); }
    Change& add_change() { return changes_.emplace_back(); }
    // A deep copy that shares definitions; slices come along unless `without_slices`.
    Node& copy(const Node& source, Node* parent, bool without_slices = false);

private:
    std::deque<Node> nodes_;
    std::deque<Change> changes_;
};

// Tree of a snapshot's (or of a first type's differential's) elements, or nullptr with `problem`
// set.
Node* build_tree(const Element& elements, NodePool& pool, std::string& problem);

// Tree of a differential. With `any_order`, elements find their level wherever it was written.
Change*
build_changes(const Element& differential, NodePool& pool, bool any_order, std::string& problem);

// A definition that may be changed.
Element& own(Node& node, Arena& arena);

// Slice of an entry by name, looking into reslices; or nullptr.
Node* find_slice(Node& entry, std::string_view name);

// Path and id of a node, and all nodes below as one list with both written into the definitions.
std::string node_id(const Node& node);
void flatten(Node& root, std::string_view root_name, Arena& arena, Element& snapshot);

// "value[x]" -> "value"; a name without [x] stays.
std::string_view choice_stem(std::string_view name) noexcept;
bool is_choice_name(std::string_view name) noexcept;
// True if `written` ("valueQuantity") is a typed spelling of the choice `name` ("value[x]").
bool spells_choice(std::string_view written, std::string_view name) noexcept;

}  // namespace gatehouse::fhir::snapshot
