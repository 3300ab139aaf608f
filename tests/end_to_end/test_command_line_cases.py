# SPDX-License-Identifier: Apache-2.0
"""Runs tests/cases/cli: what a user types, what is answered and with which exit status."""
import glob
import json
import os
import subprocess
import tempfile
import unittest

from gateway import ROOT, find_binary, shared


def text_of(content):
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in content)
    return json.dumps(content)


def contains(expected, found):
    """Whether `found` has all that `expected` says, objects by their members."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(k in found and contains(v, found[k]) for k, v in expected.items())
    return expected == found


class CommandLineCases(unittest.TestCase):
    def run_case(self, case):
        if "{shared}" in json.dumps(case) and not shared():
            self.skipTest("the shared material is not here (GATEHOUSE_SHARED)")
        with tempfile.TemporaryDirectory() as folder:
            def fill(text):
                return text.replace("{folder}", folder).replace("{shared}", shared() or "").replace("{root}", ROOT)

            for path, content in case.get("files", {}).items():
                file = os.path.join(folder, path)
                os.makedirs(os.path.dirname(file), exist_ok=True)
                with open(file, "w", encoding="utf-8") as out:
                    out.write(text_of(content))
            for path in case.get("folders", []):
                os.makedirs(os.path.join(folder, path))
            environment = dict(os.environ)
            environment.update({k: fill(v) for k, v in case.get("environment", {}).items()})
            done = subprocess.run([find_binary(), *map(fill, case["arguments"])], cwd=folder, env=environment,
                                  input=case.get("stdin", ""), capture_output=True, text=True, check=False)
        told = f"{case['name']}\n{done.stdout}{done.stderr}"
        self.assertEqual(done.returncode, case["exit"], told)
        for text in case.get("out", []):
            self.assertIn(text, done.stdout, told)
        for text in case.get("err", []):
            self.assertIn(text, done.stderr, told)
        for text in case.get("not_out", []):
            self.assertNotIn(text, done.stdout, told)
        for text in case.get("not_err", []):
            self.assertNotIn(text, done.stderr, told)
        if "rows" in case:
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(len(rows), len(case["rows"]), told)
            for expected, found in zip(case["rows"], rows):
                self.assertTrue(contains(expected, found), f"{case['name']}: {expected}\nin {found}")

    def test_cases(self):
        for file in sorted(glob.glob(os.path.join(ROOT, "tests/cases/cli/*.json"))):
            with open(file, encoding="utf-8") as cases:
                for case in json.load(cases):
                    with self.subTest(file=os.path.basename(file), case=case["name"]):
                        self.run_case(case)


if __name__ == "__main__":
    unittest.main()
