# SPDX-License-Identifier: Apache-2.0
"""Faulty records of the differential campaign with the reference's verdict, and the generator itself
(tests/campaign/README.md)."""
import json
import os
import sys
import tempfile
import unittest

from gateway import ROOT, command

CAMPAIGN = os.path.join(ROOT, "tests/campaign")


class Campaign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(CAMPAIGN, "sample.ndjson"), encoding="utf-8", newline="\n") as file:
            cls.rows = [json.loads(line) for line in file.read().split("\n") if line]
        cls.found = {}
        with tempfile.TemporaryDirectory() as folder:
            files = {}
            for index, row in enumerate(cls.rows):
                data = row["text"].encode("utf-8", "surrogatepass") if "text" in row else bytes.fromhex(row["hex"])
                name = os.path.join(folder, f"{index:05d}." + ("xml" if row["xml"] else "json"))
                files[name] = row["id"]
                with open(name, "wb") as file:
                    file.write(data)
            status, out, err = command("validate", "--no-package", "--no-default-profiles", "--output", "ndjson", folder, timeout=300)
            if status not in (0, 1):
                raise AssertionError(err)
            for line in filter(None, out.split("\n")):
                row = json.loads(line)
                cls.found[files[row["file"]]] = row

    def test_every_case_has_the_references_verdict_or_an_argued_one(self):
        wrong = []
        for row in self.rows:
            ours = self.found[row["id"]]
            expected = row.get("ours", row["valid"])
            if ours["valid"] != expected:
                errors = [i.get("diagnostics") for i in ours["outcome"]["issue"] if i["severity"] in ("fatal", "error")]
                wrong.append(f"{row['id']} {row['faults']}: {ours['valid']}, expected {expected}: {errors[:2]}")
        self.assertEqual(wrong, [])

    def test_differences_from_the_reference_are_few_and_argued(self):
        argued = [row for row in self.rows if row.get("ours", row["valid"]) != row["valid"]]
        self.assertTrue(all(row.get("argued") for row in argued))
        self.assertLessEqual(len(argued), len(self.rows) // 50)

    def test_what_is_refused_names_an_element_that_the_reference_names(self):
        refused = named = 0
        for row in self.rows:
            ours = self.found[row["id"]]
            if row["valid"] or ours["valid"] or not any(row["expressions"]):
                continue
            refused += 1
            places = [e for i in ours["outcome"]["issue"] for e in i.get("expression", [])]
            named += any(self.plain(a) == self.plain(b) for a in places for b in row["expressions"] if a and b)
        self.assertGreaterEqual(named, refused * 0.8, f"{named} of {refused}")

    @staticmethod
    def plain(expression):
        """Without what both write differently: comments, slices, choice types, the XML reader's form."""
        import re
        return re.sub(r"/\*.*?\*/|/f:|\.ofType\(\w+\)|\[.*?\]|^/", "", expression).rstrip(".").split(".")[0:3]

    def test_the_generator_gives_the_same_cases_for_the_same_seed(self):
        sys.path.insert(0, CAMPAIGN)
        try:
            import generate
        finally:
            sys.path.remove(CAMPAIGN)
        resources = generate.read_sources([os.path.join(CAMPAIGN, "seeds")])
        pool = generate.read_pool(resources)
        first = [generate.make_case(f"test/{i}", resources, pool) for i in range(40)]
        again = [generate.make_case(f"test/{i}", resources, pool) for i in range(40)]
        self.assertEqual(first, again)
        self.assertGreater(len({case[4] for case in first}), 35)


if __name__ == "__main__":
    unittest.main()
