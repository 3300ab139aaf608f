# SPDX-License-Identifier: Apache-2.0
"""FHIR JSON as plain Python values that keep what JSON readers lose, and the same tree as XML.

A number keeps its text (Number). Objects keep the order of their members, which in a well-formed
resource is the order of the definition, so XML can be written without any definitions.
"""
import json


class Number(str):
    """A JSON number as it was written."""


def parse(text):
    return json.loads(text, parse_float=Number, parse_int=Number)


def dump(value, indent=0, level=0):
    """JSON text; indent 0 is compact."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        items = [json.dumps(key, ensure_ascii=False) + (": " if indent else ":") + dump(item, indent, level + 1)
                 for key, item in value.items()]
        return _bracket("{", items, "}", indent, level)
    if isinstance(value, list):
        return _bracket("[", [dump(item, indent, level + 1) for item in value], "]", indent, level)
    return json.dumps(value, ensure_ascii=False)


def _bracket(left, items, right, indent, level):
    if not items:
        return left + right
    if not indent:
        return left + ",".join(items) + right
    pad = "\n" + " " * indent * (level + 1)
    return left + pad + ("," + pad).join(items) + "\n" + " " * indent * level + right


def nodes(value, path=()):
    """Every (path, parent, key, value) below `value`, in document order."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        here = path + (key,)
        yield here, value, key, item
        yield from nodes(item, here)


def element_path(path):
    """('name', 0, 'family') as "name[0].family"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + part
    return text


def _attribute(text):
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;"), ("\n", "&#10;"), ("\r", "&#13;"), ("\t", "&#9;")):
        text = text.replace(plain, escaped)
    return text


def _primitive_text(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def to_xml(resource):
    """The resource as XML text, or None where the tree has no XML form (a fault broke its shape)."""
    try:
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + _resource(resource, ' xmlns="http://hl7.org/fhir"') + "\n"
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _resource(resource, attributes=""):
    name = resource["resourceType"]
    if not isinstance(name, str) or not name.isalnum():
        raise ValueError
    body = "".join(_member(key, item, resource) for key, item in resource.items() if key != "resourceType")
    return f"<{name}{attributes}>{body}</{name}>"


def _member(key, item, owner):
    if not key.replace("_", "").replace("-", "").isalnum() or key[0].isdigit():
        raise ValueError
    if key.startswith("_") and key[1:] in owner:
        return ""
    name = key.lstrip("_")
    values = item if isinstance(item, list) else [item]
    other = owner.get("_" + name)
    others = other if isinstance(other, list) else [other]
    if key.startswith("_"):
        values, others = [None] * len(values), values
    text = ""
    for index, value in enumerate(values):
        text += _value(name, value, others[index] if index < len(others) else None)
    return text


def _value(name, value, extra):
    if isinstance(value, dict) and "resourceType" in value:
        return f"<{name}>{_resource(value)}</{name}>"
    if isinstance(value, dict):
        return _element(name, value, "")
    if isinstance(value, list):
        raise ValueError
    if name == "div" and isinstance(value, str):
        return value
    attributes = "" if value is None else f' value="{_attribute(_primitive_text(value))}"'
    return _element(name, extra or {}, attributes)


def _element(name, members, attributes):
    if not isinstance(members, dict):
        raise ValueError
    inner = ""
    for key, item in members.items():
        if key == "id" or (key == "url" and name in ("extension", "modifierExtension")):
            if not isinstance(item, str):
                raise ValueError
            attributes += f' {key}="{_attribute(item)}"'
        else:
            inner += _member(key, item, members)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"
