#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Element: the one tree for every FHIR resource, whether it came as JSON or XML. A node is an
// element in FHIR's sense: a name, perhaps a primitive value, and children. Decoders (fhir/json,
// fhir/xml) build it in a message's arena, annotate() (types.hpp) adds types, and validator,
// FHIRPath, search and encoders read it.
//
// Invariants
// - A repeating element is several siblings of the same name, next to one another, in order.
// - A JSON member and its "_member" twin are one element: value plus id and extension children.
// - A JSON null inside an array is an element without value and without children (placeholder).
// - A resource (root, contained, Bundle.entry.resource, Parameters.parameter.resource, ...) has
//   is_resource set and its type in `resource_type()`; there is no "resourceType" child.
// - xhtml (Narrative.div) is one element whose value is the source text from "<div" to "</div>",
//   never re-serialised; in JSON that is the decoded string.
// - XML attributes ("id", "url") are ordinary children with a value.
// - Values are text: decimals keep their digits, whatever the source format.

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "fhir/model/symbols.hpp"

namespace gatehouse::fhir {

// A type of the type model (types.hpp); 0 is unknown.
using TypeId = std::uint32_t;
inline constexpr TypeId unknown_type = 0;

// How a primitive value was written. XML has only `text`.
enum class Written : std::uint8_t { nothing, text, string, number, boolean, xhtml };

struct Element {
    std::string_view name;   // as written, without a leading '_' ("valueQuantity", "entry")
    std::string_view value;  // primitive text; a resource's type name when is_resource
    Element* parent = nullptr;
    Element* first_child = nullptr;
    Element* next = nullptr;  // next sibling
    Symbol symbol = unknown_symbol;
    TypeId type = unknown_type;  // set by annotate(): "HumanName", "Patient.contact", "code"
    std::uint32_t child_rule =
        0;                     // set by annotate(): index + 1 of the ChildInfo in the parent's type
    std::uint32_t offset = 0;  // first byte of this element's value (JSON) or tag (XML)
    std::uint32_t end_offset = 0;  // one past its last byte
    Written written = Written::nothing;
    bool is_resource : 1 = false;
    bool in_array : 1 = false;    // JSON: came from an array
    bool has_twin : 1 = false;    // JSON: "_name" was written for it, so it is a primitive
    bool may_repeat : 1 = false;  // set by annotate(): the definition allows several
    bool lost_part : 1 = false;   // JSON: had a member that says nothing ([]) and was noted
    std::uint8_t choice_bytes =
        0;  // set by annotate(): length of "value" in "valueQuantity"; 0: no choice

    [[nodiscard]] bool has_value() const noexcept { return written != Written::nothing; }
    [[nodiscard]] std::string_view resource_type() const noexcept {
        return is_resource ? value : std::string_view{};
    }

    // First child with that name (as written), or nullptr.
    [[nodiscard]] Element* child(std::string_view wanted) const noexcept;
    [[nodiscard]] Element* child(Symbol wanted) const noexcept;
    // Value of the first child with that name, or empty.
    [[nodiscard]] std::string_view child_value(std::string_view wanted) const noexcept;
    // Next sibling of the same name, or nullptr.
    [[nodiscard]] Element* next_same() const noexcept;
    // 0-based position among siblings of the same name.
    [[nodiscard]] std::uint32_t index() const noexcept;
    // True if the parent holds several of this name, or the JSON source wrote an array.
    [[nodiscard]] bool repeats() const noexcept;

    // for (const Element& child : element.children())
    class Iterator {
    public:
        using value_type = Element;
        using difference_type = std::ptrdiff_t;
        explicit Iterator(Element* at = nullptr) : at_(at) {}
        Element& operator*() const { return *at_; }
        Element* operator->() const { return at_; }
        Iterator& operator++() {
            at_ = at_->next;
            return *this;
        }
        bool operator==(const Iterator&) const = default;

    private:
        Element* at_;
    };
    struct Children {
        Element* first;
        [[nodiscard]] Iterator begin() const { return Iterator{first}; }
        [[nodiscard]] Iterator end() const { return Iterator{}; }
    };
    [[nodiscard]] Children children() const noexcept { return {first_child}; }
};

static_assert(std::is_trivially_destructible_v<Element>);

enum class Format : std::uint8_t { json, xml };

// 1-based line and column (in code points) of a byte offset. O(offset): for issues, not for the hot
// path.
struct Position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};
Position position_of(std::string_view source, std::size_t offset) noexcept;

// The same for many offsets of one source: each costs the way from the one before, so findings in
// the order of the message cost one reading of it together.
class PositionCursor {
public:
    explicit PositionCursor(std::string_view source) : source_(source) {}
    Position at(std::size_t offset) noexcept;

private:
    std::string_view source_;
    std::size_t seen_ = 0;  // the offset before, at line_ and column_
    std::uint32_t line_ = 1;
    std::uint32_t column_ = 1;
};

// FHIRPath expression of an element as R4 issues write it: "Patient.name[0].given[1]",
// "Observation.value.ofType(Quantity)" (needs annotate()), "Bundle.entry[0].resource.name[0]".
// An index is written where the element may repeat by definition (annotated) or repeats in fact.
std::string expression_of(const Element& element);

// The same for many elements of one tree that does not change meanwhile: the place of a root's
// child among its siblings (Bundle.entry[14000]) is counted on from the one before, so findings in
// the order of the message cost one look at the children together.
class ExpressionCursor {
public:
    std::string of(const Element& element);

private:
    std::uint32_t index_of(const Element& node);
    const Element* seen_ = nullptr;  // a child of the root
    std::uint32_t index_ = 0;        // its place among those of its name
};

// The nearest enclosing resource (itself if it is one), and the outermost one.
const Element& enclosing_resource(const Element& element) noexcept;
const Element& root_resource(const Element& element) noexcept;

}  // namespace gatehouse::fhir
