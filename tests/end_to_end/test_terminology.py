# SPDX-License-Identifier: Apache-2.0
"""SNOMED CT from a synthetic release: compiled, asked and used in a verdict by the command line."""
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

    def test_torn_index_is_refused(self):
        torn = self.root / "torn.index"
        torn.write_bytes(pathlib.Path(self.index).read_bytes()[:-100])
        status, _, err = command(
            "terminology", "lookup", f"system={SNOMED}", "code=138875005", "--terminology", str(torn)
        )
        self.assertEqual(status, 2)
        self.assertIn("torn.index", err)
