// SPDX-License-Identifier: Apache-2.0
//
// Any text as a StructureDefinition: generation ends in bounded time with a snapshot or a reason,
// and what it makes can be generated again. The base is a small resource of our own, so the target
// needs no files.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fhir/json/json.hpp"
#include "fhir/packages/packages.hpp"
#include "fhir/schema/schema.hpp"
#include "fhir/schema/snapshot.hpp"

namespace {

using namespace gatehouse;
using namespace gatehouse::fhir;

std::string structure(
    std::string_view name, std::string_view kind, std::string_view base, std::string_view elements
) {
    std::string text =
        R"({"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/)";
    text += name;
    text += R"(","fhirVersion":"4.0.1","version":"4.0.1","kind":")";
    text += kind;
    text += R"(","type":")";
    text += name;
    if (!base.empty()) {
        text += R"(","baseDefinition":"http://hl7.org/fhir/StructureDefinition/)";
        text += base;
    }
    text += R"(","derivation":"specialization","snapshot":{"element":[)";
    text += elements;
    text += "]}}";
    return text;
}

const Definitions& small_core() {
    static const std::unique_ptr<Definitions> core = [] {
        auto definitions = std::make_unique<Definitions>();
        Issues notes;
        const std::string extension =
            R"({"path":"%.extension","min":0,"max":"*","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"open"},"type":[{"code":"Extension"}]})";
        const auto with_extension = [&](std::string name) {
            std::string text = extension;
            return text.replace(text.find('%'), 1, name);
        };
        for (const std::string& text :
             {structure(
                  "Element",
                  "complex-type",
                  "",
                  R"({"path":"Element","min":0,"max":"*"},)" + with_extension("Element")
              ),
              structure(
                  "string", "primitive-type", "Element", R"({"path":"string","min":0,"max":"*"})"
              ),
              structure(
                  "Extension",
                  "complex-type",
                  "Element",
                  R"({"path":"Extension","min":0,"max":"*"},)" + with_extension("Extension") +
                      R"(,{"path":"Extension.url","min":1,"max":"1","type":[{"code":"string"}]},
                               {"path":"Extension.value[x]","min":0,"max":"1","type":[{"code":"string"},{"code":"Box"}]})"
              ),
              structure(
                  "Box",
                  "complex-type",
                  "Element",
                  R"({"path":"Box","min":0,"max":"*"},)" + with_extension("Box") +
                      R"(,{"path":"Box.system","min":0,"max":"1","type":[{"code":"string"}]},
                               {"path":"Box.inner","min":0,"max":"*","type":[{"code":"Box"}]})"
              ),
              structure(
                  "Thing",
                  "resource",
                  "",
                  R"({"path":"Thing","min":0,"max":"*"},{"id":"Thing.part","path":"Thing.part","min":0,"max":"*","type":[{"code":"Element"}]},
                           {"path":"Thing.part.part","min":0,"max":"*","contentReference":"#Thing.part"},
                           {"path":"Thing.box","min":0,"max":"*","type":[{"code":"Box"}]},
                           {"path":"Thing.value[x]","min":0,"max":"1","type":[{"code":"string"},{"code":"Box"}]})"
              )}) {
            (void)definitions->load_text(text, "core", notes);
        }
        return definitions;
    }();
    return *core;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 64 * 1024) {
        return 0;
    }
    static const SymbolTable symbols;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Arena arena;
    const Decoded decoded = read_json(text, arena, symbols);
    if (decoded.root == nullptr) {
        return 0;
    }
    for (const bool sorted : {false, true}) {
        const auto made = generate_snapshot(
            *decoded.root,
            small_core(),
            arena,
            {.sort_differential = sorted, .slices_inherit = sorted}
        );
        if (made) {
            const auto again =
                generate_snapshot(**made, small_core(), arena, {.sort_differential = sorted});
            GH_ASSERT(again || sorted);
        }
    }
    return 0;
}
