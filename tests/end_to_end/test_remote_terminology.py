# SPDX-License-Identifier: Apache-2.0
"""A terminology server beside the gateway: answers in the background, slow, dead, refusing, over TLS."""
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from gateway import Gateway, command, observation
from tx_server import TerminologyServer

SYSTEM = "http://example.nhs.uk/remote-codes"
CODES = {SYSTEM: {"a": "Alpha", "b": "Beta"}}


def until(question, seconds=20):
    """Asks again until the answer is true; the last answer."""
    end = time.monotonic() + seconds
    answer = question()
    while not answer and time.monotonic() < end:
        time.sleep(0.02)
        answer = question()
    return answer


class RemoteTerminology(unittest.TestCase):
    def gateway(self, url, **settings):
        given = {"terminology.remote.url": url, "terminology.remote.systems": SYSTEM}
        given.update({f"terminology.remote.{name}": value for name, value in settings.items()})
        server = Gateway(settings=given).start()
        self.addCleanup(server.close)
        return server

    def tx(self, **options):
        server = TerminologyServer(CODES, **options)
        self.addCleanup(server.close)
        return server

    @staticmethod
    def judge(gateway, code):
        body = observation("Patient/1", code={"coding": [{"system": SYSTEM, "code": code, "display": "Alpha"}]})
        return gateway.post("/Observation/$validate", body)

    def settled(self, gateway, code):
        """The verdict once the answer is there."""
        def ask():
            answer = self.judge(gateway, code)
            return answer if answer.headers["Gatehouse-Unchecked"] is None else None
        answer = until(ask)
        self.assertIsNotNone(answer, "no answer came")
        return answer

    def test_first_no_answer_yet_then_the_servers(self):
        tx = self.tx()
        gateway = self.gateway(tx.url)
        first = self.judge(gateway, "a")
        self.assertEqual(first.headers["Gatehouse-Unchecked"], f"{SYSTEM}=1")
        self.assertIn("has not answered yet", first.text)
        self.assertNotIn("code-unknown", self.settled(gateway, "a").text)
        self.judge(gateway, "zz")
        self.assertIn("code-unknown", self.settled(gateway, "zz").text)
        self.settled(gateway, "a")
        self.assertEqual(len([one for one in tx.asked if "code=a" in one]), 1, "answered from the cache")
        for target in tx.asked:
            self.assertNotIn("Alpha", target)
            self.assertNotIn("Patient", target)
        self.assertGreaterEqual(gateway.metric("gatehouse_terminology_requests_total", outcome="answered"), 2)
        self.assertGreaterEqual(gateway.metric("gatehouse_terminology_cache_total", outcome="hit"), 1)
        self.assertEqual(gateway.admin("/_status").json()["definitions"]["remote"], tx.url)

    def test_operations_are_passed_on_and_wait(self):
        gateway = self.gateway(self.tx().url)
        answer = gateway.get(f"/CodeSystem/$validate-code?url={SYSTEM}&code=a")
        self.assertIn({"name": "result", "valueBoolean": True}, answer.json()["parameter"])
        answer = gateway.get(f"/CodeSystem/$validate-code?url={SYSTEM}&code=zz")
        self.assertIn({"name": "result", "valueBoolean": False}, answer.json()["parameter"])
        answer = gateway.get(f"/CodeSystem/$lookup?system={SYSTEM}&code=b")
        self.assertIn("Beta", answer.text)
        answer = gateway.get(f"/ValueSet/$expand?url={SYSTEM}%3Ffhir_vs")
        self.assertEqual([one["code"] for one in answer.json()["expansion"]["contains"]], ["a", "b"])
        answer = gateway.get("/ValueSet/$expand?url=http://example.nhs.uk/others%3Ffhir_vs")
        self.assertEqual(answer.status, 404)
        answer = gateway.get("/CodeSystem/$lookup?system=http://example.nhs.uk/others&code=b")
        self.assertEqual(answer.status, 404)

    def test_a_slow_server_makes_nobody_wait(self):
        tx = self.tx()
        tx.delay = 0.8
        gateway = self.gateway(tx.url, timeout_ms=300)
        self.judge(gateway, "warm")
        began = time.monotonic()
        answer = self.judge(gateway, "a")
        took = time.monotonic() - began
        self.assertEqual(answer.headers["Gatehouse-Unchecked"], f"{SYSTEM}=1")
        self.assertLess(took, 0.25, "a message waited for the server")
        answer = gateway.get(f"/CodeSystem/$lookup?system={SYSTEM}&code=a")
        self.assertEqual(answer.status, 404)
        self.assertIn("no answer", answer.text)
        self.assertTrue(until(lambda: gateway.metric("gatehouse_terminology_requests_total", outcome="timeout")))

    def test_a_dead_server_is_left_alone_and_found_again(self):
        tx = self.tx()
        tx.close()
        gateway = self.gateway(tx.url, breaker_failures=2, breaker_pause_ms=400)
        for code in ("x1", "x2", "x3"):
            self.judge(gateway, code)
        self.assertTrue(until(lambda: (
            gateway.metric("gatehouse_terminology_requests_total", outcome="failed") or 0) >= 2))
        self.judge(gateway, "x4")
        self.assertTrue(until(lambda: gateway.metric("gatehouse_terminology_requests_total", outcome="not_sent")))
        again = TerminologyServer(CODES, port=tx.port)
        self.addCleanup(again.close)
        self.settled(gateway, "a")

    def test_what_is_no_answer_decides_nothing(self):
        tx = self.tx()
        gateway = self.gateway(tx.url, undecided_seconds=1)
        for body in (b"<html>", b'{"resourceType":"Parameters"}', b"[" * 100000):
            tx.body = body
            before = len(tx.asked)
            self.judge(gateway, "a")
            self.assertTrue(until(lambda seen=before: len(tx.asked) > seen or self.judge(gateway, "a") is None))
            answer = self.judge(gateway, "a")
            self.assertEqual(answer.headers["Gatehouse-Unchecked"], f"{SYSTEM}=1")
            self.assertNotIn("code-unknown", answer.text)
        tx.body = None
        tx.status, tx.redirect = 302, "http://127.0.0.1:9/elsewhere"
        self.assertEqual(gateway.get(f"/CodeSystem/$lookup?system={SYSTEM}&code=b").status, 404)

    def test_tls_is_verified_and_the_token_sent(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("good", "other"):
                subprocess.run(
                    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
                     "-keyout", str(root / f"{name}.key"), "-out", str(root / f"{name}.pem")],
                    check=True, capture_output=True)
            (root / "token").write_text("sesame\n")
            os.chmod(root / "token", 0o600)
            tx = self.tx(token="sesame", tls=(root / "good.pem", root / "good.key"))
            trusted = self.gateway(tx.url, ca_file=root / "good.pem", token_file=root / "token")
            self.assertIn("Beta", trusted.get(f"/CodeSystem/$lookup?system={SYSTEM}&code=b").text)
            asked = len(tx.asked)
            for settings in ({"ca_file": root / "other.pem"}, {}):
                wary = self.gateway(tx.url, token_file=root / "token", **settings)
                answer = wary.get(f"/CodeSystem/$lookup?system={SYSTEM}&code=b")
                self.assertEqual(answer.status, 404)
                self.assertIn("TLS", answer.text)
            self.assertEqual(len(tx.asked), asked, "nothing was told to a server without trust")
            tokenless = self.gateway(tx.url, ca_file=root / "good.pem")
            self.assertIn("status 401", tokenless.get(f"/CodeSystem/$lookup?system={SYSTEM}&code=b").text)

    def test_wrong_settings_are_refused_with_the_way_out(self):
        with tempfile.TemporaryDirectory() as folder:
            token = os.path.join(folder, "token")
            pathlib.Path(token).write_text("sesame")
            os.chmod(token, 0o644)
            url = "terminology.remote.url=https://tx.example.nhs.uk/fhir"
            systems = f"terminology.remote.systems={SYSTEM}"
            for settings, words in (
                ((url,), "terminology.remote.systems"),
                ((url, systems, f"terminology.remote.token_file={token}"), "chmod 600"),
                ((url, systems, f"terminology.remote.ca_file={folder}/none.pem"), "none.pem"),
                (("terminology.remote.url=http://user@tx.example/fhir", systems), "without user"),
            ):
                given = [word for setting in settings for word in ("--set", setting)]
                status, _, err = command("check", *given)
                self.assertEqual(status, 1, settings)
                self.assertIn(words, err)

    def test_off_by_default_nothing_is_called(self):
        gateway = Gateway().start()
        self.addCleanup(gateway.close)
        self.judge(gateway, "a")
        self.assertIsNone(gateway.metric("gatehouse_terminology_requests_total"))
        self.assertNotIn("remote", gateway.admin("/_status").json()["definitions"])


if __name__ == "__main__":
    unittest.main()
