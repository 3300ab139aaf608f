// SPDX-License-Identifier: Apache-2.0
#include "fhir/path/references.hpp"

#include <string>

namespace gatehouse::fhir::path {
namespace references {

// The resource that holds contained ones: the nearest that is not contained itself.
const Element& container_of(const Element& from) {
    const Element* at = &enclosing_resource(from);
    while (at->name == "contained" && at->parent != nullptr) {
        at = &enclosing_resource(*at->parent);
    }
    return *at;
}

const Element* contained(const Element& container, std::string_view id) {
    for (const Element& child : container.children()) {
        if (child.name == "contained" && child.child_value("id") == id) {
            return &child;
        }
    }
    return nullptr;
}

// "http://server/fhir/Patient/1" -> "http://server/fhir/"; empty unless it ends in Type/id.
std::string_view base_of(std::string_view full_url) {
    const auto id = full_url.rfind('/');
    const auto type = id == std::string_view::npos || id == 0 ? id : full_url.rfind('/', id - 1);
    return type == std::string_view::npos ? std::string_view{} : full_url.substr(0, type + 1);
}

bool is_absolute(std::string_view reference) {
    return reference.starts_with("http:") || reference.starts_with("https:") ||
           reference.starts_with("urn:");
}

// "Patient/1/_history/2" -> "Patient/1".
std::string_view without_version(std::string_view reference) {
    return reference.substr(0, reference.find("/_history/"));
}

const Element* in_bundle(
    Evaluator& run, const Element& bundle, std::string_view reference, std::string_view base
) {
    const bool absolute = is_absolute(reference);
    const Element* by_identity = nullptr;
    for (const Element& entry : bundle.children()) {
        if (entry.name != "entry") {
            continue;
        }
        if (!run.pay()) {
            return nullptr;
        }
        const Element* resource = entry.child("resource");
        if (resource == nullptr) {
            continue;
        }
        const std::string_view url = entry.child_value("fullUrl");
        if (absolute ? url == reference
                     : url.size() == base.size() + reference.size() && !base.empty() &&
                           url.starts_with(base) && url.ends_with(reference)) {
            return resource;
        }
        const std::string_view type = resource->resource_type();
        const std::string_view id = resource->child_value("id");
        if (!absolute && by_identity == nullptr && !id.empty() &&
            reference.size() == type.size() + 1 + id.size() && reference.starts_with(type) &&
            reference[type.size()] == '/' && reference.ends_with(id)) {
            by_identity = resource;
        }
    }
    return by_identity;
}

}  // namespace references

const Element* resolve_reference(Evaluator& run, std::string_view reference, const Element& from) {
    const Element& container = references::container_of(from);
    if (reference.starts_with('#')) {
        return reference.size() == 1 ? &container
                                     : references::contained(container, reference.substr(1));
    }
    const std::string_view wanted = references::without_version(reference);
    // Outwards through every Bundle that holds this resource.
    for (const Element* at = &container; at != nullptr && at->parent != nullptr;) {
        const Element* entry = at->parent;
        const Element& outer = enclosing_resource(*entry);
        if (outer.resource_type() == "Bundle") {
            const std::string_view base = references::base_of(entry->child_value("fullUrl"));
            if (const Element* found = references::in_bundle(run, outer, wanted, base)) {
                return found;
            }
        }
        at = &outer;
    }
    if (container.resource_type() == "Bundle") {
        if (const Element* found = references::in_bundle(run, container, wanted, {})) {
            return found;
        }
    }
    if (run.environment.resolve != nullptr && !run.failed()) {
        return run.environment.resolve(run.environment.user, reference, from);
    }
    return nullptr;
}

}  // namespace gatehouse::fhir::path
