# SPDX-License-Identifier: Apache-2.0
"""Faults of the text itself: what a broken writer, a wrong encoding or a cut connection makes of JSON
and XML. Each takes (random, text) and returns the bytes sent, or None where it does not apply."""
import re


def _replace_one(random, text, pattern, make):
    found = list(re.finditer(pattern, text))
    if not found:
        return None
    match = random.choice(found)
    return text[:match.start()] + make(match) + text[match.end():]


def _encoded(text):
    return None if text is None else text.encode("utf-8", "surrogatepass")


# ---- JSON ----

STRING = r'"(?:[^"\\]|\\.)*"'
VALUE_STRING = r'(?<=: )"(?:[^"\\]|\\.)+"'
PLAIN_NUMBER = r"(?<=: )-?\d[\d.]*(?=[,\n}\]])"


def json_escape(random, text):
    bad = random.choice(["\\x41", "\\u12", "\\ud800", "\\udc00x", "\\ud83d\\u0041", "\\'", "\\u0000", "\\a", "\\U0041", "\\u00e9", "\\/", "\\u202e", "\\ud83d\\ude00", "\\"])
    return _encoded(_replace_one(random, text, VALUE_STRING, lambda m: m[0][:-1] + bad + '"'))


def json_control(random, text):
    raw = random.choice(["\n", "\t", "\x00", "\x01", "\x7f", "\r", "\x85", "\u2028", "\ufffe", "\uffff", "\ufeff"])
    return _encoded(_replace_one(random, text, VALUE_STRING, lambda m: m[0][:2] + raw + m[0][2:]))


def json_number(random, text):
    bad = random.choice(["01", "+1", ".5", "1.", "1e", "NaN", "Infinity", "-", "0x10", "1_000", "1,5", "--1", "1e400", "1E5", "-0", "00", "1.0e+2", "9" * 60, "0." + "1" * 60])
    return _encoded(_replace_one(random, text, PLAIN_NUMBER, lambda m: bad))


def json_duplicate_key(random, text):
    return _encoded(_replace_one(random, text, r'("[A-Za-z]+"): ("(?:[^"\\]|\\.)*"|\d+|true|false)', lambda m: random.choice([m[0] + ", " + m[0], f"{m[1]}: \"other\", {m[0]}", f"{m[1]}: null, {m[0]}"])))


def json_comma(random, text):
    if random.random() < 0.5:
        return _encoded(_replace_one(random, text, r",(?=\n)", lambda m: random.choice(["", ",,", ";", ", ,"])))
    return _encoded(_replace_one(random, text, r"\n\s*[}\]]", lambda m: "," + m[0]))


def json_punctuation(random, text):
    return _encoded(_replace_one(random, text, r"[{}\[\]:]", lambda m: random.choice(["", "{", "}", "[", "]", ":", "(", "="])))


def json_quotes(random, text):
    return _encoded(_replace_one(random, text, STRING, lambda m: random.choice(["'" + m[0][1:-1] + "'", m[0][1:-1], m[0][:-1], m[0][1:], "\u201c" + m[0][1:-1] + "\u201d"])))


def json_comment(random, text):
    return _encoded(_replace_one(random, text, r"\n", lambda m: random.choice([" // note\n", " /* note */\n", " # note\n"])))


def json_word(random, text):
    return _encoded(_replace_one(random, text, r"(?<=: )(true|false|null|\d+)(?=[,\n])", lambda m: random.choice([m[0].upper(), m[0].capitalize(), "None", "undefined", "tru", "yes"])))


def json_depth(random, text):
    deep = random.choice([20, 100, 500, 2000])
    return _encoded(_replace_one(random, text, r"\n", lambda m: '\n"extension": [{"url": "http://example.org/x", ' * deep + '"valueString": "x"' + "}]" * deep + ",\n"))


# ---- XML ----

START_TAG = r"<[A-Za-z][^<>/]*>"
ANY_TAG = r"<[A-Za-z][^<>]*>"
VALUE_ATTRIBUTE = r' value="[^"]*"'


def xml_namespace(random, text):
    return _encoded(_replace_one(random, text, r' xmlns="http://hl7.org/fhir"', lambda m: random.choice(["", ' xmlns="http://hl7.org/fhir/"', ' xmlns="HTTP://hl7.org/fhir"', ' xmlns=""', m[0] + ' xmlns:f="http://hl7.org/fhir"',
                                                                                                         m[0] + ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir patient.xsd"', ' xmlns:f="http://hl7.org/fhir"'])))


def xml_child_namespace(random, text):
    return _encoded(_replace_one(random, text, ANY_TAG, lambda m: re.sub(r"(\s|/?>)", lambda t: random.choice([' xmlns="urn:x"', ' xmlns=""', ' xmlns:x="urn:x" x:y="1"', ' xmlns="http://hl7.org/fhir"']) + t[0], m[0], count=1)))


def xml_prefix(random, text):
    return _encoded(_replace_one(random, text, r"<([a-z]\w*)( value=\"[^\"]*\")/>", lambda m: random.choice([f"<f:{m[1]}{m[2]}/>", f'<f:{m[1]} xmlns:f="http://hl7.org/fhir"{m[2]}/>', f'<f:{m[1]} xmlns:f="urn:x"{m[2]}/>'])))


def xml_attribute(random, text):
    extra = random.choice([' value="x"', ' nonsense="x"', ' Value="x"', ' id="a b"', ' id="a1"', ' xml:lang="en"', ' url="urn:x"', ' xml:id="x"', ' extension="x"', " value=x", ' id=""', ' xsi:nil="true"'])
    return _encoded(_replace_one(random, text, ANY_TAG, lambda m: re.sub(r"(/?>)$", lambda t: extra + t[0], m[0])))


def xml_value(random, text):
    return _encoded(_replace_one(random, text, VALUE_ATTRIBUTE, lambda m: random.choice(["", ' value=""', ' value=" "', " " + m[0].strip() + m[0], m[0].replace('"', "'"), m[0][:-1] + '&#0;"', m[0][:-1] + '&#x9;"', m[0][:-1] + '&nbsp;"', m[0][:-1] + '&amp;"',
                                                                                      m[0][:-1] + '<"', m[0][:-1] + ' "', m[0][:-1] + '\n"', m[0][:-1] + '&#160;"', m[0][:-1], m[0].replace("value", "Value")])))


def xml_text(random, text):
    return _encoded(_replace_one(random, text, r"(?<=>)(?=<)", lambda m: random.choice(["stray", "<!-- note -->", "<![CDATA[x]]>", "<?pi x?>", "<nonsense/>", '<nonsense value="x"/>', "&amp;", "\u00a0", "&unknown;", "\x01", "]]>", "<!-- a -- b -->", "\n  \n", "<valueString value=\"x\"/>", '<extension url="http://example.org/x"><valueString value="x"/></extension>'])))


def xml_element_text(random, text):
    return _encoded(_replace_one(random, text, r'<(\w+) value="([^"]*)"/>', lambda m: random.choice([f"<{m[1]}>{m[2]}</{m[1]}>", f'<{m[1]}><value value="{m[2]}"/></{m[1]}>', f'<{m[1]} value="{m[2]}">x</{m[1]}>', m[0] + m[0], f"<{m[1]}/>", f'<{m[1]} value="{m[2]}"></{m[1]}>', f'<{m[1]} value="{m[2]}"> </{m[1]}>'])))


def xml_order(random, text):
    found = list(re.finditer(r'<\w+ value="[^"]*"/>', text))
    if len(found) < 2:
        return None
    first, second = sorted(random.sample(found, 2), key=lambda m: m.start())
    return _encoded(text[:first.start()] + second[0] + text[first.end():second.start()] + first[0] + text[second.end():])


def xml_tag(random, text):
    return _encoded(_replace_one(random, text, r"</?[A-Za-z]\w*", lambda m: random.choice([m[0].capitalize(), m[0] + "X", m[0].upper(), m[0][:-1], "<" + m[0], ""])))


def xml_prolog(random, text):
    body = re.sub(r"^<\?xml[^>]*\?>\s*", "", text)
    return _encoded(random.choice([body, " " + text, '<?xml version="1.1" encoding="UTF-8"?>' + body, '<?xml version="1.0"?>' + body, '<?xml version="2.0"?>' + body, '<?xml version="1.0" encoding="UTF-16"?>' + body, '<?xml version="1.0" encoding="nonsense"?>' + body,
                                   '<!DOCTYPE x [<!ENTITY e "x">]>' + body, '<!DOCTYPE x SYSTEM "file:///none">' + body, '<?xml version="1.0" standalone="yes"?>' + body, body + body, body + "<!-- end -->", body + "x", "<!-- start -->" + body, '<?xml-stylesheet href="x"?>' + body]))


# ---- both ----

def truncated(random, text):
    return text.encode()[:random.randrange(len(text))]


def around(random, text):
    return _encoded(random.choice(["\ufeff" + text, text + "\x00", text + "}", text + "x", "x" + text, "\n\n" + text, text + "\n\n", text + text, "", " ", "[" + text + "]", "null", "\x00" + text, text.replace("\n", "\r\n"), text.replace("\n", "\r")]))


def encoding(random, text):
    data = text.encode()
    at = random.randrange(len(data))
    return random.choice([lambda: text.encode("utf-16"), lambda: text.encode("utf-16-le"), lambda: text.encode("latin-1", "replace"), lambda: text.encode("utf-32"),
                          lambda: data[:at] + b"\xff" + data[at:], lambda: data[:at] + b"\xc0\xaf" + data[at:], lambda: data[:at] + b"\xed\xa0\x80" + data[at:],
                          lambda: data[:at] + b"\xe9" + data[at:], lambda: data[:at] + b"\xf4\x90\x80\x80" + data[at:], lambda: data[:at] + "\u00e9".encode() + data[at:],
                          lambda: data[:at] + b"\xe2\x82" + data[at:]])()


def flipped(random, text):
    data = bytearray(text.encode())
    for _ in range(random.randint(1, 3)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(7)
    return bytes(data)


JSON_FAULTS = [json_escape, json_escape, json_control, json_number, json_duplicate_key, json_duplicate_key, json_comma, json_punctuation, json_quotes, json_comment, json_word, json_depth,
               truncated, around, encoding, flipped]
XML_FAULTS = [xml_namespace, xml_child_namespace, xml_prefix, xml_attribute, xml_attribute, xml_value, xml_value, xml_text, xml_text, xml_element_text, xml_element_text, xml_order, xml_tag, xml_prolog,
              truncated, around, encoding, flipped]


def apply(random, text, xml):
    """One fault of the text: (name, bytes)."""
    for _ in range(50):
        fault = random.choice(XML_FAULTS if xml else JSON_FAULTS)
        data = fault(random, text)
        if data is not None:
            return fault.__name__, data
    return "none", text.encode()
