#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// The facts of one package in one block of bytes: an index of its resources and their trees, ready
// to be mapped and decoded node by node. Numbers are LEB128, strings are length and bytes, names
// are indexes into one table. Decoding checks every bound, so a damaged file yields nullptr, not a
// crash.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/base/arena.hpp"
#include "fhir/model/element.hpp"
#include "fhir/packages/packages.hpp"

namespace gatehouse::fhir::packages {

// Raised whenever the layout or what prose stripping keeps changes: older files are rebuilt.
inline constexpr std::uint32_t facts_format = 6;

struct FactsEntry {
    std::string_view type;
    std::string_view url;
    std::string_view version;
    std::string_view id;
    std::uint64_t offset = 0;  // of the tree, from the start of the block
    std::uint32_t length = 0;
};

class FactsWriter {
public:
    // Adds a resource as it is; views may die afterwards.
    void add(const Element& resource);
    [[nodiscard]] std::size_t count() const noexcept { return entries_.size(); }
    // The whole block. `stamp` says what the source looked like (source.hpp).
    [[nodiscard]] std::string finish(
        const PackageInfo& info, std::string_view stamp, std::span<const std::string> notes
    ) const;

private:
    void node(const Element& element);
    std::uint32_t name_id(std::string_view name);

    struct Entry {
        std::string type, url, version, id;
        std::uint64_t offset = 0;
        std::uint32_t length = 0;
    };
    std::vector<Entry> entries_;
    std::unordered_map<std::string, std::uint32_t> name_ids_;
    std::vector<std::string> names_;
    std::string bodies_;
};

// What a block says; views point into it.
struct Facts {
    PackageInfo info;
    std::string stamp;
    std::vector<std::string> notes;
    std::vector<std::string_view> names;
    std::vector<FactsEntry> entries;
};

// False if the block is not one of this format or damaged.
bool read_facts(std::string_view block, Facts& out);

// The tree at an entry, or nullptr if damaged. Values point into `block`.
Element* decode_tree(
    std::string_view block,
    std::span<const std::string_view> names,
    std::uint64_t offset,
    std::uint32_t length,
    Arena& arena
);

// Cuts what no engine part reads (narrative, descriptions, mappings, ...) from a conformance
// resource.
void strip_prose(Element& resource);

}  // namespace gatehouse::fhir::packages
