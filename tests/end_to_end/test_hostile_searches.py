# SPDX-License-Identifier: Apache-2.0
"""Searches that nobody means well. Whatever is asked, the answer comes soon, is not large, says in an OperationOutcome
what is wrong with the question, shows nothing of the inside and nothing of other people, and leaves the gateway well."""
import json
import random
import socket
import time
import unittest
import urllib.parse

from gateway import Gateway, observation, patient
from test_guardrails import Rules
from test_hostile_requests import INSIDE

SECONDS_MAX, BYTES_MAX, GROWTH_MAX = 20, 8 << 20, 512 << 20
HIDDEN = "XXHIDDENPERSON"
CODES = "http://local.example/codes"
FORM = "application/x-www-form-urlencoded"

INJECTIONS = ["' OR 1=1--", "'; DROP TABLE resource; --", "\" OR \"\"=\"", "x') UNION SELECT text FROM name--", "%27%20OR%201=1",
              "\\", "\\\\'", "a\x00b", "${jndi:ldap://x}", "{{7*7}}", "<script>alert(1)</script>", "../../etc/passwd", "$(id)",
              "|", "||", "|||", "$", "$$$", ",", ",,", "\\,", "a|b|c|d", "*", "%", "_", "[qzx]", "\u2028", "\u202e", "\uffff", "0x1", "-", "+", " "]
NUMBERS = ["1e999999999", "1e-999999999", "-1e308", "1" * 5000, "0." + "0" * 5000 + "1", "NaN", "inf", "1e", "1.2.3", "--1", "ge", "apx", "1,2,3"]
DATES = ["0000", "9999-12-31T23:59:60.999999999999999Z", "ge-1", "2024-02-30", "2024-13", "sa9999", "eb0001", "ap0001", "2024-01-01T24:00",
         "2024-01-01T00:00+99:99", "today", "2024-01-01T00:00:00" + "0" * 500]
ESCAPES = ["%", "%2", "%ZZ", "%00", "%C0%AF", "%FF%FE", "%ED%A0%80", "%2525", "%25%32%35", "+", "%0d%0aX-Evil:1", "%F4%90%80%80"]
PLACES = ["91|0", "0|181", "NaN|NaN", "inf|1", "1|2|-1|km", "1|2|1e400|km", "1|2|3|parsec", "1|2|3|4|5|6", "|||", "x"]
CONTROLS = ["_count=99999999999", "_count=-1", "_count=0x10", "_count=1e3", "_count=", "_count=1&_count=2", "_count=1000000",
            "_summary=everything", "_total=maybe", "_elements=" + "a," * 5000, "_sort=" + "name," * 500, "_sort=--name", "_sort=-",
            "_sort=name;drop", "_sort=(select 1)", "_sort=name,name,name,name", "_contained=perhaps", "_type=Patient',Observation",
            "_type=" + "Patient," * 2000, "_list='", "_source=" + "x" * 9000, "_profile:below=h", "_id:missing=maybe", "_id=" + "'" * 64,
            "_has", "_has:", "_has:::", "_has:Observation", "_has:Observation:patient", "_has:Observation:patient:", "_has:X:y:z=1",
            "_has:Observation:patient:code);--=1", "_include=", "_include=*", "_include=Patient:*:Patient:x", "_include:iterate=*:*",
            "_include:iterate:iterate=*", "_revinclude=*", "_revinclude=*:*", "_revinclude=Observation:*", "_include=Observation:subject:Nobody",
            "_query=x", "_text='", "_content=\"", "_filter=", "_filter=name eq", "_filter=name eq \"", "_filter=(((((", "_filter=not", "_filter=)",
            "name.given=x", "name:exact:exact=x", "name:=x", ":exact=x", "=x", ".=x", "..=x", "birthdate:contains=x", "gender:text:not=x",
            "identifier:of-type=a|b", "identifier:of-type=|||||", "organization:Organization:Patient=x", "organization:*.name=x", "a.b.c.d.e.f=x"]


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway().start()
        cls.gateway.put("/Organization/o", {"resourceType": "Organization", "id": "o", "name": "Practice"})
        for number in range(20):
            cls.gateway.put(f"/Patient/p{number}", patient(id=f"p{number}", family=HIDDEN if number == 0 else "Shown",
                                                           managingOrganization={"reference": "Organization/o"}))
        # A graph in which everything leads to everything: each of 300 points at 40 others and at one patient.
        entries = []
        for number in range(300):
            body = observation("Patient/p1", id=f"m{number}", code={"coding": [{"system": CODES, "code": "graph-1"}]},
                               hasMember=[{"reference": f"Observation/m{(number * 7 + step) % 300}"} for step in range(40)])
            entries.append({"resource": body, "request": {"method": "PUT", "url": f"Observation/m{number}"}})
        answer = cls.gateway.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert answer.status == 200, answer
        cls.began_bytes = cls.resident_bytes()

    @classmethod
    def tearDownClass(cls):
        cls.gateway.close()

    @classmethod
    def resident_bytes(cls):
        with open(f"/proc/{cls.gateway.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def ask(self, query, kind="Patient", form=None):
        """One search by its URL, or by POST; the answer if all that must hold of any answer holds."""
        began = time.monotonic()
        if form is None:
            target = urllib.parse.quote(f"/{kind}?{query}", safe="/?&=%:.,|$*'()+;-_~!@")
            answer = self.gateway.kept("GET", target)
        else:
            answer = self.gateway.kept("POST", f"/{kind}/_search", form, type=FORM)
        said = f"{kind}?{query[:200]} {(form or '')[:100]} -> {answer}"
        self.assertLess(time.monotonic() - began, SECONDS_MAX, said)
        self.assertLess(len(answer.body), BYTES_MAX, said)
        self.assertTrue(answer.status < 500 or answer.status in (501, 503), said)
        if answer.status >= 400:
            outcome = answer.json()
            self.assertEqual(outcome["resourceType"], "OperationOutcome", said)
            for issue in outcome["issue"]:
                self.assertTrue(issue.get("diagnostics") and issue.get("code"), said)
                self.assertLess(len(issue["diagnostics"]), 4000, said)
            asked = urllib.parse.unquote(query + (form or "")).lower()
            for inside in INSIDE.finditer(answer.text):
                self.assertIn(inside.group().lower(), asked, said)  # only what was sent may come back
            self.assertNotIn(HIDDEN, answer.text, said)
        else:
            self.assertEqual(answer.json()["resourceType"], "Bundle", said)
        return answer

    def tearDown(self):
        self.assertLess(self.resident_bytes() - self.began_bytes, GROWTH_MAX, "memory grew without bound")
        self.assertEqual(self.gateway.get("/Patient/p0").status, 200)

    def test_lists_of_ten_thousand_values_are_refused_or_answered(self):
        for kind, name, value in (("Patient", "_id", "p{}"), ("Patient", "identifier", "urn:x|{}"), ("Patient", "name", "n{}"),
                                  ("Observation", "code", "urn:x|{}"), ("Observation", "code:not", "{}"), ("Patient", "_tag", "t{}"),
                                  ("Observation", "patient", "Patient/p{}"), ("Observation", "date", "ge2024-01-01T00:00:{}Z"),
                                  ("Observation", "value-quantity", "{}|urn:x|mg"), ("Observation", "patient.name", "n{}"),
                                  ("Patient", "_has:Observation:patient:code", "c{}"), ("Observation", "code-value-quantity", "c$gt{}"),
                                  ("Patient", "name:contains", "n{}"), ("ValueSet", "url:below", "urn:{}")):
            values = ",".join(value.format(f"{number:02}") for number in range(10_000))
            answer = self.ask(f"{name}=...", kind, form=f"{name}={urllib.parse.quote(values)}")
            self.assertEqual(answer.status, 400, f"{kind}?{name} -> {answer}")
        # The same split over many parameters.
        answer = self.ask("_id=... many times", form="&".join(f"_id=p{number}" for number in range(10_000)))
        self.assertEqual(answer.status, 400, answer)

    def test_chains_and_nests_have_an_end(self):
        for depth in (5, 50, 1000):
            self.assertEqual(self.ask("organization." + "partof." * depth + "name=x").status, 400)
            self.assertEqual(self.ask("_has:Observation:patient:" + "has-member." * depth + "code=x").status, 400)
            self.assertEqual(self.ask("_has:Observation:patient:" * depth + "code=x").status, 400)
            self.assertEqual(self.ask("_filter=" + "(" * depth + "name eq x" + ")" * depth + "x").status, 400)
        for depth in (200, 5000):
            for text in ("(" * depth + "name eq x" + ")" * depth, "not (" * depth + "name eq x" + ")" * depth,
                         " or ".join(["name eq x"] * depth), " and ".join(["(name eq x)"] * depth), "a[" * depth):
                answer = self.ask("_filter=...", form="_filter=" + urllib.parse.quote(text))
                self.assertIn(answer.status, (200, 400) if depth == 200 else (400,), answer)

    def test_a_graph_of_everything_is_bounded(self):
        for query in ("_include=Observation:has-member", "_include:iterate=Observation:has-member", "_include=*", "_include:iterate=*",
                      "_revinclude=Observation:has-member", "_revinclude:iterate=Observation:has-member", "_revinclude=*",
                      "_include:iterate=Observation:has-member&_revinclude:iterate=Observation:has-member&_include=*",
                      "&".join(["_include:iterate=Observation:has-member"] * 60)):
            for count in (1, 50, 1_000_000):
                self.ask(f"{query}&_count={count}", "Observation")
        self.ask("_revinclude=Observation:subject&_revinclude:iterate=Observation:has-member&_count=500")

    def test_cursors_are_ours_or_refused(self):
        first = self.ask("code=graph-1&_count=5", "Observation")
        page = next(link["url"] for link in first.json()["link"] if link["relation"] == "next")
        cursor = urllib.parse.parse_qs(urllib.parse.urlsplit(page).query)["_page"][0]
        second = self.ask(f"code=graph-1&_count=5&_page={cursor}", "Observation")
        self.assertEqual(second.status, 200)
        chance = random.Random(20261130)
        bad = ["", "0", "zzz", "=" * 50, "A" * 8000, cursor[:-1], cursor[1:], cursor + "A", cursor[::-1], cursor.upper(), cursor * 40]
        for _ in range(60):
            at = chance.randrange(len(cursor))
            other = chance.choice([c for c in "ABCxyz019-_" if c != cursor[at]])
            bad.append(cursor[:at] + other + cursor[at + 1:])
        for text in bad:
            answer = self.ask(f"code=graph-1&_count=5&_page={text}", "Observation")
            if answer.status == 200 and text:
                # Base64 writes the last bits of the same bytes in more than one way.
                self.assertEqual(text[:-1], cursor[:-1])
                self.assertEqual(answer.json()["entry"], second.json()["entry"])
            else:
                self.assertIn(answer.status, (200, 400), text)
        # Of another search, another type, another sort.
        for kind, query in (("Observation", "code=8480-6"), ("Patient", "gender=female"), ("Observation", "code=graph-1&_sort=date")):
            self.assertEqual(self.ask(f"{query}&_count=5&_page={cursor}", kind).status, 400, query)

    def test_what_is_in_a_value_stays_a_value(self):
        everything = self.ask("_summary=count").json()["total"]
        for text in INJECTIONS:
            for name in ("name", "name:exact", "name:contains", "identifier", "_id", "organization", "organization.name",
                         "_has:Observation:patient:code", "_tag", "birthdate", "phone", "_lastUpdated", "_profile", "_filter", "_text"):
                answer = self.ask(f"{name}={text[:10]!r}", form=f"{name}={urllib.parse.quote(text.encode('utf-8', 'replace'))}&_summary=count")
                if answer.status == 200:
                    self.assertLess(answer.json()["total"], everything, f"{name}={text!r} found everything")
            # And as a name.
            quoted = urllib.parse.quote(text.encode("utf-8", "replace"), safe="")
            self.assertEqual(self.ask("a name", form=f"{quoted}=1").status, 400, repr(text))
        self.assertEqual(self.ask("_summary=count").json()["total"], everything)

    def test_numbers_dates_places_and_controls_out_of_bounds(self):
        for text in NUMBERS:
            for prefix in ("", "ap", "ne"):
                self.ask(f"value-quantity={prefix}{text}", "Observation")
                self.ask(f"value-quantity={prefix}{text}|http://unitsofmeasure.org|mg", "Observation")
                self.ask(f"probability={prefix}{text}", "RiskAssessment")
        for text in DATES:
            self.ask(f"date={text}", "Observation")
            self.ask(f"_lastUpdated={text}")
        for text in PLACES:
            self.ask(f"near={text}", "Location")
        for text in CONTROLS:
            self.ask(text)
            self.ask(text, "Observation")

    def test_escapes_lengths_and_numbers_of_parameters(self):
        for escape in ESCAPES:
            for query in (f"name={escape}", f"{escape}=x", f"name{escape}=x", f"identifier=urn:x|{escape}", f"_page={escape}"):
                answer = self.ask(query)
                self.assertNotIn("X-Evil", answer.headers)
        self.assertEqual(self.ask("x" * 20_000 + "=1").status, 400)
        self.assertEqual(self.ask("long", form="x" * 2_000_000 + "=1").status, 400)
        self.assertIn(self.ask("long", form="name=" + "x" * 2_000_000).status, (200, 400))
        self.assertEqual(self.ask("many", form="&".join(f"name=a{number}" for number in range(5000))).status, 400)
        self.assertIn(self.ask("y" * 200_000 + "=1").status, (400, 414, 431))
        self.ask("none", form="&" * 100_000)
        self.ask("none", form="=" * 100_000)

    def test_headers_name_no_other_host(self):
        for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"},
                        {"X-Original-URL": "/fhir/R4/Patient/p0"}, {"X-HTTP-Method-Override": "DELETE"}):
            answer = self.gateway.kept("GET", "/Patient?_count=2", headers=headers)
            self.assertIn(answer.status, (200, 400, 421), answer)
            self.assertNotIn("evil.example", answer.text)
        self.assertEqual(self.gateway.get("/Patient/p0").status, 200)
        answer = self.gateway.kept("GET", "/Patient?_count=2", headers={f"X-Filler-{number}": "x" for number in range(600)})
        self.assertIn(answer.status, (200, 400, 431), answer)

    def test_bytes_that_are_no_request_are_answered_or_closed(self):
        token = self.gateway.token()
        head = f"Host: x\r\nAuthorization: Bearer {token}\r\n"
        for text in (f"GET {self.gateway.base_path}/Patient?name=\x00 HTTP/1.1\r\n{head}\r\n", "GET\r\n\r\n", "\r\n" * 50, "\x16\x03\x01\x02",
                     f"GET {self.gateway.base_path}/Patient HTTP/9.9\r\n{head}\r\n", "GET / HTTP/1.1\r\n" + "A: b\r\n" * 20_000,
                     f"POST {self.gateway.base_path}/Patient/_search HTTP/1.1\r\n{head}Content-Length: 5\r\nContent-Length: 50\r\n\r\nname=",
                     f"POST {self.gateway.base_path}/Patient/_search HTTP/1.1\r\n{head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                     f"DELETE {self.gateway.base_path}/Patient/p0 HTTP/1.1\r\n{head}\r\n"):
            with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=15) as wire:
                wire.sendall(text.encode("latin-1"))
                wire.shutdown(socket.SHUT_WR)
                answer = b""
                while True:
                    try:
                        got = wire.recv(65536)
                    except ConnectionResetError:
                        break
                    if not got:
                        break
                    answer += got
                    self.assertLess(len(answer), BYTES_MAX)
            self.assertIsNone(INSIDE.search(answer.decode("latin-1")), text[:80])
            self.assertFalse(answer.startswith(b"HTTP/1.1 5") and not answer.startswith(b"HTTP/1.1 505"), answer[:200])
        self.assertEqual(self.gateway.get("/Patient/p0").status, 200, "a request was smuggled in")

    def test_a_grammar_of_searches_finds_no_crack(self):
        """Sentences of the search grammar with a wrong word here and there."""
        rest = self.gateway.request("GET", "/metadata").json()["rest"][0]
        names = {item["type"]: [each["name"] for each in item.get("searchParam", [])] for item in rest["resource"]}
        kinds = ["Patient", "Observation", "Encounter", "Location", "ValueSet", "RiskAssessment", "DocumentReference", "Bundle", "List"]
        modifiers = ["missing", "exact", "contains", "text", "not", "above", "below", "in", "not-in", "of-type", "identifier", "Patient", "iterate", "", "x"]
        chance = random.Random(20261201)

        def name(kind, depth=0):
            first = chance.choice(names[kind] + ["_has", "_filter", "nonsense"])
            if first == "_has" and depth < 5:
                other = chance.choice(kinds)
                return f"_has:{other}:{chance.choice(names[other])}:{name(other, depth + 1)}"
            if chance.random() < 0.4:
                first += ":" + chance.choice(modifiers)
            if chance.random() < 0.25 and depth < 6:
                first += "." + name(chance.choice(kinds), depth + 1)
            return first

        def value():
            words = ["true", "p1", "Patient/p1", "http://local.example/codes|graph-1", "|", "ge2024", "5.4|http://unitsofmeasure.org|mg", "a$b", "x" * 300,
                     "name eq x", "51|0|10|km"] + INJECTIONS + NUMBERS[5:] + DATES[:6]
            return ",".join(chance.choice(words) for _ in range(chance.choice([1, 1, 1, 2, 5])))

        for _ in range(1500):
            kind = chance.choice(kinds)
            pairs = [f"{name(kind)}={value()}" for _ in range(chance.choice([1, 1, 2, 4]))]
            if chance.random() < 0.3:
                pairs.append(chance.choice(CONTROLS))
            query = "&".join(urllib.parse.quote(pair.encode("utf-8", "replace"), safe="=:.,|$*") for pair in pairs)
            self.ask(query, kind)


class Limited(unittest.TestCase):
    def test_a_partner_learns_nothing_of_types_it_may_not_search(self):
        rules = Rules()
        self.addCleanup(rules.close)
        rules.edit("partners/county-council.yaml", "^limits:", "limits:\n  types: [Patient]\n  interactions: [read, search]")
        with Gateway(settings=rules.settings()) as gateway:
            for number in range(2):
                self.assertEqual(gateway.put(f"/Patient/p{number}", patient(id=f"p{number}")).status, 201)
            hidden = observation("Patient/p0", id="o", code={"coding": [{"system": CODES, "code": "hidden-1"}]})
            self.assertEqual(gateway.put("/Observation/o", hidden).status, 201)
            organisation = {"resourceType": "Organization", "id": "g", "name": "Clinic"}
            self.assertEqual(gateway.put("/Organization/g", organisation).status, 201)
            gateway.put("/Patient/p0", patient(id="p0", managingOrganization={"reference": "Organization/g"}))
            for query in ("_has:Observation:patient:code=hidden-1", "_has:Observation:subject:_id=o", "_has:Observation:subject:code:missing=false",
                          "organization.name=Clinic", "organization:Organization.name=Clinic", "_has:Observation:patient:code=hidden-1&_summary=count",
                          "_sort=organization.name", "_filter=organization.name eq Clinic", "_revinclude=Observation:subject", "_revinclude=*",
                          "_include=Patient:organization", "_include=*", "_type=Observation", "_list=o"):
                answer = gateway.request("GET", f"/Patient?{urllib.parse.quote(query, safe='=&:*')}", partner="county-council")
                with self.subTest(query=query):
                    self.assertLess(answer.status, 500, answer)
                    shown = answer.json()
                    if answer.status == 200:
                        matches = [entry["resource"]["id"] for entry in shown.get("entry", [])]
                        self.assertNotEqual(matches, ["p0"], f"{query} tells the two apart by a record that is hidden")
                        self.assertNotEqual(shown.get("total"), 1, f"{query} counts by a record that is hidden")
                    self.assertNotIn("hidden-1", json.dumps([entry.get("resource") for entry in shown.get("entry", [])]))
                    self.assertNotIn("Clinic", json.dumps([entry.get("resource") for entry in shown.get("entry", [])]))


if __name__ == "__main__":
    unittest.main()
