// SPDX-License-Identifier: Apache-2.0
#include "gateway/api/body.hpp"

#include <algorithm>

#include "fhir/json/json.hpp"

namespace gatehouse::gateway {
namespace {

using fhir::Element;
using fhir::Written;

Element*
new_child(Element& parent, std::string_view name, const fhir::TypeModel& types, Arena& arena) {
    auto* element = arena.create<Element>();
    element->name = name;
    element->symbol = types.symbols().find(name);
    element->parent = &parent;
    element->offset = parent.offset;
    element->end_offset = parent.offset;
    return element;
}

Element* new_value(
    Element& parent,
    std::string_view name,
    std::string_view value,
    const fhir::TypeModel& types,
    Arena& arena
) {
    Element* element = new_child(parent, name, types, arena);
    element->value = value;
    element->written = Written::string;
    return element;
}

void push_front(Element& parent, Element* child) {
    child->next = parent.first_child;
    parent.first_child = child;
}

void push_back(Element& parent, Element* child) {
    Element** link = &parent.first_child;
    while (*link != nullptr) {
        link = &(*link)->next;
    }
    *link = child;
    child->next = nullptr;
}

// Unlinks every child of that name; gives the first.
Element* take(Element& parent, std::string_view name) {
    Element* taken = nullptr;
    for (Element** link = &parent.first_child; *link != nullptr;) {
        Element* child = *link;
        if (child->name == name) {
            *link = child->next;
            if (taken == nullptr) {
                taken = child;
            }
        } else {
            link = &child->next;
        }
    }
    if (taken != nullptr) {
        taken->next = nullptr;
    }
    return taken;
}

bool has_tag(const Element& meta, std::string_view system, std::string_view code) {
    for (const Element& tag : meta.children()) {
        if (tag.name == "tag" && tag.child_value("system") == system &&
            tag.child_value("code") == code) {
            return true;
        }
    }
    return false;
}

void add_tag(Element& meta, std::string_view text, const fhir::TypeModel& types, Arena& arena) {
    const auto bar = text.find('|');
    const std::string_view system = text.substr(0, bar);
    const std::string_view code =
        bar == std::string_view::npos ? std::string_view{} : text.substr(bar + 1);
    if (has_tag(meta, system, code)) {
        return;
    }
    Element* tag = new_child(meta, "tag", types, arena);
    tag->in_array = true;
    push_back(*tag, new_value(*tag, "system", arena.copy(system), types, arena));
    push_back(*tag, new_value(*tag, "code", arena.copy(code), types, arena));
    // Repeats stand together: after the last tag, else at the end.
    Element* last_tag = nullptr;
    for (Element& child : meta.children()) {
        if (child.name == "tag") {
            last_tag = &child;
        }
    }
    if (last_tag != nullptr) {
        tag->next = last_tag->next;
        last_tag->next = tag;
    } else {
        push_back(meta, tag);
    }
}

// uri, url, oid, uuid: of the types of URIs only canonical is no link (FHIR R4 §3.1.0.11.2).
bool is_link(const Element& element, const fhir::TypeModel& types) {
    if (element.type == fhir::unknown_type) {
        return false;
    }
    const std::string_view type = types.type(element.type).name;
    return type == "uri" || type == "url" || type == "oid" || type == "uuid";
}

bool is_narrative(const Element& element, const fhir::TypeModel& types) {
    return element.written == Written::xhtml ||
           (element.type != fhir::unknown_type && types.type(element.type).name == "xhtml");
}

// Calls visit(element) for every element below, resources inside included.
template <class Visit> void walk(Element& element, const Visit& visit) {
    visit(element);
    for (Element& child : element.children()) {
        walk(child, visit);
    }
}

// The same without the entries of a Bundle, whose references are the Bundle's own business.
template <class Visit> void walk_own(const Element& element, const Visit& visit) {
    visit(element);
    for (const Element& child : element.children()) {
        if (!child.is_resource || child.name == "contained") {
            walk_own(child, visit);
        }
    }
}

// The value without the fragment or version that points into the resource.
std::string_view target_of(std::string_view reference) {
    return reference.substr(0, std::min(reference.find('#'), reference.find("/_history/")));
}

std::string json_text(std::string_view text) {
    std::string quoted;
    fhir::append_json_string(quoted, text);
    return quoted;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

// XHTML with the links (href and src) that are keys of `map` replaced.
std::string
relinked(std::string_view xhtml, const std::map<std::string, std::string, std::less<>>& map) {
    std::string out;
    std::size_t copied = 0;
    for (std::size_t at = xhtml.find('='); at != std::string_view::npos;
         at = xhtml.find('=', at + 1)) {
        const std::string_view before = xhtml.substr(0, at);
        const char quote = at + 1 < xhtml.size() ? xhtml[at + 1] : '\0';
        if ((quote != '"' && quote != '\'') ||
            (!before.ends_with("href") && !before.ends_with("src"))) {
            continue;
        }
        const std::size_t start = at + 2;
        const std::size_t end = xhtml.find(quote, start);
        if (end == std::string_view::npos) {
            break;
        }
        const std::string_view link = xhtml.substr(start, end - start);
        const std::string_view target = target_of(link);
        if (const auto found = map.find(target); found != map.end()) {
            out.append(xhtml.substr(copied, start - copied)).append(found->second);
            copied = start + target.size();
        }
        at = end;
    }
    return out.append(xhtml.substr(copied));
}

// Links in narrative as they stand inside of a JSON text.
void replace_links(std::string& json, const std::string& from, const std::string& to) {
    for (const char* attribute : {"href=", "src="}) {
        for (const char* quote : {"\\\"", "'"}) {
            const std::string before = std::string(attribute) + quote;
            replace_all(json, before + from + quote, before + to + quote);
        }
    }
}

}  // namespace

fhir::DecodeLimits own_text_limits() {
    fhir::DecodeLimits limits;
    limits.depth = 512;
    limits.string_bytes = limits.members = limits.elements = SIZE_MAX;
    return limits;
}

SplitJson split_body(
    Element& resource,
    std::string_view id,
    std::span<const std::string> tags,
    std::string_view token,
    const fhir::TypeModel& types,
    Arena& arena
) {
    Element* meta = take(resource, "meta");
    if (meta == nullptr || meta->has_value()) {
        meta = new_child(resource, "meta", types, arena);
    }
    take(*meta, "versionId");
    take(*meta, "lastUpdated");
    for (const std::string& tag : tags) {
        add_tag(*meta, tag, types, arena);
    }
    push_front(*meta, new_value(*meta, "versionId", arena.copy(token), types, arena));
    push_front(resource, meta);
    take(resource, "id");
    push_front(resource, new_value(resource, "id", arena.copy(id), types, arena));
    fhir::annotate(resource, types);

    const std::string json = fhir::write_json(resource, &types);
    std::string mark = "\"versionId\":";
    mark += json_text(token);
    const auto at = json.find(mark);
    GH_ASSERT(at != std::string::npos);
    SplitJson split;
    split.head = json.substr(0, at);
    split.tail = json.substr(at + mark.size());
    // The marker must not reach search or disclosure: from here on the tree has no version.
    take(*meta, "versionId");
    return split;
}

void rewrite_references(
    Element& resource,
    const std::map<std::string, std::string, std::less<>>& map,
    const fhir::TypeModel& types,
    Arena& arena
) {
    if (map.empty()) {
        return;
    }
    walk(resource, [&](Element& element) {
        if (is_narrative(element, types)) {
            const std::string text = relinked(element.value, map);
            if (text != element.value) {
                element.value = arena.copy(text);
            }
            return;
        }
        if (!element.has_value() || element.is_resource) {
            return;
        }
        if (element.name != "reference" && !is_link(element, types)) {
            return;
        }
        const std::string_view target = target_of(element.value);
        const auto found = map.find(target);
        if (found != map.end()) {
            element.value =
                arena.copy(found->second + std::string(element.value.substr(target.size())));
        }
    });
}

std::vector<const Element*> conditional_references(const Element& resource) {
    std::vector<const Element*> found;
    walk_own(resource, [&](const Element& element) {
        if (element.name != "reference" || !element.has_value()) {
            return;
        }
        const auto mark = element.value.find('?');
        const bool absolute = element.value.substr(0, mark).find(':') != std::string_view::npos;
        const auto same = [&](const Element* other) { return other->value == element.value; };
        if (mark != std::string_view::npos && !absolute &&
            std::none_of(found.begin(), found.end(), same)) {
            found.push_back(&element);
        }
    });
    return found;
}

const Element* placeholder_reference(const Element& resource) {
    const Element* found = nullptr;
    walk_own(resource, [&](const Element& element) {
        if (found == nullptr && element.name == "reference" && element.has_value() &&
            (element.value.starts_with("urn:uuid:") || element.value.starts_with("urn:oid:"))) {
            found = &element;
        }
    });
    return found;
}

void index_resource(
    NewVersion& out,
    const fhir::Element& resource,
    const fhir::Engine& engine,
    std::string_view own_base,
    Arena& arena
) {
    engine.search()->extract(resource, arena, out.index, own_base);
    if (out.type == "Patient") {
        out.patient = out.id;
        return;
    }
    for (const char* code : {"patient", "subject"}) {
        for (const fhir::IndexEntry& entry : out.index) {
            if (entry.holder == 0 && entry.parameter->code == code && entry.system == "Patient") {
                out.patient = entry.value;
                return;
            }
        }
    }
}

void rename_resource(NewVersion& resource, std::string_view id) {
    // split_body() writes type and id first.
    const std::string before = "{\"resourceType\":" + json_text(resource.type) + ",\"id\":";
    const std::string old = before + json_text(resource.id);
    GH_ASSERT(resource.json.head.compare(0, old.size(), old) == 0);
    resource.json.head.replace(0, old.size(), before + json_text(id));
    if (resource.type == "Patient") {
        resource.patient = id;
    }
    resource.id = id;
}

void replace_reference(
    NewVersion& resource, std::string_view from, std::string_view type, std::string_view id
) {
    const std::string to = std::string(type) + "/" + std::string(id);
    replace_all(resource.json.head, json_text(from), json_text(to));
    replace_all(resource.json.tail, json_text(from), json_text(to));
    replace_links(resource.json.head, std::string(from), to);
    replace_links(resource.json.tail, std::string(from), to);
    const auto slash = from.find('/');
    for (fhir::IndexEntry& entry : resource.index) {
        const bool whole = entry.value == from;
        const bool split = slash != std::string_view::npos &&
                           entry.system == from.substr(0, slash) &&
                           entry.value == from.substr(slash + 1);
        if (entry.parameter->type == fhir::SearchType::reference && (whole || split)) {
            entry.system = type;
            entry.value = id;
        }
    }
    if (slash != std::string_view::npos && resource.patient == from.substr(slash + 1)) {
        resource.patient = id;
    }
    if (resource.patient.empty() && type == "Patient") {
        for (const fhir::IndexEntry& entry : resource.index) {
            if (entry.holder == 0 && entry.value == id &&
                (entry.parameter->code == "patient" || entry.parameter->code == "subject")) {
                resource.patient = id;
            }
        }
    }
}

}  // namespace gatehouse::gateway
