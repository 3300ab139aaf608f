# SPDX-License-Identifier: Apache-2.0
"""The advisor of a gateway: warnings can be left out by data, errors cannot, and both is said, counted and part
of the digest in the verdict."""
import json
import os
import shutil
import tempfile
import unittest

from gateway import Gateway

ADVISOR = {"rules": [
    {"rule": "string-whitespace", "type": "Patient", "path": "Patient.name*", "action": "suppress", "reason": "an old system pads names"},
    {"rule": "binding-required", "path": "*.gender", "action": "suppress", "reason": "tried, and out of reach"}]}
PADDED = {"resourceType": "Patient", "name": [{"text": " XXTESTPATIENT"}]}


class Advisor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="gatehouse-advisor-")
        file = os.path.join(cls.folder, "advisor.json")
        with open(file, "w") as out:
            json.dump(ADVISOR, out)
        cls.server = Gateway(settings={"validation.advisor": file}).start()
        cls.plain = Gateway().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.plain.close()
        shutil.rmtree(cls.folder)

    def ask(self, server, resource):
        answer = server.post("/Patient/$validate", resource)
        self.assertEqual(answer.status, 200, answer)
        codes = {coding["code"]: issue["severity"] for issue in answer.issues() for coding in issue.get("details", {}).get("coding", [])}
        return answer, codes

    def test_a_warning_is_left_out_and_that_is_said(self):
        _, codes = self.ask(self.plain, PADDED)
        self.assertEqual(codes.get("string-whitespace"), "warning", codes)
        _, codes = self.ask(self.server, PADDED)
        self.assertNotIn("string-whitespace", codes)
        self.assertEqual(codes.get("advisor"), "information", codes)
        self.assertGreaterEqual(self.server.metric("gatehouse_validate_advised_findings_total", change="suppressed"), 1)

    def test_an_error_stays_and_that_is_said_too(self):
        _, codes = self.ask(self.server, {"resourceType": "Patient", "gender": "m"})
        self.assertEqual(codes.get("binding-required"), "error", codes)
        self.assertEqual(codes.get("advisor"), "information", codes)
        self.assertGreaterEqual(self.server.metric("gatehouse_validate_advised_findings_total", change="kept"), 1)

    def test_the_digest_of_the_verdict_names_another_judge(self):
        def digest(server):
            answer, _ = self.ask(server, PADDED)
            return [extension["valueString"] for extension in answer.json()["extension"] if extension["url"].endswith("definitions-digest")]

        self.assertEqual(len(digest(self.plain)), 1)
        self.assertNotEqual(digest(self.plain), digest(self.server))


if __name__ == "__main__":
    unittest.main()
