// SPDX-License-Identifier: Apache-2.0
#include "fhir/model/types.hpp"

#include <bit>

#include "fhir/model/type_tables.hpp"

namespace gatehouse::fhir {
namespace {

TypeModel::Place place_in(const TypeModel::Impl::Slot& slot) noexcept {
    return {slot.type, slot.child + 1U, slot.choice_bytes, slot.repeats};
}

}  // namespace

TypeModel::TypeModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TypeModel::TypeModel(TypeModel&&) noexcept = default;
TypeModel& TypeModel::operator=(TypeModel&&) noexcept = default;
TypeModel::~TypeModel() = default;

const SymbolTable& TypeModel::symbols() const noexcept {
    return impl_->symbols;
}

TypeId TypeModel::find(std::string_view name) const noexcept {
    const auto found = impl_->by_name.find(name);
    return found == impl_->by_name.end() ? unknown_type : found->second;
}

const TypeInfo& TypeModel::type(TypeId id) const noexcept {
    return impl_->types[id < impl_->types.size() ? id : unknown_type];
}

std::size_t TypeModel::type_count() const noexcept {
    return impl_->types.size();
}

bool TypeModel::is_a(TypeId type, TypeId ancestor) const noexcept {
    for (TypeId at = type; at != unknown_type; at = impl_->types[at].base) {
        if (at == ancestor) {
            return true;
        }
    }
    return false;
}

ChildMatch TypeModel::child(TypeId parent, Symbol written) const noexcept {
    const Impl::Slot* slot = impl_->find(parent, written);
    if (slot == nullptr) {
        return {};
    }
    return {&impl_->types[parent].children[slot->child], slot->child, slot->type};
}

TypeModel::Place TypeModel::place_of(TypeId parent, Symbol written) const noexcept {
    const Impl::Slot* slot = impl_->find(parent, written);
    return slot == nullptr ? Place{} : place_in(*slot);
}

TypeId TypeModel::resource_type(Symbol name) const noexcept {
    return impl_->type_of(name);
}

const ChildInfo* TypeModel::child_by_path(TypeId parent, Symbol name) const noexcept {
    if (name == unknown_symbol) {
        return nullptr;
    }
    for (const ChildInfo& child : impl_->types[parent].children) {
        if (child.symbol == name) {
            return &child;
        }
    }
    return nullptr;
}

void TypeModel::Impl::index() {
    by_symbol.assign(symbols.size(), unknown_type);
    tables.assign(types.size(), {});
    for (TypeId type = 0; type < types.size(); ++type) {
        const TypeInfo& info = types[type];
        if (const Symbol name = symbols.find(info.name); name != unknown_symbol) {
            by_symbol[name] = type;
        }
        std::size_t count = 1;
        for (const ChildInfo& child : info.children) {
            count += child.choice ? child.spellings.size() : 1;
        }
        const std::size_t size = std::bit_ceil(count * 2);
        Table& table = tables[type];
        table.begin = static_cast<std::uint32_t>(slots.size());
        table.mask = static_cast<std::uint32_t>(size - 1);
        slots.resize(slots.size() + size);
        const auto place = [&](Slot slot) {
            std::uint32_t at = hash(slot.name) & table.mask;
            while (slots[table.begin + at].name != unknown_symbol) {
                if (slots[table.begin + at].name == slot.name) {
                    return;
                }
                at = (at + 1) & table.mask;
            }
            slots[table.begin + at] = slot;
        };
        for (std::size_t i = 0; i < info.children.size(); ++i) {
            const ChildInfo& child = info.children[i];
            Slot slot;
            slot.child = static_cast<std::uint16_t>(i);
            slot.repeats = child.repeats;
            if (!child.choice) {
                slot.name = child.symbol;
                slot.type = child.types.empty() ? unknown_type : child.types.front();
                place(slot);
                continue;
            }
            slot.choice_bytes = static_cast<std::uint8_t>(child.name.size());
            for (std::size_t k = 0; k < child.spellings.size(); ++k) {
                slot.name = child.spellings[k];
                slot.type = child.types[k];
                place(slot);
            }
        }
    }
}

namespace {

// Recursion is as deep as the tree, which the decoders bound. Siblings of one name share one
// lookup.
void annotate_children(Element& parent, const TypeModel::Impl& tables) noexcept {
    TypeModel::Place place;
    Symbol previous = unknown_symbol;
    for (Element* node = parent.first_child; node != nullptr; node = node->next) {
        if (node->symbol == unknown_symbol) {
            node->symbol = tables.symbols.find(node->name);
        }
        if (node->symbol != previous || previous == unknown_symbol) {
            previous = node->symbol;
            const TypeModel::Impl::Slot* slot = tables.find(parent.type, previous);
            place = slot == nullptr ? TypeModel::Place{} : place_in(*slot);
        }
        place.set(*node);
        if (node->is_resource) {
            node->type = tables.type_of(tables.symbols.find(node->value));
        }
        if (node->first_child != nullptr) {
            annotate_children(*node, tables);
        }
    }
}

}  // namespace

void annotate(Element& root, const TypeModel& model) noexcept {
    const TypeModel::Impl& tables = *model.impl_;
    root.type = root.is_resource ? model.find(root.value) : root.type;
    if (root.symbol == unknown_symbol) {
        root.symbol = tables.symbols.find(root.name);
    }
    annotate_children(root, tables);
}

}  // namespace gatehouse::fhir
