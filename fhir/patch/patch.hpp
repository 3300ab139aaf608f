#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// Partial changes of a resource: JSON Patch (RFC 6902) on its JSON form, and FHIRPath Patch (FHIR
// R4 §2.8 fhirpatch) on its tree. Both are all or nothing: the caller keeps the result only when
// no fault came back, and judges it like any other resource.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/model/element.hpp"
#include "fhir/model/types.hpp"

namespace gatehouse::fhir {

// Most operations of one patch, and most JSON nodes that its copies may make: a few `copy`
// operations would otherwise double a document again and again.
inline constexpr std::size_t patch_operations_max = 1000;
inline constexpr std::size_t patch_nodes_max = 1'000'000;
inline constexpr std::size_t patch_depth_max = 128;

// Why a patch did nothing. `text` quotes operations and paths, never values of the resource.
struct PatchFault {
    enum class Kind : std::uint8_t {
        malformed,  // the patch itself is no patch
        unmet,      // it does not fit this resource: no such place, index out of range
        untrue,     // a `test` did not hold
        too_large,  // over a limit above
    };
    Kind kind = Kind::malformed;
    std::uint32_t operation = 0;  // 0-based
    std::string text;
};

class JsonPatch {
public:
    JsonPatch();
    JsonPatch(JsonPatch&&) noexcept;
    JsonPatch& operator=(JsonPatch&&) noexcept;
    ~JsonPatch();

    // Reads a patch document; it owns what it needs of `text`.
    static std::optional<PatchFault> read(std::string_view text, JsonPatch& out);
    // `document` with every operation applied, in order. Arrays and objects that end up empty are
    // left out, since FHIR has none.
    std::optional<PatchFault> apply(std::string_view document, std::string& out) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Applies the operations of `parameters` (a Parameters resource) to `resource`. Both trees are
// annotated and live in `arena`; values are moved over, so `parameters` is spent afterwards.
// `resource` is annotated again. After a fault `resource` is half changed: throw it away.
std::optional<PatchFault>
apply_path_patch(Element& parameters, Element& resource, const TypeModel& types, Arena& arena);

// Only the form of the operations: what apply_path_patch() would refuse whatever the resource.
std::optional<PatchFault> check_path_patch(Element& parameters, const TypeModel& types);

}  // namespace gatehouse::fhir
