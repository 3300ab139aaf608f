# SPDX-License-Identifier: Apache-2.0
"""Records put inside others: Bundles of every type, and contained resources."""
import copy

from tree import Number


def _full_url(random, resource, index):
    if isinstance(resource.get("id"), str) and random.random() < 0.5:
        return f"http://example.org/fhir/{resource.get('resourceType')}/{resource['id']}"
    return f"urn:uuid:00000000-0000-4000-8000-{index:012d}"


def in_bundle(random, resources):
    """A well-formed Bundle of these resources, of a random type."""
    kind = random.choice(["collection", "searchset", "transaction", "batch", "document", "message", "history"])
    resources = [copy.deepcopy(resource) for resource in resources]
    if kind == "document":
        resources.insert(0, {"resourceType": "Composition", "id": "composition", "status": "final",
                             "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]}, "date": "2024-05-01",
                             "author": [{"display": "Ward clerk"}], "title": "Summary"})
    if kind == "message":
        resources.insert(0, {"resourceType": "MessageHeader", "id": "header", "eventUri": "http://example.org/event",
                             "source": {"endpoint": "http://example.org/endpoint"}})
    bundle = {"resourceType": "Bundle", "id": "bundle"}
    if kind in ("document", "message") or random.random() < 0.2:
        bundle["identifier"] = {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}
    bundle["type"] = kind
    if kind in ("document", "message") or random.random() < 0.2:
        bundle["timestamp"] = "2024-05-01T09:00:00Z"
    if kind == "searchset":
        bundle["total"] = Number(len(resources))
    bundle["entry"] = []
    for index, resource in enumerate(resources):
        entry = {"fullUrl": _full_url(random, resource, index + 1), "resource": resource}
        if kind == "searchset":
            entry["search"] = {"mode": "match"}
        if kind in ("transaction", "batch", "history"):
            put = kind == "history" or (random.random() < 0.5 and isinstance(resource.get("id"), str))
            entry["request"] = {"method": "PUT", "url": f"{resource.get('resourceType')}/{resource.get('id')}"} if put else \
                {"method": "POST", "url": str(resource.get("resourceType"))}
        if kind == "history":
            entry["response"] = {"status": "200"}
        bundle["entry"].append(entry)
    return bundle


def in_contained(random, outer, inner):
    """`inner` contained in `outer`, and referred to from it where there is a reference."""
    outer, inner = copy.deepcopy(outer), copy.deepcopy(inner)
    if inner.get("resourceType") in ("Bundle", "Parameters", "Binary") or outer.get("resourceType") in ("Bundle", "Parameters", "Binary"):
        return None
    inner["id"] = "inner"
    for name in ("text", "contained"):
        inner.pop(name, None)
    if isinstance(inner.get("meta"), dict):
        inner["meta"] = {key: value for key, value in inner["meta"].items() if key == "profile"}
        if not inner["meta"]:
            del inner["meta"]
    first = {key: outer[key] for key in ("resourceType", "id", "meta", "implicitRules", "language", "text") if key in outer}
    rest = {key: value for key, value in outer.items() if key not in first and key != "contained"}
    outer = {**first, "contained": outer.get("contained", []) + [inner], "extension": [
        {"url": "http://example.org/fhir/StructureDefinition/about", "valueReference": {"reference": "#inner"}}] + rest.pop("extension", []), **rest}
    return outer
