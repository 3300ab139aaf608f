// SPDX-License-Identifier: Apache-2.0
#include "fhir/packages/facts.hpp"

#include <cstring>

namespace gatehouse::fhir::packages {
namespace {

constexpr std::string_view facts_magic = "GHFACTS";
constexpr unsigned facts_depth_max = 512;

void put_number(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>((value & 0x7FU) | 0x80U);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

void put_text(std::string& out, std::string_view text) {
    put_number(out, text.size());
    out += text;
}

// Reads with bounds; after the first failure everything reads as zero or empty and ok() is false.
class Cursor {
public:
    explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (at_ >= bytes_.size()) {
                break;
            }
            const auto byte = static_cast<unsigned char>(bytes_[at_++]);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        ok_ = false;
        return 0;
    }
    unsigned byte() {
        if (at_ >= bytes_.size()) {
            ok_ = false;
            return 0;
        }
        return static_cast<unsigned char>(bytes_[at_++]);
    }
    std::string_view text() {
        const std::uint64_t size = number();
        if (!ok_ || size > bytes_.size() - at_) {
            ok_ = false;
            return {};
        }
        const auto result = bytes_.substr(at_, size);
        at_ += size;
        return result;
    }
    // A count of things that take at least one byte each, so a wrong one cannot ask for memory.
    std::uint64_t count() {
        const std::uint64_t value = number();
        if (value > bytes_.size() - at_) {
            ok_ = false;
            return 0;
        }
        return value;
    }
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t position() const noexcept { return at_; }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

// A quick check that a file is what was written (bit rot, a torn copy); not a defence against
// malice, which could as well rewrite the definitions themselves.
std::uint64_t facts_checksum(std::string_view bytes) {
    std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ bytes.size();
    while (bytes.size() >= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
        hash ^= hash >> 32;
        bytes.remove_prefix(8);
    }
    for (const char byte : bytes) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0xFF51AFD7ED558CCDULL;
    }
    return hash ^ (hash >> 29);
}

// Bits of a node's first byte; the rest is Written.
constexpr unsigned node_children = 1;
constexpr unsigned node_resource = 2;
constexpr unsigned node_array = 4;
constexpr unsigned node_written_shift = 3;

Element* decode_node(
    Cursor& cursor,
    std::span<const std::string_view> names,
    Element* parent,
    Arena& arena,
    unsigned depth
) {
    const unsigned flags = cursor.byte();
    const std::uint64_t name = cursor.number();
    if (!cursor.ok() || name >= names.size() || depth > facts_depth_max) {
        return nullptr;
    }
    auto* element = arena.create<Element>();
    element->name = names[name];
    element->parent = parent;
    element->is_resource = (flags & node_resource) != 0;
    element->in_array = (flags & node_array) != 0;
    const unsigned written = flags >> node_written_shift;
    if (written > static_cast<unsigned>(Written::xhtml)) {
        return nullptr;
    }
    element->written = static_cast<Written>(written);
    if (element->is_resource || element->has_value()) {
        element->value = cursor.text();
    }
    if ((flags & node_children) != 0) {
        const std::uint64_t count = cursor.count();
        Element* last = nullptr;
        for (std::uint64_t i = 0; i < count; ++i) {
            Element* child = decode_node(cursor, names, element, arena, depth + 1);
            if (child == nullptr) {
                return nullptr;
            }
            (last == nullptr ? element->first_child : last->next) = child;
            last = child;
        }
    }
    return cursor.ok() ? element : nullptr;
}

}  // namespace

std::uint32_t FactsWriter::name_id(std::string_view name) {
    const auto [at, is_new] =
        name_ids_.try_emplace(std::string(name), static_cast<std::uint32_t>(names_.size()));
    if (is_new) {
        names_.emplace_back(name);
    }
    return at->second;
}

void FactsWriter::node(const Element& element) {
    unsigned flags = static_cast<unsigned>(element.written) << node_written_shift;
    std::uint64_t count = 0;
    for ([[maybe_unused]] const Element& child : element.children()) {
        ++count;
    }
    flags |= count != 0 ? node_children : 0U;
    flags |= element.is_resource ? node_resource : 0U;
    flags |= element.in_array ? node_array : 0U;
    bodies_ += static_cast<char>(flags);
    put_number(bodies_, name_id(element.name));
    if (element.is_resource || element.has_value()) {
        put_text(bodies_, element.value);
    }
    if (count != 0) {
        put_number(bodies_, count);
        for (const Element& child : element.children()) {
            node(child);
        }
    }
}

void FactsWriter::add(const Element& resource) {
    Entry entry{
        std::string(resource.resource_type()),
        std::string(resource.child_value("url")),
        std::string(resource.child_value("version")),
        std::string(resource.child_value("id")),
        bodies_.size(),
        0};
    node(resource);
    entry.length = static_cast<std::uint32_t>(bodies_.size() - entry.offset);
    entries_.push_back(std::move(entry));
}

std::string FactsWriter::finish(
    const PackageInfo& info, std::string_view stamp, std::span<const std::string> notes
) const {
    std::string head;
    put_number(head, facts_format);
    put_text(head, stamp);
    put_text(head, info.name);
    put_text(head, info.version);
    put_text(head, info.fhir_version);
    put_text(head, info.digest);
    put_text(head, info.source);
    put_number(head, info.dependencies.size());
    for (const auto& [name, version] : info.dependencies) {
        put_text(head, name);
        put_text(head, version);
    }
    put_number(head, notes.size());
    for (const std::string& note : notes) {
        put_text(head, note);
    }
    put_number(head, names_.size());
    for (const std::string& name : names_) {
        put_text(head, name);
    }
    put_number(head, entries_.size());
    for (const Entry& entry : entries_) {
        put_text(head, entry.type);
        put_text(head, entry.url);
        put_text(head, entry.version);
        put_text(head, entry.id);
        put_number(head, entry.offset);
        put_number(head, entry.length);
    }
    std::string block(facts_magic);
    put_number(block, head.size());  // before the trees follow it
    put_number(block, bodies_.size());
    head += bodies_;
    put_number(block, facts_checksum(head));
    block += head;
    return block;
}

bool read_facts(std::string_view block, Facts& out) {
    if (!block.starts_with(facts_magic)) {
        return false;
    }
    Cursor sizes(block.substr(facts_magic.size()));
    const std::uint64_t head_size = sizes.number();
    const std::uint64_t body_size = sizes.number();
    const std::uint64_t checksum = sizes.number();
    const std::size_t head_at = facts_magic.size() + sizes.position();
    // A file cut short by a full disk must not pass for a whole one.
    if (!sizes.ok() || head_size > block.size() - head_at ||
        body_size != block.size() - head_at - head_size ||
        checksum != facts_checksum(block.substr(head_at))) {
        return false;
    }
    Cursor cursor(block.substr(head_at, head_size));
    if (cursor.number() != facts_format) {
        return false;
    }
    out.stamp = cursor.text();
    out.info.name = cursor.text();
    out.info.version = cursor.text();
    out.info.fhir_version = cursor.text();
    out.info.digest = cursor.text();
    out.info.source = cursor.text();
    for (std::uint64_t left = cursor.count(); left > 0 && cursor.ok(); --left) {
        const auto name = cursor.text();
        const auto version = cursor.text();
        out.info.dependencies.emplace_back(name, version);
    }
    for (std::uint64_t left = cursor.count(); left > 0 && cursor.ok(); --left) {
        out.notes.emplace_back(cursor.text());
    }
    const std::uint64_t names = cursor.count();
    out.names.reserve(names);
    for (std::uint64_t i = 0; i < names && cursor.ok(); ++i) {
        out.names.push_back(cursor.text());
    }
    const std::uint64_t entries = cursor.count();
    out.entries.reserve(entries);
    for (std::uint64_t i = 0; i < entries && cursor.ok(); ++i) {
        FactsEntry entry;
        entry.type = cursor.text();
        entry.url = cursor.text();
        entry.version = cursor.text();
        entry.id = cursor.text();
        const std::uint64_t offset = cursor.number();
        const std::uint64_t length = cursor.number();
        if (offset > body_size || length > body_size - offset) {
            return false;
        }
        entry.offset = head_at + head_size + offset;
        entry.length = static_cast<std::uint32_t>(length);
        out.entries.push_back(entry);
    }
    out.info.resource_count = out.entries.size();
    return cursor.ok();
}

Element* decode_tree(
    std::string_view block,
    std::span<const std::string_view> names,
    std::uint64_t offset,
    std::uint32_t length,
    Arena& arena
) {
    Cursor cursor(block.substr(offset, length));
    return decode_node(cursor, names, nullptr, arena, 0);
}

}  // namespace gatehouse::fhir::packages
