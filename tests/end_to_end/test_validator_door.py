# SPDX-License-Identifier: Apache-2.0
"""POST /validateResource the way HL7's validator server is spoken to, by a plain HTTP client; and several
versions of a package side by side, chosen by partner, profile and date."""
import http.client
import json
import os
import shutil
import tempfile
import unittest

from gateway import JSON, ROOT, XML, Answer, Gateway, command

PROFILE = "https://example.org/fhir/StructureDefinition/ward-patient"
GOOD = {"resourceType": "Patient", "id": "p1", "gender": "female", "name": [{"family": "Sample"}]}
WRONG = dict(GOOD, gender="woman")


def ward_patient(version, name_min):
    return {"resourceType": "StructureDefinition", "id": "ward-patient", "url": PROFILE, "version": version, "name": "WardPatient", "status": "active",
            "kind": "resource", "abstract": False, "type": "Patient", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
            "derivation": "constraint", "differential": {"element": [{"id": "Patient", "path": "Patient"},
                                                                     {"id": "Patient.birthDate", "path": "Patient.birthDate", "min": name_min}]}}


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gatehouse-door-")
        partners = os.path.join(cls.folder, "partners")
        shutil.copytree(os.path.join(ROOT, "config/partners"), partners)
        with open(os.path.join(partners, "open-validator.yaml"), "w") as file:
            file.write("id: open-validator\nname: Anyone who asks\nowner: development\norganisations: [XZZ99]\nlimits: {interactions: [validate]}\n")
        for version, least in (("1.0.0", 0), ("2.0.0", 1)):
            package = os.path.join(cls.folder, "ward-" + version, "package")
            os.makedirs(package)
            with open(os.path.join(package, "package.json"), "w") as file:
                json.dump({"name": "example.ward", "version": version, "fhirVersions": ["4.0.1"], "dependencies": {}}, file)
            with open(os.path.join(package, "StructureDefinition-ward-patient.json"), "w") as file:
                json.dump(ward_patient(version, least), file)
        cls.sets = os.path.join(cls.folder, "sets.yaml")
        with open(cls.sets, "w") as file:
            file.write(f"sets:\n  - {{name: ward-1, load: [{cls.folder}/ward-1.0.0]}}\n  - {{name: ward-2, load: [{cls.folder}/ward-2.0.0]}}\n"
                       "rules:\n  - {partner: [acute-trust], until: 2020-01-01, set: ward-1}\n  - {partner: [acute-trust], from: 2020-01-01, set: ward-2}\n"
                       f"  - {{profile: ['{PROFILE}|2.*'], set: ward-2}}\n  - {{set: ward-1}}\n")
        cls.server = Gateway(settings={"validate_resource.enabled": "true", "validate_resource.open_partner": "open-validator",
                                       "partners.folder": partners, "packages.sets_file": cls.sets}).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        shutil.rmtree(cls.folder)

    def ask(self, body, target="/validateResource", headers=None, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, target, data, {"Content-Type": JSON, "Accept": JSON} if headers is None else headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def errors(self, answer):
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json()["resourceType"], "OperationOutcome")
        return [issue for issue in answer.issues() if issue["severity"] in ("error", "fatal")]


class Door(Doors):
    def test_a_client_without_credential_gets_a_verdict_with_200(self):
        self.assertEqual(self.errors(self.ask(GOOD)), [])
        found = self.errors(self.ask(WRONG))
        self.assertEqual(found[0]["expression"], ["Patient.gender"])
        self.assertIn("gender", found[0]["details"]["text"])

    def test_json_is_what_a_client_that_declares_nothing_sends(self):
        self.assertEqual(self.errors(self.ask(GOOD, headers={})), [])

    def test_xml_in_and_out(self):
        body = b'<Patient xmlns="http://hl7.org/fhir"><gender value="woman"/></Patient>'
        answer = self.ask(body, headers={"Content-Type": XML, "Accept": XML})
        self.assertEqual(answer.status, 200)
        self.assertIn("xml", answer.headers["Content-Type"])
        self.assertIn('<severity value="error"/>', answer.text)

    def test_below_the_base_and_with_a_longer_path_too(self):
        for target in ("/fhir/R4/validateResource", "/validateResource/patient-example"):
            self.assertEqual(self.errors(self.ask(GOOD, target)), [])

    def test_what_is_no_fhir_is_a_verdict_as_well(self):
        self.assertEqual(self.errors(self.ask(b'{"resourceType": "Patient",'))[0]["severity"], "fatal")

    def test_profiles_by_both_spellings(self):
        for query in ("profile=", "profiles=http://hl7.org/fhir/StructureDefinition/Patient,"):
            found = self.errors(self.ask(GOOD, f"/validateResource?{query}http://hl7.org/fhir/StructureDefinition/vitalsigns"))
            self.assertTrue(found, query)
        found = self.errors(self.ask(GOOD, "/validateResource?profile=http://example.org/none"))
        self.assertIn("not loaded", found[0]["diagnostics"])

    def test_switches_of_both_generations(self):
        unknown = dict(GOOD, extension=[{"url": "http://example.com/none", "valueString": "x"}])
        self.assertEqual(self.errors(self.ask(unknown)), [])
        self.assertTrue(self.errors(self.ask(unknown, "/validateResource?anyExtensionsAllowed=false")))
        self.assertTrue(self.errors(self.ask(GOOD, "/validateResource?resourceIdRule=prohibited")))
        self.assertEqual(self.errors(self.ask(GOOD, "/validateResource?resourceIdRule=REQUIRED&bpWarnings=Ignore&displayOption=Ignore&jurisdiction=uv")), [])
        bare = self.ask({"resourceType": "Patient"}, "/validateResource?bestPractice=Warning")
        self.assertIn("warning", [issue["severity"] for issue in bare.issues()])
        quiet = self.ask({"resourceType": "Patient"}, "/validateResource?bestPractice=Warning&level=errors")
        self.assertNotIn("warning", [issue["severity"] for issue in quiet.issues()])

    def test_refusals_in_words(self):
        for target, status in (("/validateResource?nonsense=1", 400), ("/validateResource?level=loud", 400), ("/validateResource?checkIpsCodes=true", 400)):
            answer = self.ask(GOOD, target)
            self.assertEqual(answer.status, status, answer)
            self.assertIn("Unable to process param", answer.issues()[0]["diagnostics"])
        self.assertEqual(self.ask(None, method="GET").status, 405)
        self.assertEqual(self.ask(b"").status, 400)

    def test_a_credential_that_is_sent_is_checked_and_the_open_caller_may_only_ask(self):
        self.assertEqual(self.ask(GOOD, headers={"Authorization": "Bearer nobody"}).status, 401)
        self.assertEqual(self.ask(GOOD, "/fhir/R4/Patient").status, 401)
        self.assertEqual(self.ask(GOOD, "/fhir/R4/$validate").status, 401)

    def test_is_off_unless_switched_on_and_its_open_partner_must_be_harmless(self):
        with Gateway() as other:
            connection = http.client.HTTPConnection("127.0.0.1", other.port, timeout=30)
            connection.request("POST", "/validateResource", json.dumps(GOOD), {"Content-Type": JSON})
            self.assertEqual(connection.getresponse().status, 404)
            connection.close()
        with self.assertRaisesRegex(RuntimeError, "only validate"):
            Gateway(settings={"validate_resource.enabled": "true", "validate_resource.open_partner": "aa-development"}).start()


class Versions(Doors):
    """ward-patient 1.0.0 asks nothing, 2.0.0 wants a birth date."""

    def claimed(self, canonical):
        return dict(GOOD, meta={"profile": [canonical]})

    def test_the_profile_version_a_record_claims_chooses(self):
        old = self.ask(self.claimed(PROFILE + "|1.0.0"))
        new = self.ask(self.claimed(PROFILE + "|2.0.0"))
        self.assertEqual(self.errors(old), [])
        self.assertEqual(self.errors(new)[0]["expression"], ["Patient"])
        self.assertNotEqual(old.headers["Gatehouse-Definitions"], new.headers["Gatehouse-Definitions"])

    def test_partner_and_date_choose_at_the_front_door(self):
        body = self.claimed(PROFILE)
        body.pop("id")
        council = self.server.kept("POST", "Patient", body, partner="gp-practice", headers={"X-Request-ID": "versions-1", "Prefer": "return=OperationOutcome"})
        trust = self.server.kept("POST", "Patient", body, partner="acute-trust", headers={"X-Request-ID": "versions-2"})
        self.assertEqual(council.status, 201, council)
        self.assertEqual(trust.status, 422, trust)
        self.assertRegex(trust.headers["Gatehouse-Definitions"], "^sha256-")
        extension = trust.json()["extension"][0]
        self.assertTrue(extension["url"].endswith("definitions-digest"))
        self.assertEqual(extension["valueString"], trust.headers["Gatehouse-Definitions"])
        for answer, partner in ((council, "gp-practice"), (trust, "acute-trust")):
            receipt = self.server.get("$receipt?id=" + answer.headers["X-Message-ID"], partner=partner).json()
            told = {part["name"]: part.get("valueString") for part in receipt["parameter"]}
            self.assertEqual(told["definitions"], answer.headers["Gatehouse-Definitions"])

    def test_validate_operation_and_status_name_the_sets(self):
        asked = self.server.post(f"Patient/$validate?profile={PROFILE}|2.0.0", GOOD)
        self.assertTrue([i for i in asked.issues() if i["severity"] == "error"], asked)
        names = [one["name"] for one in self.server.admin("/_status").json()["definitions"]["sets"]]
        self.assertEqual(names, ["ward-1", "ward-2"])

    def test_the_outcome_of_a_patch_is_judged_by_the_same_choice(self):
        body = dict(self.claimed(PROFILE), birthDate="1980-01-01")
        body.pop("id")
        for partner, status in (("acute-trust", 422), ("gp-practice", 200)):
            created = self.server.kept("POST", "Patient", body, partner=partner, headers={"X-Request-ID": "versions-4-" + partner})
            self.assertEqual(created.status, 201, created)
            patch = json.dumps([{"op": "remove", "path": "/birthDate"}])
            answer = self.server.kept("PATCH", f"Patient/{created.json()['id']}", patch, partner=partner, type="application/json-patch+json",
                                      headers={"X-Request-ID": "versions-5-" + partner})
            self.assertEqual(answer.status, status, answer)

    def test_an_upgrade_report_names_rules_and_messages(self):
        body = self.claimed(PROFILE)
        body.pop("id")
        created = self.server.kept("POST", "Patient", body, partner="gp-practice", headers={"X-Request-ID": "versions-3"})
        self.assertEqual(created.status, 201, created)
        sides = [os.path.join(self.folder, "ward-" + version) for version in ("1.0.0", "2.0.0")]
        status, out, err = command("packages", "diff", *sides, "--against", "journal", "--output", "json", "--set", "data.dir=" + self.server.data)
        self.assertEqual(status, 1, err)
        report = json.loads(out)
        self.assertEqual([(d["url"], [(r["element"], r["what"], r["before"], r["after"], r["effect"]) for r in d["rules"]]) for d in report["definitions"]],
                         [(PROFILE, [("Patient.birthDate", "min", "0", "1", "tightens")])])
        changed = {one["message"]: one for one in report["messages"]["changed"]}
        self.assertIn(created.headers["X-Message-ID"], changed)
        self.assertEqual(changed[created.headers["X-Message-ID"]]["validAfter"], False)
        self.assertNotEqual(report["a"]["digest"], report["b"]["digest"])
        status, out, err = command("packages", "diff", sides[0], sides[0])
        self.assertEqual(status, 0, err)
        self.assertIn("0 definitions differ", out)
        status, out, err = command("packages", "diff", *sides, "--against", self.folder)
        self.assertIn("Patient.birthDate min: 0 -> 1", out)
        status, out, err = command("packages", "diff", sides[0])
        self.assertEqual(status, 2)
        self.assertIn("two packages", err)

    def test_the_audit_says_which_definitions_judged(self):
        answer = self.ask(self.claimed(PROFILE + "|2.0.0"))
        text = ""
        for name in sorted(os.listdir(os.path.join(self.server.data, "audit"))):
            with open(os.path.join(self.server.data, "audit", name), encoding="utf-8", errors="replace") as file:
                text += file.read()
        self.assertIn(answer.headers["Gatehouse-Definitions"], text)


if __name__ == "__main__":
    unittest.main()
