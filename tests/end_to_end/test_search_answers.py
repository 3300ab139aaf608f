# SPDX-License-Identifier: Apache-2.0
"""What leaves in the answers of searches and their kin: one exit decides it in every door, what it drops is
neither counted nor inferred, bounds are told, and pages neither repeat nor lose what did not change."""
import itertools
import json
import os
import random
import threading
import unittest

from gateway import Gateway, observation, patient
from test_guardrails import COUNCIL, Rules


def shown(answer, mode=None):
    """Type/id of the entries of an answer Bundle, in order."""
    assert answer.status == 200, answer
    return [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in answer.json().get("entry", [])
            if entry["resource"]["resourceType"] != "OperationOutcome"
            and (mode is None or entry.get("search", {}).get("mode") == mode)]


def link(answer, relation):
    return next((item["url"] for item in answer.json().get("link", []) if item["relation"] == relation), None)


def pages(gateway, target, partner="aa-development", relation="next"):
    """The answers from `target` on along their next (or previous) links."""
    while target is not None:
        answer = gateway.kept("GET", target.removeprefix(gateway.base), partner=partner)
        assert answer.status == 200, answer
        yield answer
        target = link(answer, relation)


def entries(answer):
    """What a page of a search or a history shows, with its versions."""
    return [(entry.get("fullUrl"), entry.get("response", {}).get("etag"), entry.get("resource"))
            for entry in answer.json().get("entry", [])]


def encounter(name, subject):
    return {"resourceType": "Encounter", "id": name, "status": "finished", "subject": {"reference": subject},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}}


class OneExit(unittest.TestCase):
    """A partner that may use Patient, Observation and Binary alone, in every door that shows resources."""

    @classmethod
    def setUpClass(cls):
        cls.rules = Rules()
        cls.rules.edit("partners/county-council.yaml", "^limits:", "limits:\n  types: [Patient, Observation, Binary]")
        cls.gateway = Gateway(settings=cls.rules.settings()).start()
        put = cls.gateway.put
        assert put("/Patient/p", patient(id="p", generalPractitioner=[{"reference": "Practitioner/d"}])).status == 201
        assert put("/Practitioner/d", {"resourceType": "Practitioner", "id": "d"}).status == 201
        assert put("/Encounter/e", encounter("e", "Patient/p")).status == 201
        inside = [patient(id="i", name=[{"family": "Inside"}]),
                  observation("Patient/p", id="o", code={"coding": [{"system": "urn:x", "code": "inside"}]})]
        holder = encounter("holder", "#i") | {"contained": inside, "reasonReference": [{"reference": "#o"}]}
        assert put("/Encounter/holder", holder).status == 201
        for name in ("o1", "o2"):
            made = put(f"/Observation/{name}", observation("Patient/p", id=name, encounter={"reference": "Encounter/e"}))
            assert made.status == 201, made
        for number in range(12):
            context = {"securityContext": {"reference": "Encounter/e"}} if number % 3 else {}
            made = put(f"/Binary/b{number}", {"resourceType": "Binary", "id": f"b{number}", "contentType": "text/plain",
                                              "data": "eA==", **context})
            assert made.status == 201, made

    @classmethod
    def tearDownClass(cls):
        cls.gateway.close()
        cls.rules.close()

    def get(self, target, partner=COUNCIL):
        return self.gateway.kept("GET", target, partner=partner)

    def test_includes_stop_at_what_is_not_seen(self):
        self.assertEqual(shown(self.get("/Observation?_include=*&_include:iterate=Patient:general-practitioner"),
                               "include"), ["Patient/p"])
        self.assertEqual(shown(self.get("/Patient?_revinclude=*&_include=*"), "include"),
                         ["Observation/o1", "Observation/o2"])
        own = shown(self.get("/Patient?_revinclude=*&_include=*", "aa-development"), "include")
        self.assertEqual(set(own), {"Observation/o1", "Observation/o2", "Encounter/e", "Practitioner/d"})

    def test_a_chain_through_what_is_not_seen_is_refused_whatever_is_there(self):
        for search in ("/Observation?encounter.status=finished", "/Observation?encounter.status=planned",
                       "/Observation?encounter:identifier=x", "/Patient?_has:Encounter:patient:status=finished",
                       "/Patient?_has:Encounter:patient:status=planned",
                       "/Observation?patient._has:Encounter:patient:status=finished"):
            self.assertEqual(self.get(search).status, 403, search)
            self.assertEqual(self.get(search, "aa-development").status, 200, search)
        self.assertEqual(shown(self.get("/Observation?subject.gender=female")), ["Observation/o1", "Observation/o2"])

    def test_what_a_record_contains_is_seen_where_the_record_is(self):
        for search in ("/Patient?name=inside&_contained=true", "/Patient?name=inside&_contained=both",
                       "/Patient?name=inside&_contained=true&_containedType=contained", "/?_contained=true",
                       "/Patient?_has:Observation:subject:code=inside", "/Patient/p/Observation?_contained=true"):
            answer, own = self.get(search), self.get(search, "aa-development")
            self.assertEqual((shown(answer), answer.json()["total"]), ([], 0), search)
            self.assertGreater(own.json()["total"], 0, search)
        self.assertEqual(self.get("/Encounter?_contained=true").status, 403)

    def refused_alike(self, send, names):
        """send(status) of an Encounter that is there, and of one that is not: the same refusal, in words."""
        there, absent = send("finished"), send("planned")
        self.assertEqual((there.status, absent.status), (403, 403), (there, absent))
        issues = [answer.json()["issue"][0] for answer in (there, absent)]
        self.assertEqual(issues[0], issues[1])
        self.assertEqual(issues[0]["code"], "forbidden")
        for word in names:
            self.assertIn(word, issues[0]["diagnostics"])
        return issues[0]

    def transaction(self, *entries, kind="transaction", partner=COUNCIL):
        return self.gateway.request("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [
            {"request": request, **({"resource": resource} if resource else {})} for request, resource in entries]},
            partner=partner)

    def test_a_conditional_reference_to_or_through_what_is_not_seen_is_refused_whatever_is_there(self):
        def send(**reference):
            return self.transaction(({"method": "POST", "url": "Observation"}, observation("Patient/p", **reference)))
        issue = self.refused_alike(lambda status: send(encounter={"reference": f"Encounter?status={status}&_id=e"}),
                                   ["Encounter", "operator"])
        self.assertEqual(issue["expression"], ["Bundle.entry[0].resource.encounter.reference"])
        self.refused_alike(lambda status: send(hasMember=[{"reference": f"Observation?encounter.status={status}&_id=o1"}]),
                           ["Encounter", "operator"])

    def test_a_condition_through_what_is_not_seen_is_refused_whatever_is_there(self):
        patch = [{"op": "add", "path": "/comment", "value": "x"}]
        record = observation("Patient/p")
        as_patch = {"Content-Type": "application/json-patch+json"}

        def condition(status):
            return f"encounter.status={status}&_id=o1"
        calls = {
            "create": lambda status: self.gateway.request("POST", "/Observation", record,
                                                          {"If-None-Exist": condition(status)}, COUNCIL),
            "update": lambda status: self.gateway.request("PUT", f"/Observation?{condition(status)}", record, partner=COUNCIL),
            "patch": lambda status: self.gateway.request("PATCH", f"/Observation?{condition(status)}", patch, as_patch, COUNCIL),
            "delete": lambda status: self.gateway.request("DELETE", f"/Observation?{condition(status)}", partner=COUNCIL),
            "entry, create": lambda status: self.transaction(
                ({"method": "POST", "url": "Observation", "ifNoneExist": condition(status)}, record)),
            "entry, update": lambda status: self.transaction(
                ({"method": "PUT", "url": f"Observation?{condition(status)}"}, record)),
            "entry, delete": lambda status: self.transaction(
                ({"method": "DELETE", "url": f"Observation?{condition(status)}"}, None)),
            "entry, search": lambda status: self.transaction(
                ({"method": "GET", "url": f"Observation?{condition(status)}"}, None)),
        }
        before = shown(self.get("/Observation?_count=100", "aa-development"))
        for name, call in calls.items():
            with self.subTest(name):
                issue = self.refused_alike(call, ["Encounter", "operator"])
                if name.startswith("entry"):
                    self.assertIn("Bundle.entry[0]", issue["expression"][0])
        self.assertEqual(shown(self.get("/Observation?_count=100", "aa-development")), before)
        batch = self.transaction(({"method": "POST", "url": "Observation", "ifNoneExist": condition("finished")}, record),
                                 ({"method": "GET", "url": "Observation/o1"}, None), kind="batch")
        self.assertEqual([entry["response"]["status"][:3] for entry in batch.json()["entry"]], ["403", "200"])
        own = self.gateway.request("POST", "/Observation", record, {"If-None-Exist": condition("finished")})
        self.assertEqual((own.status, own.json()["id"]), (200, "o1"))

    def test_a_binary_that_is_not_seen_is_not_changed(self):
        before = self.get("/Binary/b1", "aa-development").json()
        for target in ("/Binary?_id=b1", "/Binary/b1", "/Binary/none"):
            answer = self.gateway.request("DELETE", target, partner=COUNCIL)
            self.assertEqual((answer.status, answer.headers.get("ETag")), (204, None), target)
        replaced = self.gateway.request("PUT", "/Binary/b1", {"resourceType": "Binary", "id": "b1", "data": "eQ==",
                                                              "contentType": "text/plain"}, partner=COUNCIL)
        self.assertEqual(replaced.status, 403, replaced)
        self.assertEqual(self.get("/Binary/b1", "aa-development").json(), before)

    def test_hierarchies_lead_only_through_what_is_seen(self):
        self.assertEqual(self.get("/Patient?organization:below=Organization/x").status, 403)
        self.assertEqual(self.get("/Patient?organization:below=Organization/x", "aa-development").status, 200)

    def test_a_search_over_types_is_within_what_is_seen(self):
        self.assertEqual(shown(self.get("/?_lastUpdated=gt2020-01-01&_count=5")),
                         ["Patient/p", "Observation/o1", "Observation/o2", "Binary/b0", "Binary/b3"])
        both = self.get("/?_type=Patient,Observation")
        self.assertEqual((len(shown(both)), both.json()["total"]), (3, 3))
        self.assertEqual(self.get("/?_type=Patient,Encounter").status, 403)

    def test_a_compartment_is_within_what_is_seen(self):
        answer = self.get("/Patient/p/*")
        self.assertEqual((shown(answer), answer.json()["total"]), (["Observation/o1", "Observation/o2"], 2))
        self.assertEqual(self.get("/Patient/p/Encounter").status, 403)

    def test_operations_are_within_what_is_seen(self):
        everything = self.get("/Patient/p/$everything")
        self.assertEqual((shown(everything), everything.json()["total"]),
                         (["Patient/p", "Observation/o1", "Observation/o2"], 3))
        self.assertIn("Encounter/e", shown(self.get("/Patient/p/$everything", "aa-development")))
        self.assertEqual(self.get("/Encounter/e/$everything").status, 403)
        last = self.get("/Observation/$lastn?patient=p&category=laboratory&_include=Observation:encounter")
        self.assertEqual(shown(last, "include"), [])

    def test_history_of_everything_is_within_what_is_seen(self):
        seen = [name for page in pages(self.gateway, "/_history?_count=4", COUNCIL) for name in shown(page)]
        self.assertEqual(set(seen), {"Patient/p", "Observation/o1", "Observation/o2", "Binary/b0", "Binary/b3",
                                     "Binary/b6", "Binary/b9"})
        self.assertEqual(len(seen), len(set(seen)))
        self.assertNotIn("total", self.get("/_history?_count=4").json())
        self.assertEqual(self.get("/_history").json()["total"], 7)

    def test_a_batch_is_no_way_around(self):
        for kind in ("batch", "transaction"):
            bundle = {"resourceType": "Bundle", "type": kind, "entry": [
                {"request": {"method": "GET", "url": url}}
                for url in ("Observation?_include=*", "Patient/p/$everything", "?_lastUpdated=gt2020-01-01&_count=3")]}
            answer = self.gateway.request("POST", "/", bundle, partner=COUNCIL)
            self.assertEqual(answer.status, 200, answer)
            self.assertNotIn("Encounter/e\"", json.dumps([entry["resource"].get("link") for entry in answer.json()["entry"]]))
            types = {inner["resource"]["resourceType"] for entry in answer.json()["entry"]
                     for inner in entry["resource"]["entry"]}
            self.assertLessEqual(types, {"Patient", "Observation", "Binary"})

    def test_pages_are_full_and_totals_silent_where_records_are_dropped(self):
        found = list(pages(self.gateway, "/Binary?_count=2", COUNCIL))
        self.assertEqual([shown(page) for page in found], [["Binary/b0", "Binary/b3"], ["Binary/b6", "Binary/b9"]])
        self.assertTrue(all("total" not in page.json() for page in found))
        back = list(pages(self.gateway, link(found[-1], "self"), COUNCIL, "previous"))
        self.assertEqual([shown(page) for page in reversed(back)], [shown(page) for page in found])
        self.assertEqual(self.get("/Binary?_summary=count").json()["total"], 4)
        self.assertEqual(self.get("/Binary?_summary=count", "aa-development").json()["total"], 12)
        self.assertEqual(self.get("/Binary?_id=b1").json().get("entry"), None)
        self.assertEqual(self.gateway.request("GET", "/Binary/b1", partner=COUNCIL).status, 404)

    def test_the_audit_names_what_left_and_nothing_else(self):
        request_id = "5a0c3f0a-8d5e-4c53-9d0b-6d2f4f6f0a11"
        answer = self.gateway.request("GET", "/Observation?_id=o1&_include=*", partner=COUNCIL,
                                      headers={"X-Request-ID": request_id})
        self.assertEqual(shown(answer), ["Observation/o1", "Patient/p"])
        records = []
        folder = os.path.join(self.gateway.data, "audit")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                records += [line for line in file if request_id in line]
        self.assertEqual(len(records), 1)
        for path in ("Observation/o1/_history/1", "Patient/p/_history/1"):
            self.assertIn(path, records[0])
        self.assertNotIn("Encounter/e/_history", records[0])


class Bounds(unittest.TestCase):
    def test_more_includes_than_a_page_may_hold_are_cut_and_told(self):
        with Gateway() as gateway:
            self.assertEqual(gateway.put("/Patient/many", patient(id="many")).status, 201)
            for start in range(0, 1050, 350):
                bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [
                    {"resource": observation("Patient/many", id=f"m{number}"),
                     "request": {"method": "PUT", "url": f"Observation/m{number}"}}
                    for number in range(start, start + 350)]}
                self.assertEqual(gateway.post("/", bundle).status, 200)
            answer = gateway.get("/Patient?_id=many&_revinclude=Observation:patient")
            self.assertEqual(len(shown(answer, "include")), 1000)
            told = answer.json()["entry"][-1]
            self.assertEqual(told["search"]["mode"], "outcome")
            self.assertEqual(told["resource"]["issue"][0]["code"], "incomplete")
            self.assertIn("1000", told["resource"]["issue"][0]["diagnostics"])

            everything = list(pages(gateway, "/Patient/many/$everything"))
            matches = [name for page in everything for name in shown(page, "match")]
            self.assertEqual((len(matches), len(set(matches))), (1051, 1051))
            self.assertEqual([len(shown(page, "match")) for page in everything], [500, 500, 51])
            self.assertEqual({page.json()["total"] for page in everything}, {1051})


    def test_what_a_read_may_look_at_and_include_is_a_setting_and_told(self):
        with Gateway(settings={"api.examined_max": 20, "api.included_max": 3, "api.include_levels_max": 2}) as gateway:
            for name, part in (("g0", None), ("g1", "g0"), ("g2", "g1"), ("g3", "g2")):
                organization = {"resourceType": "Organization", "id": name, "name": name,
                                **({"partOf": {"reference": f"Organization/{part}"}} if part else {})}
                self.assertEqual(gateway.put(f"/Organization/{name}", organization).status, 201)
            self.assertEqual(gateway.put("/Patient/p", patient(id="p")).status, 201)

            def vital(number):
                return observation("Patient/p", id=f"o{number}", effectiveDateTime=f"2024-01-{number + 1:02}",
                                   code={"coding": [{"system": "urn:x", "code": f"c{number % 2}"}]},
                                   category=[{"coding": [{"code": "vital-signs"}]}])

            last = "/Observation/$lastn?patient=p&category=vital-signs"
            for number in range(20):
                self.assertEqual(gateway.put(f"/Observation/o{number}", vital(number)).status, 201)
            answer = gateway.kept("GET", last)
            self.assertEqual(shown(answer, "match"), ["Observation/o19", "Observation/o18"])
            self.assertEqual(gateway.put("/Observation/o20", vital(20)).status, 201)
            answer = gateway.kept("GET", last)
            self.assertEqual((answer.status, answer.json()["issue"][0]["code"]), (400, "too-costly"), answer)
            self.assertRegex(answer.json()["issue"][0]["diagnostics"], "More than 20 observations.*category, code or date")
            self.assertEqual(shown(gateway.kept("GET", last + "&date=ge2024-01-05"), "match"),
                             ["Observation/o20", "Observation/o19"])

            def told(target):
                page = gateway.kept("GET", target)
                self.assertEqual(page.status, 200, page)
                return shown(page, "include"), [issue["diagnostics"] for entry in page.json()["entry"]
                                                for issue in entry["resource"].get("issue", [])]
            included, words = told("/Patient?_id=p&_revinclude=Observation:patient")
            self.assertEqual(len(included), 3)
            self.assertRegex(words[0], "More than 3 resources would be included")
            included, words = told("/Organization?_id=g3&_include:iterate=Organization:partof")
            self.assertEqual(included, ["Organization/g2", "Organization/g1"])
            self.assertRegex(words[0], "stops after 2 levels")


class PagesUnderWrites(unittest.TestCase):
    """While others create, change and delete, a walk along the pages sees what did not change once and once alone."""

    kept, size = 150, 7

    def test_no_page_repeats_or_loses_what_did_not_change(self):
        with Gateway() as gateway:
            system = "https://example.org/walk"
            random.seed(7)

            def basic(name, text="x"):
                return {"resourceType": "Basic", "id": name, "code": {"text": text},
                        "identifier": [{"system": system, "value": "w"}]}

            for number in range(self.kept):
                self.assertEqual(gateway.put(f"/Basic/k{number}", basic(f"k{number}")).status, 201)
                if number % 3 == 0:
                    self.assertEqual(gateway.put(f"/Basic/c{number}", basic(f"c{number}")).status, 201)
            for number in range(8):
                self.assertEqual(gateway.put("/Basic/c0", basic("c0", f"z{number}")).status, 200)
            done, problems = threading.Event(), []

            def write():
                number = 0
                while not done.is_set():
                    name = f"c{3 * random.randrange(self.kept // 3)}"
                    calls = (lambda: gateway.put(f"/Basic/n{number}", basic(f"n{number}")),
                             lambda: gateway.put(f"/Basic/{name}", basic(name, f"y{number}")),
                             lambda: gateway.kept("DELETE", f"/Basic/{name}"))
                    answer = calls[number % 3]()
                    if answer.status >= 400:
                        problems.append(answer)
                    number += 1

            writer = threading.Thread(target=write)
            writer.start()
            try:
                for order in ("", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=_id", "&_sort=-_id"):
                    for target in (f"/Basic?identifier={system}|w&_count={self.size}{order}",
                                   f"/?_type=Basic,Patient&identifier={system}|w&_count={self.size}{order}"):
                        walk = [name for page in pages(gateway, target) for name in shown(page)
                                if name.startswith("Basic/k")]
                        self.assertEqual(len(walk), len(set(walk)), f"{target}: repeated")
                        self.assertEqual(set(walk), {f"Basic/k{number}" for number in range(self.kept)}, target)
                        # The way back from the last page: what came meanwhile is on it, what was there is once.
                        *_, last = pages(gateway, target)
                        walk = [name for page in pages(gateway, link(last, "self"), relation="previous")
                                for name in reversed(shown(page)) if name.startswith("Basic/k")]
                        self.assertEqual(len(walk), len(set(walk)), f"{target}: repeated on the way back")
                        self.assertEqual(set(walk), {f"Basic/k{number}" for number in range(self.kept)}, target)
                # History: what was written keeps its place, and what is written comes before it.
                for target in (f"/Basic/_history?_count={self.size * 5}", f"/_history?_count={self.size * 5}",
                               "/Basic/c0/_history?_count=2"):
                    forth = list(itertools.islice(pages(gateway, target), 4))
                    back = list(pages(gateway, link(forth[-1], "self"), relation="previous"))
                    for there, here in zip(reversed(forth), back):
                        self.assertEqual(entries(there), entries(here), target)
                    self.assertGreaterEqual(len(back), len(forth), target)
            finally:
                done.set()
                writer.join()
            self.assertEqual(problems, [])
            # Quiet now: every page of the way back is the page of the way there.
            for target in (*(f"/Basic?{criterion}_count={self.size}{order}" for criterion in ("", f"identifier={system}|w&")
                             for order in ("", "&_sort=-_lastUpdated", "&_sort=identifier,-_id", "&_sort=-subject,code")),
                           f"/?_type=Basic,Patient&_count={self.size}&_sort=-_lastUpdated", "/Basic/_history?_count=50",
                           "/_history?_count=50&_since=2020-01-01", "/Basic/c0/_history?_count=2"):
                forth = list(pages(gateway, target))
                self.assertGreater(len(forth), 2, target)
                self.assertIsNone(link(forth[0], "previous"))
                back = list(pages(gateway, link(forth[-1], "self"), relation="previous"))
                self.assertEqual([entries(page) for page in reversed(back)], [entries(page) for page in forth], target)
                self.assertEqual(entries(gateway.kept("GET", link(back[-2], "next").removeprefix(gateway.base))),
                                 entries(forth[2]), target)

    def test_a_page_whose_neighbours_are_gone_still_leads_on_and_back(self):
        with Gateway() as gateway:
            for number in range(6):
                self.assertEqual(gateway.put(f"/Basic/k{number}", {"resourceType": "Basic", "id": f"k{number}",
                                                                   "code": {"text": "x"}}).status, 201)
            first, second, third = pages(gateway, "/Basic?_count=2")
            for name in ("k0", "k1", "k4", "k5"):
                self.assertEqual(gateway.kept("DELETE", f"/Basic/{name}").status, 204)
            empty = gateway.kept("GET", link(second, "next").removeprefix(gateway.base))
            self.assertEqual((shown(empty), link(empty, "next")), ([], None))
            back = gateway.kept("GET", link(empty, "previous").removeprefix(gateway.base))
            self.assertEqual((shown(back), link(back, "previous")), (["Basic/k2", "Basic/k3"], None))
            gone = gateway.kept("GET", link(second, "previous").removeprefix(gateway.base))
            self.assertEqual((shown(gone), link(gone, "previous")), ([], None))
            self.assertEqual(shown(gateway.kept("GET", link(gone, "next").removeprefix(gateway.base))),
                             ["Basic/k2", "Basic/k3"])
            self.assertEqual([shown(page) for page in (first, third)], [["Basic/k0", "Basic/k1"], ["Basic/k4", "Basic/k5"]])

    def test_page_links_of_a_history_tell_no_numbers(self):
        with Gateway() as gateway:
            for number in range(4):
                self.assertEqual(gateway.put("/Basic/k", {"resourceType": "Basic", "id": "k",
                                                          "code": {"text": f"x{number}"}}).status, 200 if number else 201)
            for target in ("/_history", "/Basic/_history", "/Basic/k/_history"):
                answers = list(pages(gateway, target + "?_count=1"))
                self.assertEqual(len(answers), 4)
                cursors = [link(answer, "self").partition("_page=")[2] for answer in answers[1:]]
                for cursor in cursors:
                    self.assertRegex(cursor, r"^[A-Za-z0-9_-]{20,}$")
                self.assertEqual(len({cursor[:6] for cursor in cursors}), 3)  # nothing that counts
                for page in ("3", "1", ("A" if cursors[0][0] != "A" else "B") + cursors[0][1:], "AAAA"):
                    refused = gateway.kept("GET", f"{target}?_count=1&_page={page}")
                    self.assertEqual((refused.status, refused.json()["issue"][0]["code"]), (400, "value"), page)
                elsewhere = gateway.kept("GET", f"/Basic/_history?_count=1&_since=2020-01-01&_page={cursors[0]}")
                self.assertEqual(elsewhere.status, 400, elsewhere)


if __name__ == "__main__":
    unittest.main()
