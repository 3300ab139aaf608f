#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// FHIRPath (N1, 2.0.0, plus FHIR R4's additions): text -> compiled expression -> collection.
// Compile once, evaluate from any thread. Everything an evaluation makes lives in the caller's
// arena; every evaluation has a step budget, so no expression can hold a worker.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/base/result.hpp"
#include "fhir/model/element.hpp"
#include "fhir/model/types.hpp"

namespace gatehouse::fhir::path {

// What an item is. `element` wraps a tree node (complex, or a primitive with its id and
// extensions); the others are values that an expression computed.
enum class ItemKind : std::uint8_t {
    element,
    boolean,
    string,
    integer,
    decimal,
    date,
    date_time,
    time,
    quantity,
    type_info,
};

// Flags of a quantity's `integer`: whether its unit is a calendar word ("7 days") rather than a
// UCUM code, and whether it came from a FHIR Quantity in UCUM, whose "a" and "mo" may be read
// either way.
inline constexpr std::int64_t quantity_calendar = 1;
inline constexpr std::int64_t quantity_from_fhir = 2;

// One item of a collection; trivially copyable. Text of computed values lives in the arena or in
// the expression, so an Item outlives neither. type_info: text is the name, unit the namespace.
struct Item {
    ItemKind kind = ItemKind::boolean;
    bool truth = false;                // boolean
    const Element* element = nullptr;  // element
    std::string_view text;             // string; digits of integer and decimal; ISO text of dates
    std::string_view unit;             // quantity: UCUM code or calendar word
    std::int64_t integer = 0;          // integer; quantity: flags above
    TypeId type = unknown_type;        // element: its type; computed values: 0
};

// Items of one evaluation; storage in the arena or in static memory.
using Collection = std::span<const Item>;

// FHIR or System type name of an item: "boolean", "HumanName", "Quantity", "dateTime".
std::string_view type_name(const Item& item, const TypeModel& types);
// Canonical text of an item: primitives as FHIR writes them, quantities as literals ("4 'mg'"),
// complex elements empty.
std::string to_text(const Item& item);

// Where and why an expression does not compile or evaluate.
enum class ErrorPhase : std::uint8_t { syntax, semantic, execution };
struct Error {
    ErrorPhase phase = ErrorPhase::syntax;
    std::string message;
    std::uint32_t offset = 0;  // in the expression's text
};

// The message with the place in `expression` that it is about, as people count: "... (column 7)",
// "... (line 2, column 3)" where the expression has several lines. Columns count code points.
std::string located(const Error& error, std::string_view expression);

struct CompileOptions {
    // Check names and types against the model (strict mode); needs `context_type`.
    bool strict = false;
    std::string_view context_type;
    // R4's own invariants and search parameters write "descendants().as(uri)" and "(x.value as
    // Quantity)" over several items, so `as` keeps what fits, like ofType(). Off: more than one
    // item is an error, as FHIRPath N1 §6.3.3 says.
    bool as_filters = true;
};

class Expression {
public:
    Expression();
    Expression(Expression&&) noexcept;
    Expression& operator=(Expression&&) noexcept;
    ~Expression();
    [[nodiscard]] const std::string& text() const;
    explicit operator bool() const noexcept { return program_ != nullptr; }

    struct Program;
    [[nodiscard]] const Program& program() const { return *program_; }

private:
    friend class Compiler;
    std::unique_ptr<const Program> program_;
};

// Empty optional-like: on failure `error` is filled and the expression is empty. `types` must
// outlive it.
Expression compile(
    std::string_view text, const TypeModel& types, Error& error, const CompileOptions& options = {}
);

// The expression in canonical form: fully bracketed operators, escapes normalised, no comments. It
// parses again to an equal tree.
std::string print(const Expression& expression);

// What an evaluation may ask of its surroundings. Plain function pointers with a context keep it
// cheap; a null one means "not available here", which makes the function empty or an error as the
// spec says.
struct Environment {
    const TypeModel* types = nullptr;
    const Element* resource = nullptr;  // %resource: nearest enclosing; derived from focus if null
    const Element* root_resource = nullptr;  // %rootResource
    const Element* context = nullptr;        // %context; the focus if null
    void* user = nullptr;
    // resolve(): the resource behind a reference text, or nullptr. Contained and Bundle entries are
    // found by the engine itself before this is asked.
    const Element* (*resolve)(void* user, std::string_view reference, const Element& from) =
        nullptr;
    // memberOf(): 1 member, 0 not, -1 not checkable here.
    int (*member_of)(void* user, const Item& code, std::string_view value_set) = nullptr;
    // conformsTo(): 1 conforms, 0 not, -1 unknown profile.
    int (*conforms_to)(void* user, const Element& element, std::string_view profile) = nullptr;
    // %name -> text of a user variable; false if unknown.
    bool (*variable)(void* user, std::string_view name, Item& out) = nullptr;
    // trace(): gets the name and the collection; may be null.
    void (*trace)(void* user, std::string_view name, Collection items) = nullptr;
    std::string_view now;  // ISO instant for now()/today(); the library reads no clock
    std::uint64_t step_budget = 1'000'000;
    // Grows by the steps that the evaluation took, also when it failed; may be null.
    std::uint64_t* steps_taken = nullptr;
    // Off: the general evaluator alone decides, without shapes and trails (for tests that compare).
    bool shortcuts = true;
};

// Evaluates with one focus element (or none: empty input). On failure `error` is filled and the
// result is empty; check error.message. Thread-safe for one Expression and many arenas.
struct Outcome {
    Collection items;
    bool failed = false;
    Error error;
};
Outcome evaluate(
    const Expression& expression, const Element* focus, const Environment& environment, Arena& arena
);

// An invariant's truth: empty counts as `unknown`, a single boolean as itself, other singletons as
// true (FHIRPath singleton evaluation of collections).
enum class Truth : std::uint8_t { no, yes, unknown, failed };
Truth evaluate_truth(
    const Expression& expression,
    const Element* focus,
    const Environment& environment,
    Arena& arena,
    Error& error
);

}  // namespace gatehouse::fhir::path
