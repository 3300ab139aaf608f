# SPDX-License-Identifier: Apache-2.0
"""The record API beyond what one request can show: every statement of /metadata and every omission driven,
what configuration turns on and off, and many clients on the same records."""
import threading
import unittest

from gateway import Gateway, observation, patient
from test_guardrails import Rules

ORIGIN = "https://portal.example.nhs.uk"
# Values of which each search parameter of a type takes one.
VALUES = {"number": ["1"], "date": ["2026-01-01"], "string": ["x"], "token": ["x"], "reference": ["Patient/x"],
          "quantity": ["1"], "uri": ["urn:x"], "special": ["x", "53.8|-1.5|10|km", "_id%20eq%20x"],
          "composite": ["x$x", "x$1", "x$1$1", "x$2026-01-01", "Patient/x$x", "x$Patient/x"]}
# Operations of R4, and what other servers add.
OPERATIONS = {"validate", "meta", "meta-add", "meta-delete", "process-message", "receipt", "convert", "graphql", "versions",
              "conforms", "everything", "expand", "match", "lastn", "lookup", "document", "graph", "apply", "translate",
              "closure", "subsumes", "find-matches", "evaluate", "populate", "snapshot", "stats", "find", "export",
              "import", "reindex", "purge", "expunge", "diff", "nonsense"}


def type_calls(name):
    """interaction code -> method, path, body, headers, statuses of an answer where it is on."""
    body = {"resourceType": name, "id": "none"}
    return {
        "read": ("GET", f"/{name}/none", None, {}, {404}),
        "vread": ("GET", f"/{name}/none/_history/1", None, {}, {404}),
        "history-instance": ("GET", f"/{name}/none/_history", None, {}, {404}),
        "history-type": ("GET", f"/{name}/_history?_count=1", None, {}, {200}),
        "search-type": ("GET", f"/{name}?_count=1", None, {}, {200}),
        "delete": ("DELETE", f"/{name}/none", None, {}, {204}),
        "create": ("POST", f"/{name}", {"resourceType": name}, {}, {201, 422}),
        "update": ("PUT", f"/{name}/none", body, {"If-Match": 'W/"9"'}, {412, 422}),
        "patch": ("PATCH", f"/{name}/never", "[]", {"Content-Type": "application/json-patch+json"}, {404}),
    }


def statement(gateway, partner="aa-development"):
    answer = gateway.request("GET", "/metadata", partner=partner)
    assert answer.status == 200, answer
    return answer.json()["rest"][0]


class Metadata(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway().start()
        cls.rest = statement(cls.gateway)
        cls.types = {resource["type"]: resource for resource in cls.rest["resource"]}

    @classmethod
    def tearDownClass(cls):
        cls.gateway.close()

    def test_every_interaction_stated_of_a_type_is_there(self):
        for name, resource in self.types.items():
            stated = {item["code"] for item in resource["interaction"]}
            calls = type_calls(name)
            self.assertEqual(stated, set(calls), name)
            for code, (method, path, sent, headers, expected) in calls.items():
                answer = self.gateway.kept(method, path, sent, headers=headers,
                                           type=headers.get("Content-Type", "application/fhir+json"))
                self.assertIn(answer.status, expected, f"{code} of {name}: {answer}")
                if answer.status == 404:  # the record is not there; the URL is
                    self.assertRegex(answer.text, "is not known here|has no version", code)

    def test_every_search_parameter_stated_searches(self):
        for name, resource in self.types.items():
            for parameter in resource.get("searchParam", []):
                for value in VALUES[parameter["type"]]:
                    answer = self.gateway.get(f"/{name}?{parameter['name']}={value}&_count=1")
                    if answer.status == 200:
                        break
                self.assertEqual(answer.status, 200, f"{name}?{parameter['name']}: {answer}")

    def test_a_search_parameter_not_stated_is_refused(self):
        for name in ("Patient", "Observation", "Encounter"):
            stated = {parameter["name"] for parameter in self.types[name].get("searchParam", [])}
            for parameter in ("nonsense", "_query", "birth", "part-off"):
                self.assertNotIn(parameter, stated)
                self.assertEqual(self.gateway.get(f"/{name}?{parameter}=x").status, 400, parameter)

    def is_offered(self, method, path):
        """Whether an operation's URL is one: not refused as no operation, nor for its method."""
        body = {"resourceType": "Parameters"} if method == "POST" else None
        answer = self.gateway.kept(method, path, body)
        self.assertLess(answer.status, 500, f"{method} {path}: {answer}")
        if answer.status == 404 and "is not offered" in answer.text:
            self.assertEqual(answer.json()["issue"][0]["code"], "not-supported", path)
            return False
        return answer.status != 405

    def test_operations_are_there_if_and_only_if_stated(self):
        stated = {operation["name"] for operation in self.rest["operation"]}
        for name in OPERATIONS | stated:
            offered = any(self.is_offered(method, f"/${name}") for method in ("GET", "POST"))
            self.assertEqual(offered, name in stated, f"${name}")
        for kind, resource in self.types.items():
            stated = {operation["name"] for operation in resource.get("operation", [])}
            # What no type states is asked of a few types; what is stated, of each.
            names = OPERATIONS | stated if kind in ("Patient", "Composition", "Observation", "ValueSet") else stated
            for name in names:
                offered = any(self.is_offered(method, f"{path}/${name}")
                              for path in (f"/{kind}", f"/{kind}/none") for method in ("POST", "GET"))
                self.assertEqual(offered, name in stated, f"{kind}/${name}")

    def test_methods_not_offered_are_refused_with_the_ones_that_are(self):
        for path in ("/Patient", "/Patient/none", "/Patient/none/_history", "/Patient/none/_history/1", "/Patient/_history",
                     "/_history", "/metadata", "/Patient/_search", "/Patient/$validate", "/Patient/none/$meta",
                     "/Composition/none/$document", "/$receipt", "/$process-message", "/openapi.json"):
            allowed = self.gateway.request("OPTIONS", path).headers["Allow"].split(", ")
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "MKCOL"):
                answer = self.gateway.request(method, path, "" if method in ("POST", "PUT", "PATCH") else None)
                self.assertEqual(answer.status == 405, method not in allowed, f"{method} {path}: {answer}")
                if answer.status == 405:
                    self.assertEqual(set(answer.headers["Allow"].split(", ")), set(allowed), path)
                    if method != "HEAD":
                        self.assertEqual(answer.json()["resourceType"], "OperationOutcome")

    def test_a_statement_that_has_not_changed_is_the_same(self):
        self.assertEqual(*(self.gateway.get("/metadata").body for _ in range(2)))

    def test_terminology_capabilities_state_what_is_loaded(self):
        stated = self.gateway.get("/metadata?mode=terminology").json()
        self.assertEqual(stated["resourceType"], "TerminologyCapabilities")
        systems = {system["uri"]: system for system in stated["codeSystem"]}
        self.assertGreater(len(systems), 300)
        gender = "http://hl7.org/fhir/administrative-gender"
        self.assertEqual(systems[gender]["version"], [{"code": "4.0.1", "isDefault": True}])
        self.assertNotIn("http://snomed.info/sct", systems)  # its content is not loaded here
        self.assertEqual(self.gateway.request("GET", f"/CodeSystem/$lookup?system={gender}&code=male").status, 200)
        values = {"count": 1, "offset": 0, "filter": "m", "displayLanguage": "en", "designation": "en",
                  "system-version": f"{gender}%7C4.0.1", "check-system-version": f"{gender}%7C4.0.1",
                  "force-system-version": f"{gender}%7C4.0.1"}
        url = "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender"
        for parameter in stated["expansion"]["parameter"]:
            answer = self.gateway.request("GET", f"{url}&{parameter['name']}={values.get(parameter['name'], 'true')}")
            self.assertEqual(answer.status, 200, f"{parameter}: {answer}")
        rules = Rules()
        self.addCleanup(rules.close)
        rules.edit("partners/county-council.yaml", "^limits:", "limits:\n  interactions: [read, search]")
        with Gateway(settings=rules.settings()) as limited:
            less = limited.request("GET", "/metadata?mode=terminology", partner="county-council").json()
            self.assertNotIn("expansion", less)
            self.assertNotIn("translation", less)

    def test_formats_are_the_stated_ones(self):
        statement = self.gateway.request("GET", "/metadata").json()
        self.assertEqual(statement["format"], ["application/fhir+json", "application/fhir+xml"])
        for form in (*statement["format"], "json", "xml"):
            answer = self.gateway.request("GET", f"/metadata?_format={form.replace('+', '%2B')}&_elements=status")
            self.assertEqual(answer.status, 200, answer)
            self.assertIn("xml" if "xml" in form else "json", answer.headers["Content-Type"])
        for form in ("text/turtle", "html", "application/pdf"):
            self.assertEqual(self.gateway.request("GET", f"/metadata?_format={form}").status, 406, form)
        for form in statement["patchFormat"]:
            answer = self.gateway.kept("PATCH", "/Patient/never", "[]", type=form)
            self.assertNotEqual(answer.status, 415, answer)
        for form in ("application/xml-patch+xml", "application/merge-patch+json", "text/plain"):
            answer = self.gateway.kept("PATCH", "/Patient/never", "[]", type=form)
            self.assertEqual(answer.status, 415, answer)
            self.assertEqual(set(answer.headers["Accept-Patch"].split(", ")), set(statement["patchFormat"]))

    def test_includes_stated_include_and_others_are_refused(self):
        for name, resource in self.types.items():
            for word, stated in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
                for include in resource.get(stated, []):
                    answer = self.gateway.get(f"/{name}?_count=1&{word}={include}")
                    self.assertEqual(answer.status, 200, f"{name} {word}={include}: {answer}")
        for word in ("_include", "_revinclude"):
            answer = self.gateway.get(f"/Patient?{word}=Patient:nonsense")
            self.assertEqual(answer.status, 400, answer)

    def test_every_include_stated_is_taken(self):
        for name, resource in self.types.items():
            for parameter, stated in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
                values = resource[stated]
                self.assertIn("*", values)
                for start in range(0, len(values), 30):
                    query = "&".join(f"{parameter}={value}" for value in values[start:start + 30])
                    answer = self.gateway.get(f"/{name}?_id=none&{query}")
                    self.assertEqual(answer.status, 200, answer)
        for wrong in ("Patient:gender", "Patient:nonsense", "Nonsense:subject", "Patient"):
            self.assertEqual(self.gateway.get(f"/Patient?_include={wrong}").status, 400, wrong)

    def test_every_compartment_stated_is_searched_and_no_other(self):
        stated = {canonical.rpartition("/")[2] for canonical in self.rest["compartment"]}
        self.assertEqual(stated, {"patient", "encounter", "practitioner", "relatedPerson", "device"})
        for name in self.types:
            there = name[0].lower() + name[1:] in stated
            self.assertEqual(self.gateway.get(f"/{name}/none/*").status, 200 if there else 404, name)

    def test_a_type_not_stated_is_not_there(self):
        for name in ("Nonsense", "Resource", "DomainResource", "Element", "HumanName", "patient"):
            self.assertNotIn(name, self.types)
            self.assertEqual(self.gateway.get(f"/{name}/1").status, 404)

    def test_system_interactions_are_there(self):
        stated = {item["code"] for item in self.rest["interaction"]}
        self.assertLessEqual({"transaction", "batch", "history-system"}, stated)
        for kind in ("transaction", "batch"):
            answer = self.gateway.post("/", {"resourceType": "Bundle", "type": kind})
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.gateway.get("/_history?_count=1").status, 200)
        searched = self.gateway.get("/?_type=Patient&_count=1")
        self.assertEqual(searched.status == 200, "search-system" in stated, searched)
        self.assertTrue(searched.status == 200 or 400 <= searched.status < 500, searched)

    def test_conditional_statements_hold(self):
        resource = self.types["Patient"]
        condition = "identifier=https://example.org/x|metadata"
        body = patient(identifier=[{"system": "https://example.org/x", "value": "metadata"}])
        self.assertTrue(resource["conditionalUpdate"] and resource["conditionalCreate"] and resource["updateCreate"])
        self.assertEqual(self.gateway.put(f"/Patient?{condition}", body).status, 201)
        self.assertEqual(self.gateway.post("/Patient", body, headers={"If-None-Exist": condition}).status, 200)
        self.assertEqual(resource["conditionalRead"], "full-support")
        self.assertEqual(resource["conditionalDelete"], "single")
        self.assertEqual(self.gateway.kept("DELETE", f"/Patient?{condition}").status, 204)

    def test_what_leaves_is_valid_by_our_own_judgement(self):
        self.gateway.put("/Patient/valid", patient(id="valid"))
        entries = [{"request": {"method": "GET", "url": url}} for url in ("Patient/valid", "Patient/none", "Nonsense/1")]
        entries.append({"resource": patient(), "request": {"method": "POST", "url": "Patient"}})
        answers = [self.gateway.get(url) for url in (
            "/metadata", "/Patient?_count=2", "/Patient/none", "/Patient/valid/_history", "/_history?_count=3",
            "/Patient/valid/$meta", "/Patient?nonsense=1",
            "/Patient?_include=Observation:subject&_count=1", "/Patient/valid/$everything", "/Patient/valid?_summary=true")]
        answers += [self.gateway.post("", {"resourceType": "Bundle", "type": kind, "entry": chosen})
                    for kind, chosen in (("batch", entries), ("transaction", entries[:1] + entries[3:]))]
        answers.append(self.gateway.get(f"/$receipt?id={answers[-1].headers['X-Message-ID']}"))
        for answer in answers:
            kind = answer.json()["resourceType"]
            verdict = self.gateway.post(f"/{kind}/$validate?profile=http://hl7.org/fhir/StructureDefinition/{kind}",
                                        answer.json())
            wrong = [issue for issue in verdict.issues() if issue["severity"] in ("error", "fatal")]
            self.assertEqual(wrong, [], answer)

    def test_the_openapi_document_says_the_same(self):
        document = self.gateway.request("GET", "/openapi.json", headers={"Accept": "application/json"}).json()
        self.assertEqual(document["openapi"], "3.1.0")
        self.assertEqual(document["servers"][0]["url"], self.gateway.base)
        for name, resource in self.types.items():
            named = {parameter.get("name", parameter.get("$ref", "").rpartition("/")[2])
                     for parameter in document["paths"][f"/{name}"]["get"]["parameters"]}
            self.assertLessEqual({parameter["name"] for parameter in resource["searchParam"]}, named)
            for operation in resource["operation"]:
                places = (f"/{name}/${operation['name']}", f"/{name}/{{id}}/${operation['name']}")
                self.assertTrue(any(place in document["paths"] for place in places), operation)

        def references(node):
            if isinstance(node, dict):
                for key, value in node.items():
                    if key == "$ref":
                        yield value
                    else:
                        yield from references(value)
            elif isinstance(node, list):
                for item in node:
                    yield from references(item)

        for path, item in document["paths"].items():
            url = path.replace("{id}", "none").replace("{vid}", "1").replace("{type}", "*")
            self.assertNotIn("{", url)
            allowed = self.gateway.kept("OPTIONS", url).headers.get("Allow", "").split(", ")
            for method in set(item) & {"get", "put", "post", "patch", "delete"}:
                self.assertIn(method.upper(), allowed, path)
        for reference in set(references(document)):
            at = document
            for step in reference.removeprefix("#/").split("/"):
                self.assertIn(step, at, reference)
                at = at[step]


class Configured(unittest.TestCase):
    def test_a_limited_partner_is_told_what_it_may_do(self):
        rules = Rules()
        self.addCleanup(rules.close)
        rules.edit("partners/county-council.yaml", "^limits:",
                   "limits:\n  types: [Patient, Observation]\n  interactions: [read, search]")
        with Gateway(settings=rules.settings()) as gateway:
            rest = statement(gateway, "county-council")
            self.assertEqual([resource["type"] for resource in rest["resource"]], ["Observation", "Patient"])
            for resource in rest["resource"]:
                self.assertEqual({item["code"] for item in resource["interaction"]}, {"read", "search-type"})
                self.assertFalse(resource["conditionalUpdate"] or resource["updateCreate"])
                self.assertNotIn("operation", resource)
            self.assertEqual([item["code"] for item in rest["interaction"]], ["search-system"])
            self.assertEqual(gateway.request("GET", "/Patient?_count=1", partner="county-council").status, 200)
            self.assertEqual(gateway.request("GET", "/Encounter?_count=1", partner="county-council").status, 403)
            self.assertEqual(gateway.request("GET", "/Patient/_history", partner="county-council").status, 403)
            self.assertEqual(gateway.request("GET", "/_history", partner="county-council").status, 403)
            for code, (method, path, sent, headers, expected) in type_calls("Patient").items():
                answer = gateway.request(method, path, sent, {"Content-Type": "application/fhir+json", **headers},
                                         "county-council")
                self.assertIn(answer.status, expected if code in ("read", "search-type") else {403}, f"{code}: {answer}")
            self.assertGreater(len(statement(gateway)["resource"]), 140)

    def test_a_bundle_is_no_way_around_the_limits_of_a_partner(self):
        rules = Rules()
        self.addCleanup(rules.close)
        rules.edit("partners/county-council.yaml", "^limits:", "limits:\n  interactions: [transaction, read, history, search]")
        with Gateway(settings=rules.settings()) as gateway:
            gateway.put("/Patient/p", patient(id="p"))
            urls = {"Patient/p": "200", "Patient/p/_history": "200", "Patient?_id=p": "200", "Patient/_history": "403",
                    "_history": "403", f"{gateway.base}/_history": "403", "Patient/p/_history/1": "403",
                    "Patient/p/$meta": "403", "metadata": "200"}
            posts = {"Patient/$validate": "403", "ValueSet/$expand": "403", "Patient/_search?_id=p": "200", "Patient": "403"}
            entries = [{"request": {"method": "GET", "url": url}} for url in urls]
            parameters = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient()}]}
            for url in posts:
                entries.append({"request": {"method": "POST", "url": url}})
                if "_search" not in url:
                    entries[-1]["resource"] = parameters if "$" in url else patient()
            answer = gateway.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries},
                                     partner="county-council")
            self.assertEqual(answer.status, 200, answer)
            found = [entry["response"]["status"][:3] for entry in answer.json()["entry"]]
            self.assertEqual(dict(zip([*urls, *posts], found)), {**urls, **posts})

    def test_a_binary_of_a_type_that_is_not_allowed_is_not_there(self):
        rules = Rules()
        self.addCleanup(rules.close)
        rules.edit("partners/county-council.yaml", "^limits:", "limits:\n  types: [Binary]")
        with Gateway(settings=rules.settings()) as gateway:
            made = gateway.request("PUT", "/Binary/b", "x", {"Content-Type": "text/plain",
                                                             "X-Security-Context": "Patient/p"})
            self.assertEqual(made.status, 201, made)
            self.assertEqual(gateway.request("GET", "/Binary/b", headers={"Accept": "*/*"}).text, "x")
            self.assertEqual(gateway.request("GET", "/Binary/b", headers={"Accept": "*/*"},
                                             partner="county-council").status, 404)

    def test_a_search_that_looks_at_too_many_records_is_refused_with_advice_every_time(self):
        with Gateway(settings={"store.search_steps_max": 10000}) as gateway:
            for start in range(0, 1500, 250):
                made = gateway.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [
                    {"resource": patient(id=f"s{number}", family=f"Name{number}"),
                     "request": {"method": "PUT", "url": f"Patient/s{number}"}} for number in range(start, start + 250)]})
                self.assertEqual(made.status, 200, made)
            for _ in range(3):
                answer = gateway.request("GET", "/Patient?family:contains=nobody,noone,nowhere,never")
                self.assertEqual(answer.status, 400, answer)
                issue = answer.json()["issue"][0]
                self.assertEqual(issue["code"], "too-costly")
                self.assertIn("narrow it", issue["diagnostics"])
                self.assertEqual(gateway.request("GET", "/Patient?family=name77").json()["total"], 11)
            refused = gateway.request("POST", "/Patient", patient(), {"If-None-Exist": "family:contains=nobody,noone,nowhere,never"})
            self.assertEqual(refused.status, 400, refused)
            self.assertIn("nothing was changed", refused.text)

    def test_cors_deletes_ids_and_smart_follow_the_configuration(self):
        settings = {"api.cors_origins": ORIGIN, "api.conditional_delete_max": 3, "api.update_create": "false",
                    "smart.token_endpoint": "https://auth.example.nhs.uk/token"}
        with Gateway(settings=settings) as gateway:
            rest = statement(gateway)
            self.assertTrue(rest["security"]["cors"])
            self.assertEqual(rest["security"]["service"][0]["coding"][0]["code"], "SMART-on-FHIR")
            resource = rest["resource"][0]
            self.assertEqual((resource["conditionalDelete"], resource["updateCreate"]), ("multiple", False))

            asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
            flight = gateway.request("OPTIONS", "/Patient/1", headers=asked, partner=None)
            self.assertEqual(flight.status, 204)
            self.assertEqual(flight.headers["Access-Control-Allow-Origin"], ORIGIN)
            self.assertIn("If-Match", flight.headers["Access-Control-Allow-Headers"])
            read = gateway.request("GET", "/Patient/1", headers={"Origin": ORIGIN})
            self.assertEqual(read.headers["Access-Control-Allow-Origin"], ORIGIN)
            self.assertIn("ETag", read.headers["Access-Control-Expose-Headers"])
            self.assertIsNone(gateway.request("GET", "/Patient/1", headers={"Origin": "https://x.example"})
                              .headers.get("Access-Control-Allow-Origin"))
            self.assertIsNone(gateway.request("GET", "/Patient/1").headers.get("Access-Control-Allow-Origin"))

            smart = gateway.request("GET", "/.well-known/smart-configuration", partner=None).json()
            self.assertEqual(smart["token_endpoint"], settings["smart.token_endpoint"])

            refused = gateway.put("/Patient/own-id", patient(id="own-id"))
            self.assertEqual(refused.status, 405, refused)
            labelled = patient(identifier=[{"system": "https://example.org/x", "value": "same"}])
            for _ in range(3):
                self.assertEqual(gateway.post("/Patient", labelled).status, 201)
            found = "/Patient?identifier=https://example.org/x|same"
            self.assertEqual(gateway.kept("DELETE", found).status, 204)
            self.assertEqual(gateway.get(found).json()["total"], 0)
            for _ in range(4):
                self.assertEqual(gateway.post("/Patient", labelled).status, 201)
            self.assertEqual(gateway.kept("DELETE", found).status, 412)
            self.assertEqual(gateway.get(found).json()["total"], 4)


class Together(unittest.TestCase):
    """64 clients on the same 100 records, with If-Match, patches and transactions."""

    clients, records, rounds = 64, 100, 12

    def test_no_update_is_lost_and_history_has_no_gap(self):
        settings = {"http.connections_max": 512}
        with Gateway(settings=settings) as gateway:
            for number in range(self.records):
                answer = gateway.put(f"/Basic/r{number}", self.record(number, []))
                self.assertEqual(answer.status, 201, answer)
            done = [[] for _ in range(self.clients)]
            problems = []
            threads = [threading.Thread(target=self.client, args=(gateway, client, done[client], problems))
                       for client in range(self.clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(problems, [])
            self.check(gateway, [mark for client in done for mark in client])

    @staticmethod
    def record(number, marks):
        resource = {"resourceType": "Basic", "id": f"r{number}", "code": {"text": "counter"}}
        if marks:
            resource["identifier"] = [{"value": mark} for mark in marks]
        return resource

    def client(self, gateway, client, done, problems):
        try:
            for turn in range(self.rounds):
                numbers = [(client * 7 + turn * 13) % self.records, (client * 11 + turn * 5 + 1) % self.records]
                mark = f"c{client}t{turn}"
                how = (client + turn) % 3
                if how == 0:
                    self.add_guarded(gateway, numbers[0], mark)
                    done.append((numbers[0], mark))
                elif how == 1:
                    self.add_patched(gateway, numbers[0], mark)
                    done.append((numbers[0], mark))
                elif numbers[0] != numbers[1]:
                    self.add_together(gateway, numbers, mark)
                    done.extend((number, mark) for number in numbers)
        except Exception as problem:  # told by the test's own thread
            problems.append(repr(problem))

    def add_guarded(self, gateway, number, mark):
        for _ in range(500):
            read = gateway.get(f"/Basic/r{number}")
            marks = [item["value"] for item in read.json().get("identifier", [])] + [mark]
            written = gateway.put(f"/Basic/r{number}", self.record(number, marks),
                                  headers={"If-Match": read.headers["ETag"]})
            if written.status == 200:
                return
            assert written.status == 412, written
        raise AssertionError("never got its turn")

    @staticmethod
    def add_patched(gateway, number, mark):
        operation = [{"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Basic"},
                     {"name": "name", "valueString": "identifier"}, {"name": "value", "valueIdentifier": {"value": mark}}]
        patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": operation}]}
        answer = gateway.kept("PATCH", f"/Basic/r{number}", patch)
        assert answer.status == 200, answer

    def add_together(self, gateway, numbers, mark):
        for _ in range(500):
            entries = []
            for number in numbers:
                read = gateway.get(f"/Basic/r{number}")
                marks = [item["value"] for item in read.json().get("identifier", [])] + [mark]
                entries.append({"resource": self.record(number, marks),
                                "request": {"method": "PUT", "url": f"Basic/r{number}", "ifMatch": read.headers["ETag"]}})
            written = gateway.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
            if written.status == 200:
                return
            assert written.status == 412, written
        raise AssertionError("never got its turn")

    def check(self, gateway, done):
        expected = {}
        for number, mark in done:
            expected.setdefault(number, set()).add(mark)
        for number in range(self.records):
            current = gateway.get(f"/Basic/r{number}").json()
            marks = [item["value"] for item in current.get("identifier", [])]
            self.assertEqual(set(marks), expected.get(number, set()), f"r{number}: an update was lost, or came twice")
            self.assertEqual(len(marks), len(set(marks)))
            # Each mark is one version, and the first has none.
            self.assertEqual(int(current["meta"]["versionId"]), 1 + len(marks))
            history = gateway.get(f"/Basic/r{number}/_history?_count=500").json()
            versions = [int(entry["resource"]["meta"]["versionId"]) for entry in history["entry"]]
            self.assertEqual(versions, list(range(len(marks) + 1, 0, -1)))
            for entry in history["entry"]:
                version = int(entry["resource"]["meta"]["versionId"])
                kept = [item["value"] for item in entry["resource"].get("identifier", [])]
                self.assertEqual(kept, marks[:version - 1], "a version is not the one before it and one mark more")


if __name__ == "__main__":
    unittest.main()
