// SPDX-License-Identifier: Apache-2.0
//
// StructureDefinitions -> TypeModel. Two passes: the first names every type (so that definitions
// may come in any order), the second reads elements and resolves what they point at.
#include <algorithm>
#include <cctype>

#include "fhir/model/type_tables.hpp"

namespace gatehouse::fhir {
namespace {

constexpr std::string_view structure_base = "http://hl7.org/fhir/StructureDefinition/";
constexpr std::string_view system_types = "http://hl7.org/fhirpath/System.";
constexpr std::string_view fhir_type_extension =
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";

std::string_view last_segment(std::string_view text, char separator) {
    const auto at = text.rfind(separator);
    return at == std::string_view::npos ? text : text.substr(at + 1);
}

// The type a definition defines, as elements and "resourceType" name it. Logical models write a
// URL.
std::string_view defined_type(const Element& definition) {
    const std::string_view type = definition.child_value("type");
    if (type.find("://") != std::string_view::npos) {
        return last_segment(type, '/');
    }
    return type.empty() ? definition.child_value("id") : type;
}

TypeKind kind_of(std::string_view kind) {
    if (kind == "primitive-type") {
        return TypeKind::primitive;
    }
    if (kind == "resource") {
        return TypeKind::resource;
    }
    return kind == "logical" ? TypeKind::logical : TypeKind::complex;
}

JsonKind json_kind(std::string_view primitive) {
    if (primitive == "boolean") {
        return JsonKind::boolean;
    }
    if (primitive == "integer" || primitive == "decimal" || primitive == "unsignedInt" ||
        primitive == "positiveInt") {
        return JsonKind::number;
    }
    return primitive == "xhtml" ? JsonKind::xhtml : JsonKind::string;
}

// Value of the fhir-type extension on a type entry or on its code (both are in use).
std::string_view fhir_type_of(const Element& type_entry) {
    const auto look = [](const Element* holder) -> std::string_view {
        if (holder == nullptr) {
            return {};
        }
        for (const Element& child : holder->children()) {
            if (child.name == "extension" && child.child_value("url") == fhir_type_extension) {
                const std::string_view url = child.child_value("valueUrl");
                return url.empty() ? child.child_value("valueString") : url;
            }
        }
        return {};
    };
    const std::string_view direct = look(&type_entry);
    return direct.empty() ? look(type_entry.child("code")) : direct;
}

// "http://hl7.org/fhirpath/System.String" without an extension: the FHIR type of that name.
std::string system_type_name(std::string_view code) {
    std::string name(code.substr(system_types.size()));
    if (!name.empty()) {
        name.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(name.front())));
    }
    return name;
}

// Types that only say "the elements below are mine"; STU3 and logical models use the last two.
bool is_anonymous(std::string_view code) {
    return code == "BackboneElement" || code == "Element" || code == "Base" ||
           code == "BackboneType";
}

class Builder {
public:
    explicit Builder(TypeModel::Impl& model) : model_(model) {}

    void declare(const Element& definition);
    void define(const Element& definition);

private:
    TypeId add(std::string name, TypeKind kind);
    void declare_anonymous(const Element& snapshot);
    void add_element(const Element& element, std::string_view path, std::string_view root_name);
    void add_types(const Element& element, std::string_view path, ChildInfo& child, TypeId owner);
    void add_any_type(ChildInfo& child);
    void add_type(ChildInfo& child, std::string_view name);
    TypeId find(std::string_view name) const {
        const auto found = by_name_.find(std::string(name));
        return found == by_name_.end() ? unknown_type : found->second;
    }

    TypeModel::Impl& model_;
    std::unordered_map<std::string, TypeId> by_name_;
};

TypeId Builder::add(std::string name, TypeKind kind) {
    const auto id = static_cast<TypeId>(model_.types.size());
    TypeInfo info;
    info.kind = kind;
    info.name = name;
    model_.types.push_back(std::move(info));
    by_name_.emplace(std::move(name), id);
    return id;
}

void Builder::declare(const Element& definition) {
    const std::string_view name = defined_type(definition);
    if (name.empty() || find(name) != unknown_type) {
        return;
    }
    const TypeId id = add(std::string(name), kind_of(definition.child_value("kind")));
    model_.symbols.intern(name);
    TypeInfo& info = model_.types[id];
    info.url = definition.child_value("url");
    info.abstract = definition.child_value("abstract") == "true";
    info.json = info.kind == TypeKind::primitive ? json_kind(name) : JsonKind::none;
    declare_anonymous(*definition.child("snapshot"));
}

void Builder::declare_anonymous(const Element& snapshot) {
    // An element has a type of its own if it is anonymous and others stand below it.
    const Element* previous = nullptr;
    for (const Element& element : snapshot.children()) {
        if (element.name != "element") {
            continue;
        }
        if (previous != nullptr) {
            const std::string_view path = element.child_value("path");
            const std::string_view owner = previous->child_value("path");
            const Element* type = previous->child("type");
            if (path.size() > owner.size() + 1 && path.starts_with(owner) &&
                path[owner.size()] == '.' && owner.find('.') != std::string_view::npos &&
                type != nullptr && is_anonymous(type->child_value("code")) &&
                find(owner) == unknown_type) {
                add(std::string(owner), TypeKind::backbone);
            }
        }
        previous = &element;
    }
}

void Builder::define(const Element& definition) {
    const std::string_view name = defined_type(definition);
    const TypeId id = find(name);
    if (id == unknown_type || model_.types[id].url != definition.child_value("url") ||
        !model_.types[id].children.empty()) {
        return;
    }
    model_.types[id].base = find(last_segment(definition.child_value("baseDefinition"), '/'));
    bool root = true;
    for (const Element& element : definition.child("snapshot")->children()) {
        if (element.name != "element") {
            continue;
        }
        if (root) {
            root = false;
            continue;
        }
        add_element(element, element.child_value("path"), name);
    }
}

void Builder::add_element(
    const Element& element, std::string_view path, std::string_view root_name
) {
    const auto dot = path.rfind('.');
    if (dot == std::string_view::npos) {
        return;
    }
    const std::string_view owner_path = path.substr(0, dot);
    const bool of_root = owner_path.find('.') == std::string_view::npos;
    const TypeId owner = find(of_root ? root_name : owner_path);
    if (owner == unknown_type || element.child_value("max") == "0") {
        return;
    }
    std::string_view name = path.substr(dot + 1);
    // A primitive's "value" is the node's own value, not a child.
    if (model_.types[owner].kind == TypeKind::primitive && name == "value") {
        return;
    }
    ChildInfo child;
    child.choice = name.ends_with("[x]");
    if (child.choice) {
        name.remove_suffix(3);
    }
    child.name = name;
    child.symbol = model_.symbols.intern(name);
    const std::string_view max = element.child_value("max");
    child.repeats = max != "1" && !max.empty();
    child.required = !element.child_value("min").empty() && element.child_value("min") != "0";
    for (const Element& part : element.children()) {
        if (part.name == "representation" && part.value == "xmlAttr") {
            child.attribute = true;
        }
    }
    // Slices of a definition (rare, logical models) repeat a path: the first says what the type
    // has.
    for (const ChildInfo& known : model_.types[owner].children) {
        if (known.symbol == child.symbol) {
            return;
        }
    }
    add_types(element, path, child, owner);
    model_.types[owner].children.push_back(std::move(child));
}

void Builder::add_types(
    const Element& element, std::string_view path, ChildInfo& child, TypeId owner
) {
    if (const std::string_view target = element.child_value("contentReference"); !target.empty()) {
        add_type(child, last_segment(target, '#'));
        return;
    }
    for (const Element& entry : element.children()) {
        if (entry.name != "type") {
            continue;
        }
        std::string_view code = entry.child_value("code");
        const TypeId anonymous = find(path);
        if (anonymous != unknown_type) {
            model_.types[anonymous].base = find(code);
            add_type(child, path);
        } else if (code == "*") {
            add_any_type(child);
        } else if (code.empty() || code.starts_with(system_types)) {
            const std::string_view fhir_type = fhir_type_of(entry);
            // R4's definitions call Resource.id a string; its type is id (FHIR R4 §2.5.3).
            if (child.name == "id" && model_.types[owner].kind == TypeKind::resource) {
                add_type(child, "id");
            } else if (!fhir_type.empty()) {
                add_type(child, fhir_type);
            } else if (!code.empty()) {
                add_type(child, system_type_name(code));
            }
        } else if (code.find("://") != std::string_view::npos) {
            add_type(child, last_segment(code, '/'));
        } else {
            add_type(child, code);
        }
    }
}

void Builder::add_any_type(ChildInfo& child) {
    for (TypeId id = 1; id < model_.types.size(); ++id) {
        const TypeInfo& info = model_.types[id];
        const bool data_type = info.kind == TypeKind::primitive || info.kind == TypeKind::complex;
        if (data_type && !info.abstract && info.name != "xhtml" && info.name != "Narrative" &&
            info.name != "Extension" && info.name != "ElementDefinition") {
            add_type(child, std::string(info.name));
        }
    }
}

void Builder::add_type(ChildInfo& child, std::string_view name) {
    const TypeId type = find(name);
    if (std::find(child.types.begin(), child.types.end(), type) != child.types.end()) {
        return;  // one entry per target profile in older definitions
    }
    child.types.push_back(type);
    if (child.choice) {
        std::string spelling = child.name;
        spelling += static_cast<char>(std::toupper(static_cast<unsigned char>(name.front())));
        spelling += name.substr(1);
        child.spellings.push_back(model_.symbols.intern(spelling));
    }
}

bool is_type_definition(const Element& definition) {
    const std::string_view derivation = definition.child_value("derivation");
    return definition.resource_type() == "StructureDefinition" && derivation != "constraint" &&
           definition.child("snapshot") != nullptr;
}

}  // namespace

Result<TypeModel> TypeModel::build(std::span<const Element* const> structure_definitions) {
    auto impl = std::make_unique<Impl>();
    impl->types.emplace_back();
    for (const std::string_view name : {"resourceType", "value", "id", "extension", "url", "div"}) {
        impl->symbols.intern(name);
    }
    std::vector<const Element*> chosen;
    for (const Element* definition : structure_definitions) {
        if (definition != nullptr && is_type_definition(*definition)) {
            chosen.push_back(definition);
        }
    }
    // HL7's own definition of a type wins over a logical model of the same name.
    std::stable_partition(chosen.begin(), chosen.end(), [](const Element* definition) {
        return definition->child_value("url").starts_with(structure_base);
    });
    Builder builder(*impl);
    for (const Element* definition : chosen) {
        builder.declare(*definition);
    }
    for (const Element* definition : chosen) {
        builder.define(*definition);
    }
    if (impl->types.size() == 1) {
        return Fault(
            Errc::invalid, "type model", "no StructureDefinition with a snapshot was given"
        );
    }
    impl->index();
    for (TypeId id = 1; id < impl->types.size(); ++id) {
        impl->by_name.emplace(impl->types[id].name, id);
    }
    return TypeModel(std::move(impl));
}

}  // namespace gatehouse::fhir
