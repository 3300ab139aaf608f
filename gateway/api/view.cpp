// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/view.hpp"

#include <algorithm>
#include <cstdint>

#include "fhir/json/json.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;
using fhir::Rule;

class Cutter {
public:
    Cutter(const View& view, const fhir::Engine& engine, Arena& arena)
        : view_(view), engine_(engine), types_(engine.types()), arena_(arena) {}

    void cut(Element& resource) {
        const std::string_view type = resource.resource_type();
        if (type == "OperationOutcome") {
            return;
        }
        if (is_answer(resource)) {
            for (Element& entry : resource.children()) {
                Element* inner = entry.name == "entry" ? entry.child("resource") : nullptr;
                if (inner != nullptr) {
                    cut(*inner);
                }
            }
            return;
        }
        const fhir::Profile* profile = profile_of(resource.type);
        if (profile == nullptr) {
            return;
        }
        switch (view_.summary) {
        case View::Summary::none: break;
        case View::Summary::yes: keep_summary(resource, *profile, profile->root()); break;
        case View::Summary::text:
            keep(resource, *profile, [](const Element& child, const Rule* rule) {
                return child.name == "text" || child.name == "id" || child.name == "meta" ||
                       (rule != nullptr && rule->min > 0);
            });
            break;
        case View::Summary::data:
            keep(resource, *profile, [](const Element& child, const Rule*) {
                return child.name != "text";
            });
            break;
        }
        if (!view_.elements.empty()) {
            keep_elements(resource, *profile);
        }
        mark(resource);
    }

private:
    static bool is_answer(const Element& resource) {
        if (resource.resource_type() != "Bundle") {
            return false;
        }
        const std::string_view type = resource.child_value("type");
        return type == "searchset" || type == "history" || type == "batch-response" ||
               type == "transaction-response";
    }

    [[nodiscard]] const fhir::Profile* profile_of(fhir::TypeId type) const {
        if (type == fhir::unknown_type) {
            return nullptr;
        }
        const std::string& url = types_.type(type).url;
        return url.empty() ? nullptr : engine_.schema().profile(url);
    }

    // The rule for a child among the children of `parent`; null if the definition has none.
    [[nodiscard]] const Rule*
    rule_of(const fhir::Profile& profile, const Rule& parent, const Element& child) const {
        if (child.child_rule == 0 || child.parent->type == fhir::unknown_type) {
            return nullptr;
        }
        const Rule& holder =
            parent.content != fhir::no_rule ? profile.rules[parent.content] : parent;
        const auto& infos = types_.type(child.parent->type).children;
        const fhir::Symbol name = infos[child.child_rule - 1].symbol;
        for (const fhir::RuleId id : holder.children) {
            if (profile.rules[id].name == name) {
                return &profile.rules[id];
            }
        }
        return nullptr;
    }

    template <class Wanted>
    void keep(Element& parent, const fhir::Profile& profile, const Wanted& wanted) {
        for (Element** link = &parent.first_child; *link != nullptr;) {
            if (wanted(**link, rule_of(profile, profile.root(), **link))) {
                link = &(*link)->next;
            } else {
                *link = (*link)->next;
            }
        }
    }

    // Elements that the definitions call summary, at every level.
    void keep_summary(Element& parent, const fhir::Profile& profile, const Rule& rule) {
        for (Element** link = &parent.first_child; *link != nullptr;) {
            Element& child = **link;
            const Rule* own = rule_of(profile, rule, child);
            // id of a data type and the url of an extension are no summary elements, but what is
            // kept keeps its identity; so do the extensions of a primitive's own value.
            const bool keeps = own == nullptr || own->is_summary ||
                               (child.name == "extension" && parent.has_value()) ||
                               child.name == "modifierExtension";
            if (!keeps) {
                *link = child.next;
                continue;
            }
            if (!child.is_resource && own != nullptr && child.first_child != nullptr &&
                !child.has_value() && child.name != "extension" &&
                child.name != "modifierExtension") {
                const Rule& holder =
                    own->content != fhir::no_rule ? profile.rules[own->content] : *own;
                if (!holder.children.empty()) {
                    keep_summary(child, profile, holder);
                } else if (const fhir::Profile* type = profile_of(child.type)) {
                    keep_summary(child, *type, type->root());
                }
            }
            link = &child.next;
        }
    }

    // `name` or `name.part...` as one of the wanted elements; `Patient.name` for that type alone.
    void keep_elements(Element& resource, const fhir::Profile& profile) {
        const std::string type(resource.resource_type());
        std::vector<std::string> wanted;
        for (const std::string& text : view_.elements) {
            const auto dot = text.find('.');
            const std::string first = text.substr(0, dot);
            const bool typed = !first.empty() && first[0] >= 'A' && first[0] <= 'Z';
            if (typed && first == type && dot != std::string::npos) {
                wanted.push_back(text.substr(dot + 1));
            } else if (!typed) {
                wanted.push_back(text);
            }
        }
        keep(resource, profile, [&](Element& child, const Rule* rule) {
            const std::string_view name = base_name(child);
            const bool always = child.name == "id" || child.name == "meta" ||
                                (rule != nullptr && (rule->min > 0 || rule->is_modifier));
            bool whole = always;
            std::vector<std::string_view> parts;
            for (const std::string& path : wanted) {
                if (path == name || path == child.name) {
                    whole = true;
                } else if (path.size() > name.size() + 1 && path.starts_with(name) && path[name.size()] == '.') {
                    parts.push_back(std::string_view(path).substr(name.size() + 1));
                }
            }
            if (!whole && !parts.empty()) {
                keep_parts(child, parts);
                return child.first_child != nullptr;
            }
            return whole;
        });
    }

    void keep_parts(Element& parent, const std::vector<std::string_view>& wanted) {
        for (Element** link = &parent.first_child; *link != nullptr;) {
            Element& child = **link;
            const std::string_view name = base_name(child);
            bool whole = is_required(child);
            std::vector<std::string_view> parts;
            for (const std::string_view path : wanted) {
                if (path == name || path == child.name) {
                    whole = true;
                } else if (path.size() > name.size() + 1 && path.starts_with(name) && path[name.size()] == '.') {
                    parts.push_back(path.substr(name.size() + 1));
                }
            }
            if (!whole && !parts.empty()) {
                keep_parts(child, parts);
                whole = child.first_child != nullptr;
            }
            if (whole) {
                link = &child.next;
            } else {
                *link = child.next;
            }
        }
    }

    [[nodiscard]] bool is_required(const Element& child) const {
        return child.child_rule != 0 && child.parent->type != fhir::unknown_type &&
               types_.type(child.parent->type).children[child.child_rule - 1].required;
    }

    // "value" of "valueQuantity".
    static std::string_view base_name(const Element& element) {
        return element.choice_bytes != 0 ? element.name.substr(0, element.choice_bytes)
                                         : element.name;
    }

    Element* new_child(Element& parent, std::string_view name, std::string_view value) {
        auto* child = arena_.create<Element>();
        child->name = name;
        child->symbol = types_.symbols().find(name);
        child->parent = &parent;
        child->value = value;
        child->written = value.empty() ? fhir::Written::nothing : fhir::Written::string;
        Element** link = &parent.first_child;
        while (*link != nullptr) {
            link = &(*link)->next;
        }
        *link = child;
        return child;
    }

    void mark(Element& resource) {
        static constexpr std::string_view system =
            "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
        Element* meta = resource.child("meta");
        if (meta == nullptr) {
            meta = new_child(resource, "meta", {});
        }
        Element* last = nullptr;
        for (Element& tag : meta->children()) {
            if (tag.name == "tag") {
                last = &tag;
                if (tag.child_value("system") == system && tag.child_value("code") == "SUBSETTED") {
                    return;
                }
            }
        }
        Element* tag = new_child(*meta, "tag", {});
        tag->in_array = true;
        new_child(*tag, "system", system);
        new_child(*tag, "code", "SUBSETTED");
        new_child(*tag, "display", "subsetted");
        if (last != nullptr && last->next != tag) {  // repeats stand together
            Element** link = &meta->first_child;
            while (*link != tag) {
                link = &(*link)->next;
            }
            *link = nullptr;
            tag->next = last->next;
            last->next = tag;
        }
    }

    const View& view_;
    const fhir::Engine& engine_;
    const fhir::TypeModel& types_;
    Arena& arena_;
};

}  // namespace

void apply_view(Element& root, const View& view, const fhir::Engine& engine, Arena& arena) {
    Cutter(view, engine, arena).cut(root);
    fhir::annotate(root, engine.types());
}

void apply_view(std::string& json, const View& view, const fhir::Engine& engine) {
    Arena arena;
    fhir::DecodeLimits no_limits;
    no_limits.depth = 256;
    no_limits.string_bytes = no_limits.members = no_limits.elements = SIZE_MAX;
    const std::string source = std::move(json);
    const fhir::Decoded decoded =
        fhir::read_json(source, arena, engine.types().symbols(), no_limits);
    GH_ASSERT(decoded.root != nullptr);
    fhir::annotate(*decoded.root, engine.types());
    apply_view(*decoded.root, view, engine, arena);
    json = fhir::write_json(*decoded.root, &engine.types());
}

}  // namespace gatehouse::gateway
