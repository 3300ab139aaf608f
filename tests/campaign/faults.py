# SPDX-License-Identifier: Apache-2.0
"""Faults in the tree of a resource. Each takes (random, resource, pool) and returns the path it
changed, or None where it found nothing to change. `pool` holds what other resources say (codes,
systems, units, extension urls by key), so that many faults are plausible."""
import copy

from tree import Number, element_path, nodes

DATES = ["2024", "2024-02", "2024-02-30", "2023-02-29", "2024-02-29", "2024-13-01", "2024-6-1", "24-06-01", "2024-06-01T10:00",
         "2024-06-01T10:00:00", "2024-06-01T10:00:00Z", "2024-06-01T10:00:00+01:00", "2024-06-01T10:00:00+15:00", "2024-06-01T24:00:00Z",
         "2024-06-01T23:59:60Z", "2024-06-01T10:00:00.123456789Z", "2024-06-01t10:00:00z", "2024-06-01 10:00:00Z", "20240601", "0000-01-01",
         "9999-12-31", "1066-10-14", "01/06/2024", "yesterday", "-2024-01-01", "2024-06-01Z", "2024-06-01T10:00Z", "2024-00-10", "2024-01-00",
         "2024-06-01T10:00:00-00:00", "10:00:00", "10:00", "T10:00:00", "2024-W05", "2024-06-31"]
NUMBERS = ["0", "-1", "1", "1.0", "1.50", "0.000000001", "1e3", "1E-7", "1e400", "123456789012345678901234567890", "2147483647", "2147483648",
           "-2147483649", "1000000000000000000", "0.1234567890123456789012", "-0", "-0.0", "100.000"]
URIS = ["http://x y", "not a uri", "urn:uuid:xyz", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "urn:oid:abc", "urn:oid:1.2.3", "urn:oid:01.2.3",
        "http://", "https://example.org/fhir", "relative/path", "#fragment", "", " http://example.org", "http://example.org ", "ftp://example.org/x",
        "mailto:a@example.org", "http://example.org/%zz", "http://example.org/a|1.0", "urn:ietf:rfc:3986", "http://hl7.org/fhir/sid/us-ssn",
        "HTTP://EXAMPLE.ORG", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "http://example.org/\u00e9", "http://example.org/<x>", "urn:x"]
REFERENCES = ["Patient/none", "Patient/a b", "patient/1", "#none", "#", "urn:uuid:00000000-0000-4000-8000-000000000000", "urn:uuid:zz", "urn:oid:1.2.3.4",
              "Group/1", "http://example.org/fhir/Patient/1", "http://example.org/fhir/Basic/1", "Patient/1/_history/2", "Patient/1/_history/",
              "Nonsense/1", "Patient", "1", "/Patient/1", "Patient/", "Patient/1?x=y", "Patient?identifier=x|y", "", " Patient/1", "Patient/1 ",
              "Observation/1#x", "Patient/" + "x" * 65, "https://example.org", "Bundle/1", "Binary/1", "Organization/1", "Practitioner/1", "Location/1"]
IDS = ["", " ", "a b", "a_b", "x" * 64, "x" * 65, "-", ".", "\u00e9", "A.b-1", "a/b", "a#b", "0"]
SYSTEMS = ["http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org", "urn:ietf:bcp:47", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
           "http://hl7.org/fhir/administrative-gender", "http://example.org/unknown", "http://terminology.hl7.org/CodeSystem/none", "relative", "",
           "urn:iso:std:iso:3166", "urn:ietf:bcp:13", "http://snomed.info/sct ", "http://hl7.org/fhir/ValueSet/observation-status", "urn:oid:2.16.840.1.113883.6.96"]
CODES = ["none", "Final", " final", "final ", "fi nal", "", "active", "en", "EN-gb", "en-GB", "xx-YY", "GBR", "kg", "mm[Hg]", "{score}", "10*3/uL",
         "22298006", "1234567", "text/plain", "application/fhir+json", "text", "UTC", "unknown", "male", "a  b", "\u00e9"]
STRINGS = ["", " ", "  lead", "trail ", "a\u00a0b", "tab\there", "line\nbreak", "\u0000", "\u200b", "\u202e", "<b>x</b>", "&amp;", "\ud83d\ude00", "x" * 300, "\u00a0", "\r\n", "\u0007"]
DIVS = ["<div>no namespace</div>", '<div xmlns="http://www.w3.org/1999/xhtml"></div>', '<div xmlns="http://www.w3.org/1999/xhtml">  </div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>', '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x">y</p></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><p>open</div>', '<div xmlns="http://www.w3.org/1999/xhtml">a &nbsp; b &copy; c</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml">a & b</div>', '<div xmlns="http://www.w3.org/1999/xhtml"><img src="#x" alt="y"/></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><img alt="y"/></div>', '<p xmlns="http://www.w3.org/1999/xhtml">x</p>', "text", "",
        '<div xmlns="http://www.w3.org/1999/xhtml"><a href="javascript:x">y</a></div>', '<div xmlns="http://www.w3.org/1999/xhtml"><table><tr><td>1</td></tr></table></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><!-- c -->x</div>', '<div xmlns="http://www.w3.org/1999/xhtml"><form>x</form></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><P>x</P></div>', '<div xmlns="http://www.w3.org/1999/xhtml"><p style="color:red" class="a" lang="en" xml:lang="en">x</p></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml">&unknown;</div>', '<div xmlns="http://www.w3.org/1999/xhtml"><br></div>', '<div xmlns="http://www.w3.org/1999/xhtml">&#160;</div>',
        '<div xmlns="http://www.w3.org/1999/xhtml" xmlns:x="urn:x">t</div>', '<div xmlns="http://www.w3.org/1999/xhtml">t</div>trailing', '<div xmlns="http://www.w3.org/1999/xhtml"><svg/></div>',
        '<div xmlns="http://www.w3.org/1999/xhtml"><![CDATA[x]]></div>', '<?xml version="1.0"?><div xmlns="http://www.w3.org/1999/xhtml">t</div>']
TYPES = ["Patient", "Observation", "Basic", "Organization", "Nonsense", "patient", "", "Resource", "DomainResource", "Coding", "Bundle", "Parameters", "Binary"]
PROFILES = ["http://hl7.org/fhir/StructureDefinition/Patient", "http://hl7.org/fhir/StructureDefinition/vitalsigns", "http://hl7.org/fhir/StructureDefinition/bp",
            "http://example.org/StructureDefinition/none", "not a uri", "http://hl7.org/fhir/StructureDefinition/Observation|4.0.1",
            "http://hl7.org/fhir/StructureDefinition/Observation|9.9", "http://hl7.org/fhir/ValueSet/all-types", ""]
EXTENSION_URLS = ["http://example.org/none", "urn:oid:1.2.3", "relative", "", "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                  "http://hl7.org/fhir/StructureDefinition/translation", "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                  "http://hl7.org/fhir/StructureDefinition/patient-nationality", "http://hl7.org/fhir/StructureDefinition/iso21090-EN-use",
                  "http://hl7.org/fhir/StructureDefinition/none", "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName",
                  "http://hl7.org/fhir/StructureDefinition/data-absent-reason|4.0.1", "http://example.org/a b"]
VALUES = {"String": "x", "Code": "unknown", "Boolean": True, "Integer": Number("3"), "DateTime": "2024-01-01", "Uri": "urn:x", "Decimal": Number("1.5"),
          "Quantity": {"value": Number("1"), "unit": "kg"}, "Reference": {"reference": "Patient/1"}, "CodeableConcept": {"text": "x"},
          "Coding": {"system": "http://example.org/s", "code": "c"}, "Period": {"start": "2024-01-01"}, "Identifier": {"value": "1"},
          "HumanName": {"family": "x"}, "Nonsense": "x", "Age": {"value": Number("4"), "unit": "a"}}
DATE_KEYS = ("date", "Date", "Time", "start", "end", "issued", "recorded", "lastUpdated", "timestamp", "created", "authoredOn", "sent", "received")


def pick(random, resource, accept):
    found = [node for node in nodes(resource) if accept(*node)]
    return random.choice(found) if found else None


def _set(random, resource, accept, make):
    """Replaces the value of a random node that `accept`s by make(old)."""
    node = pick(random, resource, accept)
    if node is None:
        return None
    path, parent, key, value = node
    parent[key] = make(value)
    return path


def is_text(path, parent, key, value):
    return isinstance(value, str) and not isinstance(value, Number) and key not in ("resourceType", "div")


def is_object(path, parent, key, value):
    return isinstance(value, dict)


def named(*names):
    return lambda path, parent, key, value: key in names and isinstance(value, str)


def delete(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, dict) and k != "resourceType")
    return node and (node[1].pop(node[2]), node[0])[1]


def delete_item(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, list))
    return node and (node[1].pop(node[2]), node[0])[1]


def duplicate_item(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, list))
    return node and (node[1].insert(node[2], copy.deepcopy(node[3])), node[0])[1]


def many_items(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, list) and len(o) < 8)
    return node and (node[1].extend(copy.deepcopy(node[3]) for _ in range(random.randint(2, 12))), node[0])[1]


def swap_items(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(v, list) and len(v) > 1)
    if node is None:
        return None
    i, j = random.sample(range(len(node[3])), 2)
    node[3][i], node[3][j] = node[3][j], node[3][i]
    return node[0]


def swap_members(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(v, dict) and len(v) > 1)
    target = node[3] if node else resource
    keys = list(target)
    random.shuffle(keys)
    members = [(key, target[key]) for key in keys]
    target.clear()
    target.update(members)
    return node[0] if node else ()


def graft(random, resource, pool):
    """A part of the record where another belongs."""
    source, target = pick(random, resource, is_object), pick(random, resource, is_object)
    if source is None or target is None:
        return None
    target[1][target[2]] = copy.deepcopy(source[3])
    return target[0]


def move_member(random, resource, pool):
    source, target = pick(random, resource, lambda p, o, k, v: isinstance(o, dict) and k != "resourceType"), pick(random, resource, is_object)
    if source is None or target is None:
        return None
    value = copy.deepcopy(source[3])
    target[3].setdefault(source[2], value)
    return target[0] + (source[2],)


def rename(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, dict))
    if node is None:
        return None
    path, parent, key, value = node
    new = random.choice([key + "s", key[:-1], key.capitalize(), key.lower(), "_" + key, key + "X", key[::-1], "value" + key.capitalize(), "extension"])
    members = [(new if name == key else name, item) for name, item in parent.items()]
    parent.clear()
    parent.update(members)
    return path


def unknown(random, resource, pool):
    node = pick(random, resource, is_object)
    target = node[3] if node else resource
    target[random.choice(["nonsense", "valueString", "text", "fhir_comments", "_nonsense", "resourceType", "extension2", "id2", "$ref", "value[x]"])] = \
        random.choice(["x", Number("1"), {"a": "b"}, ["x"], True])
    return node[0] if node else ()


def scalar_to_array(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(o, dict) and not isinstance(v, list), lambda v: [v])


def array_to_scalar(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, list) and v, lambda v: v[0])


def nest_array(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, list), lambda v: [v])


def empty(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: k != "resourceType", lambda v: random.choice([None, "", [], {}, [None], [{}], " "]))


def change_type(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: not isinstance(v, (dict, list)),
                lambda v: random.choice([True, False, Number("5"), Number("1.5"), str(v) + "x", "true", "7", {"value": str(v)}, [str(v)], {}]))


def object_to_primitive(random, resource, pool):
    return _set(random, resource, is_object, lambda v: random.choice(["x", Number("1"), True, [], [["x"]]]))


def primitive_to_text(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, (bool, Number)), lambda v: str(v).lower())


def space(random, resource, pool):
    return _set(random, resource, is_text, lambda v: random.choice([" " + v, v + " ", v.replace(" ", "  "), v + "\u00a0", "\t" + v, v + "\n", v[:1] + " " + v[1:]]))


def text(random, resource, pool):
    return _set(random, resource, is_text, lambda v: random.choice(STRINGS))


def letter_case(random, resource, pool):
    return _set(random, resource, is_text, lambda v: random.choice([v.upper(), v.lower(), v.capitalize(), v.swapcase()]))


def date(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, str) and isinstance(k, str) and any(part in k for part in DATE_KEYS), lambda v: random.choice(DATES))


def number(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, Number), lambda v: Number(random.choice(NUMBERS)))


def code(random, resource, pool):
    return _set(random, resource, named("code", "status", "use", "gender", "type", "intent", "priority", "language", "mode", "unit", "contentType", "method", "relation", "rank", "criticality", "kind"),
                lambda v: random.choice(CODES) if random.random() < 0.5 else random.choice(pool["code"]))


def system(random, resource, pool):
    return _set(random, resource, named("system"), lambda v: random.choice([random.choice(SYSTEMS), random.choice(pool["system"]), v + "/", v + "|1.0", v.upper(), v.replace("http:", "https:")]))


def coding(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, dict) and "code" in v and "system" in v, lambda v: copy.deepcopy(random.choice(pool["coding"])))


def extra_coding(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: k == "coding" and isinstance(v, list))
    return node and (node[3].insert(random.randint(0, len(node[3])), copy.deepcopy(random.choice(pool["coding"]))), node[0])[1]


def display(random, resource, pool):
    return _set(random, resource, named("display"), lambda v: random.choice(["Wrong display", v.upper(), v + " ", v.replace(" ", "  "), v[:-1], ""]))


def reference(random, resource, pool):
    return _set(random, resource, named("reference"), lambda v: random.choice(REFERENCES))


def reference_parts(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(v, dict) and "reference" in v)
    if node is None:
        return None
    node[3].update(random.choice([{"type": "Patient"}, {"type": "Nonsense"}, {"type": "http://hl7.org/fhir/StructureDefinition/Patient"}, {"identifier": {"value": "1"}},
                                  {"identifier": {"system": "x"}}, {"display": ""}, {"reference": "#", "display": "x"}]))
    if random.random() < 0.3:
        node[3].pop("reference", None)
    return node[0]


def identity(random, resource, pool):
    if random.random() < 0.5:
        resource["id"] = random.choice(IDS)
        return ("id",)
    return _set(random, resource, named("id"), lambda v: random.choice(IDS))


def uri(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, str) and (":" in v and "/" in v or k in ("url", "fullUrl", "instantiatesUri")), lambda v: random.choice(URIS))


def identifier(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: k == "identifier",
                lambda v: (lambda one: [one] if isinstance(v, list) else one)(random.choice([
                    {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": random.choice(["9000000009", "9000000017", "900000000", "abc", "9000000009 "])},
                    {"system": "urn:ietf:rfc:3986", "value": random.choice(["urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "x", "urn:oid:1.2", "http://example.org"])},
                    {"system": "urn:oid:1.2.3", "value": "1", "use": random.choice(["official", "none"])}, {"value": "1", "period": {"start": "2024-02-01", "end": "2024-01-01"}},
                    {"system": "https://tools.ietf.org/html/rfc4122", "value": "x"}, {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": random.choice(["MR", "none"])}]}},
                    {"system": "http://hl7.org/fhir/sid/us-npi", "value": ""}, {}, {"system": "relative", "value": "1"}])))


def quantity(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, dict) and "value" in v and ("unit" in v or "code" in v), lambda v: random.choice([
        {**v, "code": random.choice(["{x}", "bad unit", "mg/", "kg", "mm[Hg]", "10*3/ul", "[in_i]", "%", "mmol/L", "Kg", "m2.", "1", "/min", "{beats}/min"]), "system": "http://unitsofmeasure.org"},
        {key: item for key, item in v.items() if key != "system"}, {key: item for key, item in v.items() if key != "code"}, {key: item for key, item in v.items() if key != "unit"},
        {**v, "comparator": random.choice(["<", "~", "ad", ">="])}, {**v, "value": Number("-1")}, {key: item for key, item in v.items() if key != "value"}, {**v, "system": "http://example.org/u"}]))


def choice(random, resource, pool):
    """A choice element of another type, or two at once."""
    stems = ("value", "effective", "onset", "abatement", "deceased", "occurrence", "performed", "medication", "multipleBirth", "born", "age", "timing", "asNeeded", "dose", "rate", "product", "item")
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, dict) and isinstance(k, str) and any(k.startswith(stem) and k[len(stem):len(stem) + 1].isupper() for stem in stems))
    if node is None:
        return None
    path, parent, key, value = node
    stem = next(stem for stem in sorted(stems, key=len, reverse=True) if key.startswith(stem) and key[len(stem):len(stem) + 1].isupper())
    kind = random.choice(list(VALUES))
    if random.random() < 0.6:
        members = [(stem + kind if name == key else name, copy.deepcopy(VALUES[kind]) if name == key else item) for name, item in parent.items()]
        parent.clear()
        parent.update(members)
    else:
        parent[stem + kind] = copy.deepcopy(VALUES[kind])
    return path


def _extension(random, pool):
    url = random.choice(EXTENSION_URLS) if random.random() < 0.6 or not pool["extension"] else random.choice(pool["extension"])
    out = {"url": url}
    kind = random.choice(list(VALUES))
    shape = random.random()
    if shape < 0.7:
        out["value" + kind] = copy.deepcopy(VALUES[kind])
    if shape > 0.6:
        out["extension"] = [{"url": random.choice(["a", "b", "http://example.org/x"]), "valueString": "x"}]
    if shape > 0.95:
        del out["url"]
    return out


def add_extension(random, resource, pool):
    node = pick(random, resource, is_object)
    target = node[3] if node and random.random() < 0.7 else resource
    name = "modifierExtension" if random.random() < 0.15 else "extension"
    held = target.setdefault(name, [])
    if not isinstance(held, list):
        return None
    held.append(_extension(random, pool))
    return node[0] if node else ()


def extension_value(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(v, dict) and "url" in v and len(p) > 1 and p[-2] in ("extension", "modifierExtension"))
    if node is None:
        return None
    value = next((key for key in node[3] if key.startswith("value")), None)
    kind = random.choice(list(VALUES))
    if value and random.random() < 0.7:
        del node[3][value]
    if random.random() < 0.8:
        node[3]["value" + kind] = copy.deepcopy(VALUES[kind])
    if random.random() < 0.2:
        node[3]["extension"] = [_extension(random, pool)]
    return node[0]


def primitive_extension(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: isinstance(o, dict) and k not in ("resourceType",) and not k.startswith("_"))
    if node is None:
        return None
    path, parent, key, value = node
    one = random.choice([{"id": "a"}, {"extension": [_extension(random, pool)]}, {"nonsense": True}, {}, {"id": "a b"}, "x", None])
    parent["_" + key] = [one] * random.randint(0, 3) if isinstance(value, list) or random.random() < 0.2 else one
    if random.random() < 0.3:
        del parent[key]
    return path


def meta(random, resource, pool):
    resource["meta"] = random.choice([
        {"profile": [random.choice(PROFILES)]}, {"profile": [random.choice(pool["profile"])]} if pool["profile"] else {"versionId": "1"}, {"profile": random.choice(PROFILES)},
        {"tag": [{"code": "x"}]}, {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": random.choice(["R", "none"])}]},
        {"lastUpdated": random.choice(DATES)}, {"versionId": random.choice(IDS)}, {"source": random.choice(URIS)}, {}])
    return ("meta",)


def contained(random, resource, pool):
    one = random.choice([
        {"resourceType": "Patient", "id": "c1"}, {"resourceType": "Patient"}, {"resourceType": "Patient", "id": "c1", "meta": {"versionId": "1"}},
        {"resourceType": "Patient", "id": "c1", "contained": [{"resourceType": "Organization", "id": "c2"}]}, {"resourceType": "Nonsense", "id": "c1"}, {"id": "c1"},
        {"resourceType": "Organization", "id": "c1", "name": "x", "text": {"status": "generated", "div": DIVS[0]}}, {"resourceType": "Observation", "id": "c1"},
        {"resourceType": "Practitioner", "id": "#c1"}, {"resourceType": "Bundle", "id": "c1", "type": "collection"}])
    held = resource.setdefault("contained", [])
    if not isinstance(held, list):
        return None
    held.append(copy.deepcopy(one))
    if random.random() < 0.5:
        _set(random, resource, named("reference"), lambda v: "#c1")
    if random.random() < 0.15:
        held.append(copy.deepcopy(one))
    return ("contained",)


def narrative(random, resource, pool):
    if random.random() < 0.3 or not isinstance(resource.get("text"), dict):
        resource["text"] = {"status": random.choice(["generated", "empty", "none", "additional"]), "div": random.choice(DIVS)}
    else:
        resource["text"]["div"] = random.choice(DIVS)
    return ("text", "div")


def resource_type(random, resource, pool):
    node = pick(random, resource, lambda p, o, k, v: k == "resourceType")
    if node is None:
        return None
    if random.random() < 0.15:
        del node[1][node[2]]
    else:
        node[1][node[2]] = random.choice(TYPES)
    return node[0]


def period(random, resource, pool):
    return _set(random, resource, lambda p, o, k, v: isinstance(v, dict) and ("start" in v or "end" in v),
                lambda v: random.choice([{"start": "2024-02-01", "end": "2024-01-01"}, {"start": "2024-02", "end": "2024-02-01"}, {"start": "2024-01-01T10:00:00Z", "end": "2024-01-01T11:30:00+02:00"}, {}, {"start": "x"}]))


def base64(random, resource, pool):
    return _set(random, resource, named("data", "valueBase64Binary", "hash"), lambda v: random.choice(["a", "a===", "YQ==", "YQ= =", "Y Q==", "***", "", "YQ==\n", "YWI"]))


def bundle(random, resource, pool):
    """Faults of a Bundle's own rules."""
    if resource.get("resourceType") != "Bundle":
        return None
    entries = [entry for entry in resource.get("entry", []) if isinstance(entry, dict)] if isinstance(resource.get("entry"), list) else []
    entry = random.choice(entries) if entries else None
    what = random.randint(0, 9)
    if what == 0:
        resource["type"] = random.choice(["document", "message", "transaction", "batch", "searchset", "collection", "history", "batch-response", "none"])
    elif what == 1:
        resource["total"] = Number("1")
    elif what == 2:
        resource["link"] = [{"relation": "self", "url": "http://example.org"}] * random.randint(1, 2)
    elif entry is None:
        return None
    elif what == 3:
        entry["fullUrl"] = random.choice(URIS + ["http://example.org/fhir/Patient/other", "urn:uuid:00000000-0000-4000-8000-000000000001"])
    elif what == 4:
        entry["fullUrl"] = random.choice(entries).get("fullUrl", "urn:uuid:00000000-0000-4000-8000-000000000001")
    elif what == 5:
        entry["request"] = random.choice([{"method": "PUT", "url": "Patient/1"}, {"method": "POST"}, {"method": "NONE", "url": "x"}, {"method": "POST", "url": "Basic"}, {}])
    elif what == 6:
        entry["search"] = {"mode": random.choice(["match", "none"]), "score": Number(random.choice(["1", "2"]))}
    elif what == 7:
        entry["response"] = random.choice([{"status": "200"}, {}, {"status": ""}])
    elif what == 8:
        entry.pop(random.choice(["fullUrl", "resource", "request", "search"]), None)
    else:
        entries.reverse()
        resource["entry"] = entries
    return ("entry",)


TREE_FAULTS = [delete, delete, delete, delete_item, duplicate_item, many_items, swap_items, swap_members, graft, move_member, rename, unknown, scalar_to_array, array_to_scalar,
               nest_array, empty, empty, change_type, object_to_primitive, primitive_to_text, space, text, letter_case, date, date, number, code, code, code, system, coding, extra_coding,
               display, reference, reference, reference_parts, identity, uri, identifier, quantity, choice, choice, add_extension, add_extension, extension_value, extension_value,
               primitive_extension, meta, contained, narrative, resource_type, period, base64, bundle, bundle]


def apply(random, resource, pool, count):
    """`count` faults at random, somewhere in the record or inside one resource of it. Returns their names."""
    done = []
    for _ in range(count * 20):
        if len(done) == count:
            break
        inner = [value for _, _, key, value in nodes(resource) if isinstance(value, dict) and "resourceType" in value]
        target = random.choice(inner) if inner and random.random() < 0.6 else resource
        fault = random.choice(TREE_FAULTS)
        path = fault(random, target, pool)
        if path is not None:
            done.append(f"{fault.__name__} {element_path(path)}".strip())
    return done
