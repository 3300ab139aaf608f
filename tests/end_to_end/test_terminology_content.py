# SPDX-License-Identifier: Apache-2.0
"""Loaded code systems in the running gateway: verdicts, operations, status, metrics, digest and reload."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from gateway import ROOT, Gateway, command, observation, patient

SNOMED = "http://snomed.info/sct"


def codes_of(release):
    return dict(row.split("\t")[:2] for row in (release / "names.tsv").read_text().splitlines())


def build(kind, source, out):
    status, _, err = command("terminology", "build", f"--{kind}", str(source), "--out", str(out), "--quiet")
    if status != 0:
        raise AssertionError(err)


def make(script, folder, *arguments):
    subprocess.run([sys.executable, os.path.join(ROOT, "tests/support", script), str(folder), *arguments],
                   check=True, capture_output=True)


class Content(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        make("make_rf2.py", cls.root / "release")
        cls.codes = codes_of(cls.root / "release")
        cls.index = cls.root / "snomed.idx"
        build("snomed", cls.root / "release", cls.index)
        make("make_rf2.py", cls.root / "larger", "--concepts", "40")
        build("snomed", cls.root / "larger", cls.root / "larger.idx")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def finding(self, server, code, display=None):
        coding = {"system": SNOMED, "code": code}
        if display:
            coding["display"] = display
        subject = server.post("/Patient", patient()).json()["id"]
        return server.post("/Observation", observation(f"Patient/{subject}", code={"coding": [coding]}))

    def test_without_content_codes_are_counted_and_told_never_passed_in_silence(self):
        with Gateway() as server:
            made = self.finding(server, self.codes["finding"])
            self.assertEqual(made.status, 201, made)
            self.assertEqual(made.headers["Gatehouse-Unchecked"], f"{SNOMED}=1")
            self.assertEqual(
                server.metric("gatehouse_validate_unchecked_codes_total", system=SNOMED), 1)
            other = self.finding(server, self.codes["finding"])
            coded = observation("Patient/1", code={"coding": [{"system": "https://nobody.example/codes", "code": "1"}]})
            told = server.post("/Observation/$validate", coded)
            self.assertEqual(told.headers["Gatehouse-Unchecked"], "other=1")
            self.assertIn("https://nobody.example/codes", told.text)
            self.assertEqual(server.admin("/_status").json()["definitions"]["content"], [])
            self.assertNotIn("nobody.example", server.admin("/metrics").text)
            before = server.metric("gatehouse_validate_unchecked_codes_total", system=SNOMED)
            patched = server.request(
                "PATCH", f"/Observation/{other.json()['id']}",
                '[{"op": "replace", "path": "/valueString", "value": "changed"}]',
                {"Content-Type": "application/json-patch+json"})
            self.assertEqual(patched.status, 200, patched)
            self.assertEqual(
                server.metric("gatehouse_validate_unchecked_codes_total", system=SNOMED), before + 1)
            self.assertEqual(other.headers["Gatehouse-Definitions"], made.headers["Gatehouse-Definitions"])

    def test_content_decides_and_is_named_in_status_and_digest(self):
        with Gateway() as bare:
            before = self.finding(bare, self.codes["finding"]).headers["Gatehouse-Definitions"]
        with Gateway(settings={"terminology.content": str(self.index)}) as server:
            good = self.finding(server, self.codes["finding"])
            self.assertEqual(good.status, 201, good)
            self.assertIsNone(good.headers["Gatehouse-Unchecked"])
            self.assertNotEqual(good.headers["Gatehouse-Definitions"], before)
            wrong = self.finding(server, "9999991000000103")
            self.assertEqual(wrong.status, 422, wrong)
            self.assertIn("code-unknown", wrong.text)
            loaded = server.admin("/_status").json()["definitions"]
            self.assertEqual(loaded["digest"], good.headers["Gatehouse-Definitions"])
            self.assertEqual([one["system"] for one in loaded["content"]], [SNOMED])
            self.assertIn("/version/20260101", loaded["content"][0]["version"])
            self.assertTrue(loaded["content"][0]["digest"].startswith("sha256-"))
            answer = server.get(
                f"/CodeSystem/$subsumes?system={SNOMED}&codeA={self.codes['finding']}&codeB={self.codes['infection']}")
            self.assertEqual(answer.json()["parameter"][0]["valueCode"], "subsumes")
            self.assertIsNone(server.metric("gatehouse_validate_unchecked_codes_total", system=SNOMED))

    def test_reload_takes_the_new_file_or_keeps_the_old(self):
        index = self.root / "live.idx"
        shutil.copy(self.index, index)
        with Gateway(settings={"terminology.content": f"[{index}]"}) as server:
            digest = server.admin("/_status").json()["definitions"]["digest"]

            def reload(event):
                before = server.log().count(event)
                server.process.send_signal(signal.SIGHUP)
                end = time.monotonic() + 30
                while server.log().count(event) == before and time.monotonic() < end:
                    time.sleep(0.02)
                return server.admin("/_status").json()["definitions"]

            torn = self.root / "torn.part"
            torn.write_bytes(index.read_bytes()[:-64])
            os.replace(torn, index)
            self.assertEqual(reload("configuration.kept")["digest"], digest)
            self.assertEqual(self.finding(server, self.codes["finding"]).status, 201)
            shutil.copy(self.root / "larger.idx", torn)
            os.replace(torn, index)
            loaded = reload("configuration.reloaded")
            self.assertNotEqual(loaded["digest"], digest)
            self.assertGreater(loaded["content"][0]["concepts"], 60)

    def test_check_reports_content_and_what_is_wrong_with_it(self):
        status, out, err = command("check", "--set", f"terminology.content={self.index}")
        self.assertEqual(status, 0, err)
        self.assertIn(f"{SNOMED} http://snomed.info/sct/", out)
        status, _, err = command("check", "--set", f"terminology.content={self.root}/absent.idx")
        self.assertEqual(status, 1)
        self.assertIn("absent.idx", err)
        self.assertIn("terminology.content", err)
        status, _, err = command("check", "--set", f"terminology.content=[{self.index}, {self.index}]")
        self.assertEqual(status, 1)
        self.assertIn("loaded already", err)
