#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// TypeModel: the types of one FHIR version (resources, data types, primitives, and the anonymous
// type of every backbone element, named by its path: "Patient.contact"), compiled from
// StructureDefinitions into index-based tables. Codecs ask it for order, repetition and JSON
// spelling; FHIRPath asks it for children and type hierarchy. What profiles add (slices, bindings,
// invariants) is in fhir/schema. Immutable once built; shared by threads.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/base/result.hpp"
#include "fhir/model/element.hpp"
#include "fhir/model/symbols.hpp"

namespace gatehouse::fhir {

enum class TypeKind : std::uint8_t { primitive, complex, backbone, resource, logical };

// How a primitive is spelled in JSON.
enum class JsonKind : std::uint8_t { none, string, number, boolean, xhtml };

// One element of a type.
struct ChildInfo {
    std::string name;               // "name", or "value" for the choice value[x]
    Symbol symbol;                  // of `name`
    bool choice = false;            // value[x]
    bool repeats = false;           // max is not 0 or 1
    bool required = false;          // min > 0
    bool attribute = false;         // XML attribute (Element.id, Extension.url)
    std::vector<TypeId> types;      // one, or the choice's; {Resource} for contained; a
                                    // contentReference is resolved to the type it points at
    std::vector<Symbol> spellings;  // choice: symbol of "valueQuantity", ... parallel to `types`
};

struct TypeInfo {
    std::string name;  // "Patient", "HumanName", "string", "Patient.contact"
    std::string url;   // canonical of the StructureDefinition; empty for backbone types
    TypeId base = unknown_type;
    TypeKind kind = TypeKind::complex;
    JsonKind json = JsonKind::none;
    bool abstract = false;
    std::vector<ChildInfo> children;  // in definition order, inherited first
};

// A child found by its written name.
struct ChildMatch {
    const ChildInfo* info = nullptr;
    std::uint32_t index = 0;     // in TypeInfo::children
    TypeId type = unknown_type;  // chosen type of a choice, the single type otherwise
    explicit operator bool() const noexcept { return info != nullptr; }
};

class TypeModel {
public:
    // Builds from StructureDefinitions (derivation specialization or none, with snapshot; others
    // are passed over) as unannotated trees. `symbols` gets every element name and stays with the
    // model. Errc::invalid names the definition that cannot be used.
    static Result<TypeModel> build(std::span<const Element* const> structure_definitions);

    TypeModel(TypeModel&&) noexcept;
    TypeModel& operator=(TypeModel&&) noexcept;
    ~TypeModel();

    [[nodiscard]] const SymbolTable& symbols() const noexcept;
    // "Patient", "HumanName", "System.String" spellings are not handled here (fhir/path does).
    [[nodiscard]] TypeId find(std::string_view name) const noexcept;
    [[nodiscard]] const TypeInfo& type(TypeId id) const noexcept;
    [[nodiscard]] std::size_t type_count() const noexcept;
    // True if `type` is `ancestor` or derives from it.
    [[nodiscard]] bool is_a(TypeId type, TypeId ancestor) const noexcept;
    // Child of `parent` by written name: "name", "valueQuantity".
    [[nodiscard]] ChildMatch child(TypeId parent, Symbol written) const noexcept;
    // What annotate() sets in a child of `parent`, by its written name; zeros if it is not known.
    struct Place {
        TypeId type = unknown_type;
        std::uint32_t child_rule = 0;
        std::uint8_t choice_bytes = 0;
        bool may_repeat = false;
        void set(Element& node) const noexcept {
            node.type = type;
            node.child_rule = child_rule;
            node.choice_bytes = choice_bytes;
            node.may_repeat = may_repeat;
        }
    };
    [[nodiscard]] Place place_of(TypeId parent, Symbol written) const noexcept;
    // The type of a resource by its name's symbol.
    [[nodiscard]] TypeId resource_type(Symbol name) const noexcept;
    // Child of `parent` by FHIRPath name: "name", "value" (the choice).
    [[nodiscard]] const ChildInfo* child_by_path(TypeId parent, Symbol name) const noexcept;

    struct Impl;  // type_tables.hpp, for the builder

private:
    friend void annotate(Element& root, const TypeModel& model) noexcept;
    explicit TypeModel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Sets `type`, `child_rule`, `may_repeat` and `choice_bytes` (and a missing `symbol`) of every node
// of the tree below `root` (a resource) that the model knows; nodes it does not know keep 0, which
// the validator reports. One walk, no allocation.
void annotate(Element& root, const TypeModel& model) noexcept;

}  // namespace gatehouse::fhir
