# SPDX-License-Identifier: Apache-2.0
"""The command line: exit status 0 good, 1 findings, 2 usage or failure, and the shapes of its output."""
import json
import os
import subprocess
import tempfile
import unittest

from gateway import ROOT, command, find_binary, nhs_number, patient

SAMPLES = os.path.join(ROOT, "deploy/samples")
GOOD = os.path.join(SAMPLES, "gp-practice/03-patient.json")
GOOD_XML = os.path.join(SAMPLES, "gp-practice/06-medication-request.xml")
WRONG = os.path.join(SAMPLES, "wrong/allergy-without-code.json")


class Validate(unittest.TestCase):
    def test_good_record_is_0_and_wrong_one_is_1(self):
        for file, expected in ((GOOD, 0), (GOOD_XML, 0), (WRONG, 1)):
            status, out, err = command("validate", file)
            self.assertEqual(status, expected, f"{file}\n{out}{err}")

    def test_wrong_record_is_told_the_element_and_the_profile(self):
        _, out, _ = command("validate", WRONG)
        self.assertIn("code", out)
        self.assertIn("UKCore-AllergyIntolerance", out)

    def test_default_profiles_can_be_switched_off(self):
        self.assertEqual(command("validate", "--no-default-profiles", WRONG)[0], 0)
        status, out, _ = command(
            "validate", "--no-default-profiles", "--profile",
            "https://fhir.hl7.org.uk/StructureDefinition/UKCore-AllergyIntolerance", WRONG)
        self.assertEqual(status, 1, out)

    def test_no_package_leaves_r4_alone(self):
        self.assertEqual(command("validate", "--no-package", WRONG)[0], 0)

    def test_ndjson_is_a_line_per_file_in_input_order(self):
        files = [WRONG, GOOD, GOOD_XML]
        status, out, err = command("validate", "--output", "ndjson", "--jobs", "2", *files)
        self.assertEqual(status, 1, err)
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["file"] for row in rows], files)
        self.assertEqual([row["valid"] for row in rows], [False, True, True])
        for row in rows:
            self.assertEqual(row["outcome"]["resourceType"], "OperationOutcome")
        errors = [i for i in rows[0]["outcome"]["issue"] if i["severity"] == "error"]
        self.assertTrue(errors and errors[0]["expression"], errors)

    def test_folder_and_standard_input(self):
        status, out, _ = command("validate", "--output", "ndjson", os.path.join(SAMPLES, "county-council"))
        self.assertEqual([status, len(out.splitlines())], [0, 3], out)
        with open(WRONG, encoding="utf-8") as file:
            self.assertEqual(command("validate", "-", input=file.read())[0], 1)

    def test_batch_rows_come_back_by_id(self):
        with open(WRONG, encoding="utf-8") as file:
            wrong = file.read()
        rows = [
            {"id": "a", "profile": None, "resource": json.dumps(patient(nhs_number(1)))},
            {"id": "b", "profile": "https://fhir.hl7.org.uk/StructureDefinition/UKCore-AllergyIntolerance",
             "resource": wrong},
            {"id": "c", "profile": None, "resource": "{ no resource"},
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            status, out, err = command("validate", "--batch", file.name)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(r["id"], r["valid"]) for r in found], [("a", True), ("b", False), ("c", False)], err)
        self.assertIn(status, (0, 1))

    def test_missing_file_and_unknown_option_are_2(self):
        self.assertEqual(command("validate", "not-here.json")[0], 2)
        self.assertEqual(command("validate", "--no-such-option", GOOD)[0], 2)
        self.assertEqual(command("no-such-command")[0], 2)

    def test_works_from_any_folder(self):
        done = subprocess.run([find_binary(), "validate", GOOD], cwd="/", capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_folder_of_ones_own_adds_to_what_is_configured(self):
        profile = {
            "resourceType": "StructureDefinition", "url": "http://example.org/StructureDefinition/NamedPatient",
            "name": "NamedPatient", "status": "active", "fhirVersion": "4.0.1", "kind": "resource",
            "abstract": False, "type": "Patient", "derivation": "constraint",
            "baseDefinition": "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient",
            "differential": {"element": [{"id": "Patient.telecom", "path": "Patient.telecom", "min": 1}]},
        }
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "named.json"), "w", encoding="utf-8") as file:
                json.dump(profile, file)
            status, out, err = command("validate", "--package", folder, "--profile", profile["url"], GOOD)
        self.assertEqual(status, 1, out + err)
        self.assertIn("telecom", out)


class FhirPath(unittest.TestCase):
    def test_expression_on_a_file(self):
        status, out, err = command("fhirpath", "Patient.name.family", GOOD)
        self.assertEqual(status, 0, err)
        self.assertIn("XXTESTPATIENT-AAA", out)

    def test_batch(self):
        rows = [
            {"id": 1, "expression": "1 + 1", "resource": None},
            {"id": 2, "expression": "Patient.birthDate", "resource": GOOD},
            {"id": 3, "expression": "Patient.name.", "resource": GOOD},
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            _, out, err = command("fhirpath", "--batch", file.name)
        found = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["id"] for row in found], [1, 2, 3], err)
        self.assertEqual([item["value"] for item in found[0]["result"]], ["2"])
        self.assertEqual(found[1]["result"], [{"type": "date", "value": "1957-03-14"}])
        self.assertIn("message", found[2]["error"])


class Convert(unittest.TestCase):
    def test_there_and_back_is_the_same_record(self):
        status, as_json, err = command("convert", "--to", "json", GOOD_XML)
        self.assertEqual(status, 0, err)
        dose = json.loads(as_json, parse_float=str)["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
        self.assertEqual(dose["value"], "500.0")
        status, as_xml, err = command("convert", "--to", "xml", "-", input=as_json)
        self.assertEqual(status, 0, err)
        self.assertEqual(command("convert", "--to", "json", "-", input=as_xml)[1], as_json)

    def test_what_cannot_be_read_is_2_with_its_place(self):
        status, _, err = command("convert", "--to", "xml", "-", input='{"resourceType": "Patient",\n "x": }')
        self.assertIn(status, (1, 2))
        self.assertRegex(err, "2")


class Snapshot(unittest.TestCase):
    def test_snapshot_of_a_profile_of_the_pack(self):
        file = os.path.join(ROOT, "config/packages/uk-core/package/StructureDefinition-UKCore-Patient.json")
        status, out, err = command("snapshot", file)
        self.assertEqual(status, 0, err)
        elements = json.loads(out)["snapshot"]["element"]
        self.assertEqual(elements[0]["id"], "Patient")
        self.assertIn("Patient.identifier:nhsNumber", [e["id"] for e in elements])

    def test_profile_without_a_base_is_2_and_says_why(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"resourceType": "StructureDefinition", "url": "http://example.org/x", "name": "X",
                       "status": "active", "kind": "resource", "abstract": False, "type": "Patient",
                       "derivation": "constraint", "baseDefinition": "http://example.org/not-here",
                       "differential": {"element": []}}, file)
            file.flush()
            status, _, err = command("snapshot", file.name)
        self.assertEqual(status, 2)
        self.assertIn("http://example.org/not-here", err)


class Rest(unittest.TestCase):
    def test_configuration_checks(self):
        status, out, err = command("check", "--config", os.path.join(ROOT, "config/gatehouse.yaml"))
        self.assertEqual(status, 0, out + err)

    def test_unknown_configuration_key_is_refused_with_line_and_column(self):
        with open(os.path.join(ROOT, "config/gatehouse.yaml"), encoding="utf-8") as file:
            text = file.read()
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=os.path.join(ROOT, "config")) as file:
            file.write(text + "\nfavourite_colour: blue\n")
            file.flush()
            status, out, err = command("check", "--config", file.name)
            self.assertNotEqual(status, 0)
            self.assertRegex(out + err, r"\.yaml:\d+:\d+.*favourite_colour")

    def test_packages_are_listed(self):
        status, out, err = command("packages", "list")
        self.assertEqual(status, 0, err)
        self.assertIn("gatehouse.uk-core", out)
        self.assertIn("hl7.fhir.r4.core", out)

    def test_packages_verify_by_the_lock_file(self):
        status, out, err = command("packages", "verify")
        self.assertEqual(status, 0, out + err)

    def test_help_everywhere(self):
        for words in ([], ["serve"], ["validate"], ["fhirpath"], ["snapshot"], ["convert"], ["packages"],
                      ["partner"], ["backup"], ["restore"], ["receipts"], ["audit"], ["explain"], ["check"]):
            status, out, _ = command(*words, "--help")
            self.assertEqual(status, 0, words)
            self.assertTrue(out.strip(), words)


if __name__ == "__main__":
    unittest.main()
