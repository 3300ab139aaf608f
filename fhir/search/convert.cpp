// SPDX-License-Identifier: Apache-2.0

#include "fhir/search/convert.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "fhir/search/base_units.hpp"

namespace gatehouse::fhir::search_convert {
namespace {

struct NamedShape {
    std::string_view name;
    Shape shape;
};
// A type has the shape of the nearest ancestor that is named here.
constexpr std::array named_shapes{
    NamedShape{"code", Shape::code},
    NamedShape{"boolean", Shape::boolean},
    NamedShape{"date", Shape::date},
    NamedShape{"dateTime", Shape::date},
    NamedShape{"instant", Shape::date},
    NamedShape{"canonical", Shape::canonical},
    NamedShape{"uri", Shape::uri},
    NamedShape{"Identifier", Shape::identifier},
    NamedShape{"CodeableConcept", Shape::codeable_concept},
    NamedShape{"Coding", Shape::coding},
    NamedShape{"ContactPoint", Shape::contact_point},
    NamedShape{"HumanName", Shape::human_name},
    NamedShape{"Address", Shape::address},
    NamedShape{"Reference", Shape::reference},
    NamedShape{"Quantity", Shape::quantity},
    NamedShape{"Money", Shape::money},
    NamedShape{"Range", Shape::range},
    NamedShape{"Period", Shape::period},
    NamedShape{"Timing", Shape::timing},
    NamedShape{"Resource", Shape::resource},
};

IndexEntry& add(const Converter::Target& target) {
    IndexEntry& entry = target.out->emplace_back();
    entry.parameter = target.parameter;
    entry.item = target.item;
    entry.component = target.component;
    entry.part = target.part;
    entry.holder = target.holder;
    return entry;
}

void add_token(std::string_view system, std::string_view value, const Converter::Target& target) {
    if (value.empty() && system.empty()) {
        return;
    }
    IndexEntry& entry = add(target);
    entry.system = system;
    entry.value = value;
}

void add_string(std::string_view text, const Converter::Target& target) {
    if (text.empty()) {
        return;
    }
    IndexEntry& entry = add(target);
    entry.value = text;
    entry.folded = fold(text);
}

// What people call a code, for `:text`. Components of a composite take no modifier.
void add_text(std::string_view text, const Converter::Target& target) {
    if (text.empty() || target.component != 0) {
        return;
    }
    std::string folded = fold(text);
    // A concept's text is often its coding's display.
    const std::vector<IndexEntry>& out = *target.out;
    for (std::size_t i = out.size(); i > 0 && out[i - 1].parameter == target.parameter; --i) {
        if (out[i - 1].kind == EntryKind::text && out[i - 1].folded == folded) {
            return;
        }
    }
    IndexEntry& entry = add(target);
    entry.kind = EntryKind::text;
    entry.value = text;
    entry.folded = std::move(folded);
}

void add_coding(const Element& coding, const Converter::Target& target) {
    add_token(coding.child_value("system"), coding.child_value("code"), target);
    add_text(coding.child_value("display"), target);
}

void add_codings(const Element& concept_element, const Converter::Target& target) {
    for (const Element& child : concept_element.children()) {
        if (child.name == "coding") {
            add_coding(child, target);
        }
    }
    add_text(concept_element.child_value("text"), target);
}

void add_identifier(const Element& identifier, const Converter::Target& target) {
    const std::string_view value = identifier.child_value("value");
    add_token(identifier.child_value("system"), value, target);
    const Element* type = identifier.child("type");
    if (type == nullptr || target.component != 0) {
        return;
    }
    add_text(type->child_value("text"), target);
    if (value.empty()) {
        return;
    }
    for (const Element& coding : type->children()) {
        if (coding.name == "coding" && !coding.child_value("code").empty()) {
            IndexEntry& entry = add(target);
            entry.kind = EntryKind::of_type;
            entry.system = coding.child_value("system");
            entry.value.append(coding.child_value("code")).append("|").append(value);
        }
    }
}

// Children whose names are in the list, as strings.
void add_parts(
    const Element& element, std::span<const std::string_view> names, const Converter::Target& target
) {
    for (const Element& child : element.children()) {
        if (std::ranges::find(names, child.name) != names.end()) {
            add_string(child.value, target);
        }
    }
}

bool period_range(const Element& period, std::int64_t& low, std::int64_t& high) {
    std::int64_t ignored = 0;
    const bool begins = date_range(period.child_value("start"), low, ignored);
    const bool ends = date_range(period.child_value("end"), ignored, high);
    low = begins ? low : date_min;
    high = ends ? high : date_max;
    return begins || ends;
}

// A Timing counts from its first to its last event; its bounds widen that.
bool timing_range(const Element& timing, std::int64_t& low, std::int64_t& high) {
    bool any = false;
    low = date_max;
    high = date_min;
    for (const Element& child : timing.children()) {
        std::int64_t from = 0;
        std::int64_t to = 0;
        const Element* bounds = child.name == "repeat" ? child.child("boundsPeriod") : nullptr;
        if ((child.name == "event" && date_range(child.value, from, to)) ||
            (bounds != nullptr && period_range(*bounds, from, to))) {
            any = true;
            low = std::min(low, from);
            high = std::max(high, to);
        }
    }
    return any;
}

constexpr std::string_view money_system = "urn:iso:std:iso:4217";

void set_numbers(IndexEntry& entry, const Element& quantity) {
    entry.number = quantity.child_value("value");
    const std::string_view comparator = quantity.child_value("comparator");
    if (comparator.starts_with('<')) {
        entry.is_range = true;
        entry.number_high = std::move(entry.number);
        entry.number.clear();
    } else if (comparator.starts_with('>')) {
        entry.is_range = true;
    }
    entry.is_beyond = comparator.size() == 1;
}

// The end of a range in base units as text that reads back to the same number.
bool to_base(std::string& number, std::string_view code, std::string& unit) {
    if (number.empty()) {
        return true;  // open
    }
    const std::optional<BaseQuantity> base = to_base_units(number, code);
    if (!base) {
        return false;
    }
    std::array<char, 32> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), base->value);
    GH_ASSERT(error == std::errc{});
    number.assign(text.data(), end);
    unit = base->unit;
    return true;
}

// The quantity just added once more in base units, if its unit is UCUM's.
void add_base(const Converter::Target& target) {
    IndexEntry entry = target.out->back();
    if (entry.system != ucum_system) {
        return;
    }
    std::string unit;
    if (to_base(entry.number, entry.value, unit) && to_base(entry.number_high, entry.value, unit) &&
        !unit.empty()) {
        entry.kind = EntryKind::base;
        entry.system.clear();
        entry.value = std::move(unit);
        target.out->push_back(std::move(entry));
    }
}

}  // namespace

Converter::Converter(const TypeModel& types) : types_(types) {
    shapes_.resize(types.type_count(), Shape::other);
    for (TypeId id = 1; id < shapes_.size(); ++id) {
        TypeId at = id;
        while (at != unknown_type && shapes_[id] == Shape::other) {
            for (const NamedShape& named : named_shapes) {
                if (types.type(at).name == named.name) {
                    shapes_[id] = named.shape;
                }
            }
            at = types.type(at).base;
        }
        if (shapes_[id] == Shape::other && types.type(id).kind == TypeKind::primitive) {
            shapes_[id] = Shape::primitive;
        }
    }
}

void Converter::convert(const Element& element, const Target& target) const {
    const Shape shape = element.is_resource             ? Shape::resource
                        : element.type < shapes_.size() ? shapes_[element.type]
                                                        : Shape::other;
    switch (target.type) {
    case SearchType::token: token(element, shape, target); return;
    case SearchType::string: string(element, shape, target); return;
    case SearchType::reference: reference(element, shape, target); return;
    case SearchType::date: date(element, shape, target); return;
    case SearchType::quantity: quantity(element, shape, target); return;
    case SearchType::number:
        if (shape == Shape::primitive && element.has_value()) {
            add(target).number = element.value;
        } else if (shape == Shape::quantity || shape == Shape::range) {
            quantity(element, shape, target);
        }
        return;
    case SearchType::uri:
        if (element.has_value() && !element.value.empty()) {
            add(target).value = element.value;
            // A canonical is found with and without its version.
            const std::size_t bar = element.value.rfind('|');
            if (shape == Shape::canonical && bar != std::string_view::npos) {
                add(target).value = element.value.substr(0, bar);
            }
        }
        return;
    case SearchType::special: position(element, target); return;
    case SearchType::composite: return;
    }
}

void Converter::convert_text(std::string_view text, const Target& target) {
    switch (target.type) {
    case SearchType::token: add_token({}, text, target); return;
    case SearchType::string: add_string(text, target); return;
    case SearchType::uri: add(target).value = text; return;
    case SearchType::number: add(target).number = text; return;
    case SearchType::date: {
        std::int64_t low = 0;
        std::int64_t high = 0;
        if (date_range(text, low, high)) {
            IndexEntry& entry = add(target);
            entry.low = low;
            entry.high = high;
        }
        return;
    }
    default: return;
    }
}

void Converter::token(const Element& element, Shape shape, const Target& target) const {
    switch (shape) {
    case Shape::identifier: add_identifier(element, target); return;
    case Shape::codeable_concept: add_codings(element, target); return;
    case Shape::coding: add_coding(element, target); return;
    case Shape::contact_point:
        // "phone|0113 ..." as well as the number alone; spaces do not tell numbers apart.
        add_token(element.child_value("system"), element.child_value("value"), target);
        if (const std::string_view value = element.child_value("value");
            value.find(' ') != std::string_view::npos) {
            std::string joined(value);
            std::erase(joined, ' ');
            add_token(element.child_value("system"), joined, target);
        }
        return;
    case Shape::code: add_token(target.code_system, element.value, target); return;
    case Shape::quantity:
        // Group's characteristic-value says "value", its definition codes and booleans alone.
        if (target.component == 0) {
            add_token(element.child_value("system"), element.child_value("code"), target);
        }
        return;
    case Shape::reference:
        if (const Element* identifier = element.child("identifier")) {
            add_identifier(*identifier, target);
        }
        return;
    default:
        if (element.has_value() && !element.is_resource) {
            add_token({}, element.value, target);
        }
        return;
    }
}

void Converter::string(const Element& element, Shape shape, const Target& target) const {
    static constexpr std::array<std::string_view, 5> name_parts{
        "text", "family", "given", "prefix", "suffix"};
    static constexpr std::array<std::string_view, 7> address_parts{
        "text", "line", "city", "district", "state", "country", "postalCode"};
    switch (shape) {
    case Shape::human_name: add_parts(element, name_parts, target); return;
    case Shape::address: add_parts(element, address_parts, target); return;
    case Shape::codeable_concept: add_string(element.child_value("text"), target); return;
    case Shape::contact_point: add_string(element.child_value("value"), target); return;
    default:
        if (element.has_value() && !element.is_resource) {
            add_string(element.value, target);
        }
        return;
    }
}

void Converter::date(const Element& element, Shape shape, const Target& target) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const bool dated = shape == Shape::date     ? date_range(element.value, low, high)
                       : shape == Shape::period ? period_range(element, low, high)
                       : shape == Shape::timing ? timing_range(element, low, high)
                                                : false;
    if (dated) {
        IndexEntry& entry = add(target);
        entry.low = low;
        entry.high = high;
    }
}

void Converter::quantity(const Element& element, Shape shape, const Target& target) {
    if (shape == Shape::range) {
        const Element* low = element.child("low");
        const Element* high = element.child("high");
        const Element* one = low != nullptr ? low : high;
        if (one == nullptr) {
            return;
        }
        IndexEntry& entry = add(target);
        entry.is_range = true;
        entry.number = low != nullptr ? low->child_value("value") : std::string_view{};
        entry.number_high = high != nullptr ? high->child_value("value") : std::string_view{};
        entry.system = one->child_value("system");
        const std::string_view code = one->child_value("code");
        const std::string_view unit = one->child_value("unit");
        entry.value = code.empty() ? unit : code;
        if (!code.empty() && !unit.empty() && unit != code) {
            IndexEntry by_unit = entry;
            by_unit.system.clear();
            by_unit.value = unit;
            add_base(target);
            target.out->push_back(std::move(by_unit));
            return;
        }
        add_base(target);
        return;
    }
    if ((shape != Shape::quantity && shape != Shape::money) ||
        element.child_value("value").empty()) {
        return;
    }
    const bool money = shape == Shape::money;
    const std::string_view code =
        money ? element.child_value("currency") : element.child_value("code");
    const std::string_view unit = element.child_value("unit");
    {
        IndexEntry& entry = add(target);
        set_numbers(entry, element);
        entry.system = money ? money_system : element.child_value("system");
        entry.value = code.empty() ? unit : code;
        add_base(target);
    }
    // "5.4||mg" may name the unit as people wrote it.
    if (!code.empty() && !unit.empty() && unit != code) {
        IndexEntry& entry = add(target);
        set_numbers(entry, element);
        entry.value = unit;
    }
}

// Location.position, for `near`.
void Converter::position(const Element& element, const Target& target) {
    const std::string_view latitude = element.child_value("latitude");
    const std::string_view longitude = element.child_value("longitude");
    if (latitude.empty() || longitude.empty() || target.parameter->code != "near") {
        return;
    }
    IndexEntry& entry = add(target);
    entry.is_range = true;
    entry.number = latitude;
    entry.number_high = longitude;
}

void Converter::reference(const Element& element, Shape shape, const Target& target) const {
    if (element.is_resource) {
        if (const std::string_view id = element.child_value("id"); !id.empty()) {
            IndexEntry& entry = add(target);
            entry.system = element.resource_type();
            entry.value = id;
        }
        return;
    }
    if (shape == Shape::reference) {
        literal(element, element.child_value("reference"), target);
        const Element* identifier = element.child("identifier");
        if (identifier != nullptr && target.component == 0) {
            // Found by `patient:identifier=` without the target being here.
            const std::string_view value = identifier->child_value("value");
            if (!value.empty()) {
                add_token(identifier->child_value("system"), value, target);
                target.out->back().kind = EntryKind::identifier;
            }
        }
        return;
    }
    if (element.has_value()) {
        literal(element, element.value, target);
        // A canonical is found with and without its version.
        if (const std::size_t bar = element.value.rfind('|'); bar != std::string_view::npos) {
            literal(element, element.value.substr(0, bar), target);
        }
    }
}

// "Type/id", with our own base before it and a version behind it or not, is that type and id;
// anything else is kept whole, as a reference to somewhere else.
void Converter::literal(const Element& element, std::string_view text, const Target& target) const {
    if (text.empty()) {
        return;
    }
    if (text.starts_with('#')) {
        local(element, text, target);
        return;
    }
    if (const std::size_t version = text.find("/_history/"); version != std::string_view::npos) {
        text = text.substr(0, version);
    }
    const std::string_view base = target.own_base;
    if (!base.empty() && text.size() > base.size() && text.starts_with(base) &&
        text[base.size()] == '/') {
        text.remove_prefix(base.size() + 1);
    }
    IndexEntry& entry = add(target);
    const std::size_t slash = text.find('/');
    if (slash != std::string_view::npos && text.find('/', slash + 1) == std::string_view::npos) {
        const TypeId type = types_.find(text.substr(0, slash));
        if (type != unknown_type && types_.type(type).kind == TypeKind::resource) {
            entry.system = text.substr(0, slash);
            text.remove_prefix(slash + 1);
        }
    }
    entry.value = text;
}

// "#p1": a resource contained in the same record as this one; "#": that record. What is not there
// is a reference all the same.
void Converter::local(const Element& element, std::string_view text, const Target& target) {
    IndexEntry& entry = add(target);
    entry.value = text;
    if (text.size() == 1) {
        entry.local = 0;
        return;
    }
    const Element* holder = &enclosing_resource(element);
    while (holder->name == "contained" && holder->parent != nullptr) {
        holder = holder->parent;
    }
    std::int32_t place = 0;
    for (const Element& child : holder->children()) {
        if (child.name == "contained" && ++place <= std::int32_t{contained_max} &&
            child.child_value("id") == text.substr(1)) {
            entry.local = place;
            return;
        }
    }
}

}  // namespace gatehouse::fhir::search_convert
