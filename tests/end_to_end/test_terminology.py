# SPDX-License-Identifier: Apache-2.0
"""Code systems from synthetic releases: compiled, asked and used in a verdict by the command line."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from gateway import ROOT, command

SNOMED = "http://snomed.info/sct"


class Terminology(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        release = cls.root / "release"
        subprocess.run(
            [sys.executable, os.path.join(ROOT, "tests/support/make_rf2.py"), str(release)],
            check=True,
            capture_output=True,
        )
        rows = (release / "names.tsv").read_text().splitlines()
        cls.codes = dict(row.split("\t")[:2] for row in rows)
        cls.index = str(cls.root / "sct.index")
        status, _, err = command("terminology", "build", "--snomed", str(release), "--out", cls.index)
        if status != 0:
            raise AssertionError(err)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def ask(self, *words):
        status, out, _ = command("terminology", *words, "--terminology", self.index, "--compact")
        return status, json.loads(out)

    def test_subsumes(self):
        code, answer = self.ask(
            "subsumes",
            f"system={SNOMED}",
            f"codeA={self.codes['finding']}",
            f"codeB={self.codes['infection']}",
        )
        self.assertEqual(code, 0)
        self.assertEqual(answer["parameter"][0]["valueCode"], "subsumes")

    def test_expands_ecl(self):
        finding = self.codes["finding"]
        code, answer = self.ask("expand", f"url={SNOMED}?fhir_vs=ecl/<<{finding}", "count=2")
        self.assertEqual(code, 0)
        self.assertGreater(answer["expansion"]["total"], 2)
        self.assertEqual(len(answer["expansion"]["contains"]), 2)

    def test_wrong_ecl_is_placed(self):
        code, answer = self.ask("expand", f"url={SNOMED}?fhir_vs=ecl/<<")
        self.assertEqual(code, 1)
        self.assertEqual(answer["resourceType"], "OperationOutcome")

    def test_a_code_that_is_none_is_refused(self):
        record = {
            "resourceType": "Condition",
            "subject": {"display": "x"},
            "code": {"coding": [{"system": SNOMED, "code": "9999991000000103"}]},
        }
        plain = ("validate", "--no-package", "--no-default-profiles", "-")
        status, out, _ = command(*plain, input=json.dumps(record))
        self.assertEqual(status, 0, out)
        status, out, _ = command(*plain, "--terminology", self.index, input=json.dumps(record))
        self.assertEqual(status, 1, out)
        self.assertIn("code-unknown", out)
        record["code"]["coding"][0]["code"] = self.codes["finding"]
        status, out, _ = command(*plain, "--terminology", self.index, input=json.dumps(record))
        self.assertEqual(status, 0, out)

    def test_a_binding_to_an_implicit_value_set_decides(self):
        profile = {
            "resourceType": "StructureDefinition", "url": "http://t.example/infections", "name": "Infections",
            "status": "active", "kind": "resource", "abstract": False, "type": "Condition", "fhirVersion": "4.0.1",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Condition", "derivation": "constraint",
            "differential": {"element": [{"id": "Condition.code", "path": "Condition.code", "binding": {
                "strength": "required", "valueSet": f"{SNOMED}?fhir_vs=ecl/<<{self.codes['infection']}|Infection|"}}]}}
        folder = self.root / "profiles"
        folder.mkdir()
        (folder / "StructureDefinition-infections.json").write_text(json.dumps(profile))

        def judge(name, *more):
            record = {"resourceType": "Condition", "subject": {"display": "x"},
                      "code": {"coding": [{"system": SNOMED, "code": self.codes[name]}]}}
            return command("validate", "--no-package", "--package", str(folder), "--profile", profile["url"],
                           "--no-default-profiles", *more, "-", input=json.dumps(record))
        loaded = ("--terminology", self.index)
        status, out, err = judge("infected_fracture", *loaded)
        self.assertEqual(status, 0, out + err)
        status, out, _ = judge("tumour", *loaded)
        self.assertEqual(status, 1, out)
        self.assertIn("binding", out)
        status, out, _ = judge("tumour")
        self.assertEqual(status, 0, out)
        self.assertIn("value-set-unknown", out)

    def test_a_value_set_that_content_does_not_decide_is_told(self):
        profile = {
            "resourceType": "StructureDefinition", "url": "http://t.example/members", "name": "Members",
            "status": "active", "kind": "resource", "abstract": False, "type": "Condition", "fhirVersion": "4.0.1",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Condition", "derivation": "constraint",
            "differential": {"element": [{"id": "Condition.code", "path": "Condition.code", "binding": {
                "strength": "required", "valueSet": "http://t.example/members-vs"}}]}}
        value_set = {
            "resourceType": "ValueSet", "url": "http://t.example/members-vs", "name": "Members", "status": "active",
            "compose": {"include": [{"system": SNOMED, "filter": [
                {"property": "concept", "op": "in", "value": "999000781000001107"}]}]}}
        folder = self.root / "members"
        folder.mkdir()
        (folder / "StructureDefinition-members.json").write_text(json.dumps(profile))
        (folder / "ValueSet-members.json").write_text(json.dumps(value_set))
        record = {"resourceType": "Condition", "subject": {"display": "x"},
                  "code": {"coding": [{"system": SNOMED, "code": self.codes["finding"]}]}}
        status, out, err = command(
            "validate", "--no-package", "--package", str(folder), "--profile", profile["url"],
            "--no-default-profiles", "--terminology", self.index, "-", input=json.dumps(record))
        self.assertEqual(status, 0, out + err)
        self.assertIn("Membership in these value sets was not checked", out)
        self.assertIn("999000781000001107 is not in", out)

    def test_torn_index_is_refused(self):
        torn = self.root / "torn.index"
        torn.write_bytes(pathlib.Path(self.index).read_bytes()[:-100])
        status, _, err = command(
            "terminology", "lookup", f"system={SNOMED}", "code=138875005", "--terminology", str(torn)
        )
        self.assertEqual(status, 2)
        self.assertIn("torn.index", err)


class Tables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        for script, folder in (("make_dmd.py", cls.root / "dmd"), ("make_lists.py", cls.root)):
            subprocess.run([sys.executable, os.path.join(ROOT, "tests/support", script), str(folder)],
                           check=True, capture_output=True)
        cls.names = dict(row.split("\t") for row in (cls.root / "dmd/names.tsv").read_text().splitlines())
        cls.built = {}
        for kind in ("dmd", "loinc", "icd10"):
            index = cls.root / f"{kind}.idx"
            status, out, err = command("terminology", "build", f"--{kind}", str(cls.root / kind), "--out", str(index))
            if status != 0:
                raise AssertionError(err)
            cls.built[kind] = (str(index), out)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def ask(self, *words):
        content = [word for index, _ in self.built.values() for word in ("--terminology", index)]
        status, out, err = command("terminology", *words, *content, "--compact")
        self.assertIn(status, (0, 1), err)
        return json.loads(out)

    def outcome(self, system, a, b):
        answer = self.ask("subsumes", f"system={system}", f"codeA={a}", f"codeB={b}")
        return answer["parameter"][0]["valueCode"]

    def test_build_says_what_it_read(self):
        self.assertIn("https://dmd.nhs.uk|20251031", self.built["dmd"][1])
        self.assertIn("http://loinc.org|2.78", self.built["loinc"][1])
        self.assertIn("http://hl7.org/fhir/sid/icd-10-uk|5.20160401", self.built["icd10"][1])

    def test_subsumption_in_each(self):
        dmd = "https://dmd.nhs.uk"
        self.assertEqual(self.outcome(dmd, self.names["sampletril_vtm"], self.names["sampletril_ampp2"]), "subsumes")
        self.assertEqual(self.outcome(dmd, self.names["sampletril_amp"], self.names["sampletril_vmp"]), "subsumed-by")
        self.assertEqual(self.outcome(dmd, self.names["sampletril_amp"], self.names["testazole_amp"]), "not-subsumed")
        self.assertEqual(self.outcome("http://loinc.org", "LP999000-1", "99901-1"), "subsumes")
        self.assertEqual(self.outcome("http://hl7.org/fhir/sid/icd-10", "Z99.81", "Z99"), "subsumed-by")

    def test_lookup_shows_class_parent_and_supplier(self):
        answer = self.ask("lookup", "system=https://dmd.nhs.uk", f"code={self.names['sampletril_amp']}")
        text = json.dumps(answer)
        for words in ("concept-class", "Sample Pharma", self.names["sampletril_vmp"]):
            self.assertIn(words, text)

    def test_a_compose_draws_on_filters(self):
        value_set = self.root / "vs.json"
        value_set.write_text(json.dumps({"resourceType": "ValueSet", "status": "active", "compose": {
            "include": [
                {"system": "http://loinc.org", "filter": [{"property": "CLASS", "op": "=", "value": "CHEM"},
                                                          {"property": "STATUS", "op": "=", "value": "ACTIVE"}]},
                {"system": "https://dmd.nhs.uk", "filter": [
                    {"property": "concept", "op": "is-a", "value": self.names["testazole_vmp"]},
                    {"property": "concept-class", "op": "=", "value": "AMP"}]}],
            "exclude": [{"system": "http://loinc.org", "filter": [
                {"property": "SYSTEM", "op": "=", "value": "Urine"}]}]}}))
        answer = self.ask("expand", f"valueSet=@{value_set}", "activeOnly=true")
        codes = {one["code"] for one in answer["expansion"]["contains"]}
        self.assertEqual(codes, {"99901-1", self.names["testazole_amp"]})

    def test_verdicts(self):
        def judge(system, code):
            record = {"resourceType": "Observation", "status": "final",
                      "code": {"coding": [{"system": system, "code": code}]}}
            content = [word for index, _ in self.built.values() for word in ("--terminology", index)]
            status, out, _ = command("validate", "--no-package", "--no-default-profiles", *content, "-",
                                     input=json.dumps(record))
            return status, out
        self.assertEqual(judge("http://loinc.org", "99901-1")[0], 0)
        status, out = judge("http://loinc.org", "99909-9")
        self.assertEqual(status, 1)
        self.assertIn("code-unknown", out)
        self.assertEqual(judge("http://hl7.org/fhir/sid/icd-10-uk", "Z99.8")[0], 0)
        self.assertEqual(judge("http://hl7.org/fhir/sid/icd-10-uk", "Z99.9")[0], 1)
        self.assertEqual(judge("https://dmd.nhs.uk", self.names["old_vmp"])[0], 0)
        self.assertEqual(judge("https://dmd.nhs.uk", "317972000")[0], 1)

    def test_what_names_no_release_is_refused(self):
        for words, reason in (
            (("--dmd", str(self.root / "loinc")), "f_vtm2"),
            (("--loinc", str(self.root / "icd10")), "Loinc.csv"),
            (("--codes", str(self.root / "vs.none"), "--system", "urn:x"), "vs.none"),
            (("--codes", "x.csv"), "--system"),
            (("--dmd", "a", "--loinc", "b"), "name one release"),
        ):
            status, _, err = command("terminology", "build", *words, "--out", str(self.root / "none.idx"))
            self.assertEqual(status, 2, words)
            self.assertIn(reason, err)
        self.assertFalse((self.root / "none.idx").exists())
