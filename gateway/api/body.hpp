#pragma once
// SPDX-License-Identifier: Apache-2.0
//
// From the sender's tree to what the store keeps: id and meta as ours, references inside a Bundle
// rewritten, JSON split where version and time belong.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/engine/engine.hpp"
#include "gateway/store/store.hpp"

namespace gatehouse::gateway {

// For text that was let in once, and was written by us since: only its depth is bounded.
fhir::DecodeLimits own_text_limits();

// Gives `resource` this id, drops versionId and lastUpdated (they are the server's), adds `tags`
// ("system|code") and serialises it. `token` must be unguessable: it marks the split while writing.
// `resource` is annotated anew, so search extraction sees the same tree as the store.
SplitJson split_body(
    fhir::Element& resource,
    std::string_view id,
    std::span<const std::string> tags,
    std::string_view token,
    const fhir::TypeModel& types,
    Arena& arena
);

// Replaces every reference (Reference.reference, values of type uri, url, oid and uuid, and
// src/href in narrative) that is a key of `map` by its value; never a canonical. FHIR R4
// §3.1.0.11.2.
void rewrite_references(
    fhir::Element& resource,
    const std::map<std::string, std::string, std::less<>>& map,
    const fhir::TypeModel& types,
    Arena& arena
);

// The `reference` elements that are searches ("Patient?identifier=…"), each text once. Entries of a
// resource that is a Bundle are left out, here and below.
std::vector<const fhir::Element*> conditional_references(const fhir::Element& resource);

// The first `reference` that only an entry of the same Bundle could resolve (urn:uuid, urn:oid), or
// nullptr: outside of it nobody can follow it.
const fhir::Element* placeholder_reference(const fhir::Element& resource);

// Index entries and patient compartment key of an annotated resource.
// `own_base` is our public base URL: absolute references below it are indexed as relative ones.
void index_resource(
    NewVersion& out,
    const fhir::Element& resource,
    const fhir::Engine& engine,
    std::string_view own_base,
    Arena& arena
);

// Gives a resource another id than it was filled with.
void rename_resource(NewVersion& resource, std::string_view id);

// Replaces `from` by `to` as a whole reference text, in body and index.
void replace_reference(
    NewVersion& resource, std::string_view from, std::string_view type, std::string_view id
);

}  // namespace gatehouse::gateway
