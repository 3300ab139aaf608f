// SPDX-License-Identifier: Apache-2.0
#include "fhir/validate/narrative_links.hpp"

#include <algorithm>
#include <functional>

#include "fhir/validate/walk.hpp"
#include "fhir/validate/xhtml.hpp"

namespace gatehouse::fhir::judge {
namespace {

// Ids that a link into the resource can mean: those of its elements and of its narratives' tags,
// and named anchors.
void collect_ids(const Element& at, std::vector<std::string_view>& ids) {
    for (const Element& child : at.children()) {
        if (child.written == Written::xhtml || child.name == "div") {
            const auto on_tag = [&](const xhtml::Tag& tag) {
                if (tag.closing) {
                    return;
                }
                const std::string_view id = xhtml::attribute(tag.attributes, "id");
                const std::string_view name =
                    tag.name == "a" ? xhtml::attribute(tag.attributes, "name") : std::string_view{};
                if (!id.empty()) {
                    ids.push_back(id);
                }
                if (!name.empty() && name != id) {
                    ids.push_back(name);
                }
            };
            xhtml::scan(child.value, on_tag, [](std::string_view) {});
        } else if (child.name == "id" && child.has_value()) {
            ids.push_back(child.value);
        } else if (child.first_child != nullptr) {
            collect_ids(child, ids);
        }
    }
}

}  // namespace

void NarrativeLinks::add(const Element& extension) {
    for (const Element& child : extension.children()) {
        const std::size_t hash = child.value.find('#');
        // An empty fragment is a link to no part of the narrative: it finds no id below.
        if (!child.name.starts_with("value") || hash == 0 || hash == std::string_view::npos) {
            continue;
        }
        const Element* target = index_.by_url(child.value.substr(0, hash)).resource;
        if (target != nullptr) {
            links_.push_back({target, child.value.substr(hash + 1), &child});
        }
    }
}

void Walker::check_narrative_links(NarrativeLinks& links) {
    // By target; the links of one stay in the order of the message.
    std::ranges::stable_sort(links.links(), std::less<>{}, [](const NarrativeLinks::Link& link) {
        return link.target->offset;
    });
    const Element* target = nullptr;
    std::vector<std::string_view> ids;
    bool escaped = false;  // an id has an entity: it is not compared, and may be the one meant
    for (const NarrativeLinks::Link& link : links.links()) {
        if (link.target != target) {
            target = link.target;
            ids.clear();
            collect_ids(*target, ids);
            std::ranges::sort(ids);
            escaped = std::ranges::any_of(ids, [](std::string_view id) {
                return id.find('&') != std::string_view::npos;
            });
        }
        const auto found = std::ranges::equal_range(ids, link.id);
        if (found.empty() && !escaped) {
            report(rules::narrative_link_lost, *link.value, [&] {
                return join(
                    "No part of that ",
                    target->resource_type(),
                    " has the id that this link names",
                    shown(link.id),
                    ". Give the part this id, or take the link out."
                );
            });
        } else if (found.size() > 1) {
            report(rules::narrative_link_many, *link.value, [&] {
                return join(
                    std::to_string(found.size()),
                    " parts of that ",
                    target->resource_type(),
                    " have the id that this link names",
                    shown(link.id),
                    ". Ids are unique in a resource: give each part its own."
                );
            });
        }
    }
}

}  // namespace gatehouse::fhir::judge
