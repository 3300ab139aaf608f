# SPDX-License-Identifier: Apache-2.0
"""The first guardrails as a sender meets them: a permit, a deny, a boundary, an observe that changes nothing
but the record, a layer that loosens refused."""
import datetime
import json
import os
import re
import shutil
import signal
import tempfile
import time
import unittest

from gateway import ROOT, Gateway, command, nhs_number, observation, patient

COUNCIL, TRUST = "county-council", "acute-trust"


class Rules:
    """A copy of the shipped policies, owners and partners to edit; settings() points a gateway at it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="gatehouse-rules-")
        for name in ("policies", "owners", "partners"):
            shutil.copytree(os.path.join(ROOT, "config", name), os.path.join(self.folder, name))

    def settings(self):
        return {f"{name}.folder": os.path.join(self.folder, name) for name in ("policies", "owners", "partners")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def edit(self, name, pattern, replacement, count=1):
        with open(self.path(name), encoding="utf-8") as file:
            text = file.read()
        changed, hits = re.subn(pattern, replacement, text, count=count, flags=re.M)
        if not hits:
            raise AssertionError(f"{name} has no {pattern}")
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(changed)

    def organisation(self, name, code, owner, rules):
        with open(self.path(f"policies/organisation/{name}.yaml"), "w", encoding="utf-8") as file:
            file.write(f"layer: organisation\ncode: {code}\nowner: {owner}\nrules:\n{rules}")

    def check(self):
        sets = [word for key, value in self.settings().items() for word in ("--set", f"{key}={value}")]
        status, out, err = command("check", *sets)
        return status, out + err

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def wrong_allergy():
    with open(os.path.join(ROOT, "deploy/samples/wrong/allergy-without-code.json"), encoding="utf-8") as file:
        return json.load(file)


class WithRules(unittest.TestCase):
    """One gateway per class over rules that prepare() has edited."""

    @classmethod
    def prepare(cls, rules):
        pass

    @classmethod
    def setUpClass(cls):
        cls.rules = Rules()
        cls.server = Gateway(settings=cls.rules.settings())
        try:
            cls.prepare(cls.rules)
            cls.server.start()
        except Exception:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.rules.close()

    def refused(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertTrue(any(i["severity"] in ("error", "fatal") for i in answer.issues()), answer)
        return json.dumps(answer.issues())


class AsShipped(WithRules):
    def test_g01_the_same_record_is_refused_where_enforced_and_kept_where_warned(self):
        words = self.refused(self.server.post("AllergyIntolerance", wrong_allergy(), partner=TRUST), 422)
        self.assertIn("AllergyIntolerance", words)
        kept = self.server.post("AllergyIntolerance", wrong_allergy(), partner=COUNCIL,
                                headers={"Prefer": "return=OperationOutcome"})
        self.assertEqual(kept.status, 201, kept)
        self.assertTrue(any(i["severity"] in ("warning", "error") for i in kept.issues()), kept)
        place = re.search(r"AllergyIntolerance/[^/]+", kept.headers["Location"]).group()
        self.assertTrue(self.server.get(place).json()["meta"].get("tag"), "no tag on a record with findings")

    def batch(self, entries, partner):
        body = {"resourceType": "Bundle", "type": "batch",
                "entry": [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in entries]}
        answer = self.server.post("", body, partner=partner)
        self.assertEqual(answer.status, 200, answer)
        return [entry["response"] for entry in answer.json()["entry"]]

    def test_g01_every_entry_of_a_long_batch_is_judged(self):
        wrong, right = {"resourceType": "Basic"}, {"resourceType": "Basic", "code": {"text": "a"}}
        entries = [wrong] * 700 + [right, wrong]
        answers = self.batch(entries, TRUST)
        self.assertEqual([one["status"][:3] for one in answers], ["422"] * 700 + ["201", "422"])
        for at in (0, 600, 701):
            issues = answers[at]["outcome"]["issue"]
            self.assertTrue(any(f"Bundle.entry[{at}]" in place for one in issues for place in one.get("expression", [])), issues)
        # Where the rule warns all are kept, and what is told of each stays in proportion.
        kept = self.batch(entries, COUNCIL)
        self.assertEqual({one["status"][:3] for one in kept}, {"201"})
        self.assertLess(len(json.dumps(kept)), 2_000_000)

    def test_g01_many_lesser_findings_hide_no_error(self):
        # A display with white space around it is a lesser finding.
        lesser = {"resourceType": "Basic", "code": {"text": "a"}, "author": {"display": " a "}}
        answers = self.batch([lesser] * 700 + [{"resourceType": "Basic"}], TRUST)
        self.assertEqual([one["status"][:3] for one in answers], ["201"] * 700 + ["422"])

    def test_g05_many_wrong_numbers_cost_in_proportion(self):
        number = nhs_number(203)
        wrong = patient(number[:9] + str((int(number[9]) + 1) % 10))
        took = {}
        for count in (500, 4000):
            began = time.monotonic()
            answers = self.batch([wrong] * count, TRUST)
            took[count] = time.monotonic() - began
            self.assertEqual({one["status"][:3] for one in answers}, {"400"})
        # Eight times as much; by the square it would be sixty-four times.
        self.assertLess(took[4000], 30 * took[500] + 1, took)

    def test_g01_a_right_record_is_kept_without_a_tag(self):
        body = dict(wrong_allergy(), code={"text": "Hospital food"})
        kept = self.server.post("AllergyIntolerance", body, partner=TRUST)
        self.assertEqual(kept.status, 201, kept)
        self.assertNotIn("tag", kept.json()["meta"])

    def test_g04_speaking_for_another_organisation_is_refused(self):
        own = {"NHSD-End-User-Organisation-ODS": "9ZZ01"}
        self.assertEqual(self.server.get("Patient", partner=COUNCIL, headers=own).status, 200)
        self.assertEqual(self.server.get("Patient", partner=COUNCIL).status, 200)
        other = {"NHSD-End-User-Organisation-ODS": "RZZ99"}
        self.refused(self.server.get("Patient", partner=COUNCIL, headers=other), 403)

    def test_g05_numbers(self):
        good = nhs_number(201)
        bad_digit = good[:9] + str((int(good[9]) + 1) % 10)
        for number, expected in ((good, 201), (bad_digit, 400), ("1111111111", 400), ("999000001", 400),
                                 ("2000000000", 400)):
            answer = self.server.post("Patient", patient(number), partner=TRUST)
            self.assertIn(answer.status, (expected, 422 if expected == 400 else expected), f"{number}: {answer}")
            self.assertNotIn(number if expected == 400 else "\0", answer.body.decode(), "the number is quoted")

    def test_g05_missing_status_and_second_patient_are_observed(self):
        number = nhs_number(202)
        bare = patient(number)
        del bare["identifier"][0]["extension"]
        for _ in range(2):
            answer = self.server.post("Patient", bare, partner=COUNCIL)
            self.assertEqual(answer.status, 201, answer)
            back = self.server.get(f"Patient/{answer.json()['id']}", partner=COUNCIL).json()
            self.assertEqual(back["identifier"], bare["identifier"])

    def test_every_decision_can_be_explained(self):
        answer = self.server.post("AllergyIntolerance", wrong_allergy(), partner=TRUST)
        decision = answer.headers["Guardrail-Decision"]
        self.assertTrue(decision)
        identifier = re.match(r"(?:id=)?\"?([0-9A-Za-z-]{20,})", decision)
        self.assertTrue(identifier, decision)
        status, out, err = command("explain", "--set", f"data.dir={self.server.data}", identifier.group(1))
        self.assertEqual(status, 0, err)
        for word in ("G01", "enforce"):
            self.assertIn(word, out)

    def test_audit_chain_holds(self):
        status, out, err = command("audit", "verify", "--set", f"data.dir={self.server.data}")
        self.assertEqual(status, 0, out + err)


class Observed(WithRules):
    @classmethod
    def prepare(cls, rules):
        rules.edit("policies/national.yaml", r"(G01:\n\s+mode:) \w+", r"\1 observe")
        os.unlink(rules.path("policies/organisation/county-council.yaml"))

    def test_observe_changes_nothing_but_the_record(self):
        before = self.server.metric("gatehouse_policy_would_refuse_total", rule="G01", partner=COUNCIL) or 0
        kept = self.server.post("AllergyIntolerance", wrong_allergy(), partner=COUNCIL)
        self.assertEqual(kept.status, 201, kept)
        body = kept.json()
        self.assertNotIn("tag", body["meta"])
        for member in ("meta", "id"):
            body.pop(member)
        self.assertEqual(body, wrong_allergy())
        after = self.server.metric("gatehouse_policy_would_refuse_total", rule="G01", partner=COUNCIL)
        self.assertEqual(after, before + 1)


class FromADate(WithRules):
    @classmethod
    def prepare(cls, rules):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        rules.edit("policies/organisation/county-council.yaml", r"enforceFrom: .*", f"enforceFrom: {today}")
        rules.edit("policies/organisation/acute-trust.yaml", r"mode: enforce",
                   f"mode: enforce\n    enforceFrom: {today + datetime.timedelta(days=2)}")

    def test_enforced_from_its_day_on_and_warned_before(self):
        self.refused(self.server.post("AllergyIntolerance", wrong_allergy(), partner=COUNCIL), 422)
        self.assertEqual(self.server.post("AllergyIntolerance", wrong_allergy(), partner=TRUST).status, 201)


class Limits(WithRules):
    @classmethod
    def prepare(cls, rules):
        rules.edit("policies/national.yaml", r"requestsPerSecond: \d+", "requestsPerSecond: 1")
        rules.edit("policies/national.yaml", r"burst: \d+", "burst: 10")
        rules.edit("policies/national.yaml", r"bodyBytesMax: \d+", "bodyBytesMax: 4000")
        rules.edit("policies/national.yaml", r"depthMax: \d+", "depthMax: 12")

    def test_g16_rate(self):
        answers = [self.server.get("Patient/none", partner="gp-practice") for _ in range(14)]
        self.assertEqual({a.status for a in answers[:10]}, {404})
        limited = [a for a in answers if a.status == 429]
        self.assertTrue(limited, [a.status for a in answers])
        self.assertIn("Retry-After", limited[0].headers)
        everything = [self.server.get("Patient/none").status for _ in range(30)]
        self.assertEqual(set(everything), {404}, "aa-development has no limit")

    def test_g16_size_and_depth(self):
        small = observation("Patient/x", valueString="x" * 2000)
        self.assertEqual(self.server.post("Observation", small, partner=TRUST).status, 201)
        large = observation("Patient/x", valueString="x" * 5000)
        self.refused(self.server.post("Observation", large, partner=TRUST), 413)
        deep = {"url": "urn:x", "valueString": "x"}
        for _ in range(12):
            deep = {"url": "urn:x", "extension": [deep]}
        answer = self.server.post("Observation", observation("Patient/x", extension=[deep]), partner=TRUST)
        self.assertIn(answer.status, (400, 413, 422), answer)


class Loading(unittest.TestCase):
    def setUp(self):
        self.rules = Rules()

    def tearDown(self):
        self.rules.close()

    def test_what_is_shipped_loads(self):
        status, words = self.rules.check()
        self.assertEqual(status, 0, words)

    def test_a_layer_that_loosens_is_refused_naming_both_places(self):
        self.rules.organisation("gp-practice", "Y99901", "sample-gp-practice", "  G05:\n    mode: observe\n")
        status, words = self.rules.check()
        self.assertNotEqual(status, 0)
        self.assertRegex(words, r"gp-practice\.yaml:\d+")
        self.assertRegex(words, r"national\.yaml:\d+")

    def test_g03_a_partner_without_owner_does_not_load(self):
        partners = self.rules.path("partners")
        names = [n for n in sorted(os.listdir(partners)) if n.endswith((".yaml", ".yml"))]
        for name in names:
            with open(os.path.join(partners, name), encoding="utf-8") as file:
                text = file.read()
            if re.search(r"^\s*owner: \S", text, re.M):
                self.rules.edit(f"partners/{name}", r"^\s*owner: \S.*\n", "")
                break
        status, words = self.rules.check()
        self.assertNotEqual(status, 0)
        self.assertRegex(words, rf"{re.escape(name)}:\d+")
        self.assertIn("owner", words)

    def test_unknown_key_is_refused_with_its_place(self):
        self.rules.edit("policies/national.yaml", r"^layer: national", "layer: national\ncolour: blue")
        status, words = self.rules.check()
        self.assertNotEqual(status, 0)
        self.assertRegex(words, r"national\.yaml:\d+:\d+.*colour")


class Reload(WithRules):
    def hang_up(self):
        self.server.process.send_signal(signal.SIGHUP)

    def wait_for(self, status):
        deadline = time.monotonic() + 20
        while True:
            answer = self.server.post("AllergyIntolerance", wrong_allergy(), partner=COUNCIL)
            if answer.status == status:
                return
            self.assertLess(time.monotonic(), deadline, f"still {answer}")
            time.sleep(0.1)

    def test_reload_is_all_or_nothing(self):
        self.wait_for(201)
        self.rules.organisation("county-council", "9ZZ01", "sample-county-council", "  G01:\n    mode: enforce\n")
        self.hang_up()
        self.wait_for(422)
        # Now a set with one right change and one wrong one: neither comes in.
        self.rules.organisation("county-council", "9ZZ01", "sample-county-council", "  G01:\n    mode: warn\n")
        self.rules.organisation("acute-trust", "RZZ99", "nobody-at-all", "  G01:\n    mode: enforce\n")
        self.hang_up()
        time.sleep(1.5)
        self.assertEqual(self.server.post("AllergyIntolerance", wrong_allergy(), partner=COUNCIL).status, 422)
        self.assertIn("nobody-at-all", self.server.log())


class Tokens(WithRules):
    def cli(self, *words):
        return command("partner", *words, "--set", f"data.dir={self.server.data}",
                       *[w for k, v in self.rules.settings().items() for w in ("--set", f"{k}={v}")])

    def status_with(self, token):
        return self.server.get("Patient", partner=None, headers={"Authorization": f"Bearer {token}"}).status

    def token_in(self, text):
        found = re.findall(r"[A-Za-z0-9_.-]{24,}", text)
        self.assertTrue(found, text)
        return max(found, key=len)

    def test_sample_tokens_are_private_files(self):
        for name in ("aa-development", "gp-practice", TRUST):
            mode = os.stat(os.path.join(self.server.data, "tokens", name)).st_mode & 0o777
            self.assertEqual(mode, 0o600, name)

    def test_rotate_and_revoke_take_effect_without_a_restart(self):
        status, out, err = self.cli("list")
        self.assertEqual(status, 0, err)
        self.assertIn(COUNCIL, out)
        old = self.server.token(COUNCIL)
        self.assertEqual(self.status_with(old), 200)
        status, out, err = self.cli("rotate", COUNCIL)
        self.assertEqual(status, 0, err)
        new = self.token_in(out)
        self.assertEqual(self.status_with(new), 200)
        self.assertEqual(self.status_with(old), 401)
        self.assertEqual(self.cli("revoke", COUNCIL)[0], 0)
        self.assertEqual(self.status_with(new), 401)
        for folder, _, files in os.walk(self.server.data):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(new.encode(), file.read(), f"{name} holds a token in the clear")


class Production(unittest.TestCase):
    def test_sample_partners_and_plain_http_are_refused(self):
        server = Gateway(settings={"profile": "production"})
        try:
            server.start(wait=False)
            self.assertEqual(server.process.wait(30), 2, server.log())
            words = server.log()
            self.assertIn("tls", words.lower())
            self.assertIn("aa-development", words)
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
