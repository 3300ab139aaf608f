# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody means well: thousands of seeded combinations of methods, targets, headers and bodies.
Every answer is below 500 (but for 503 when too many answers wait), every refusal an OperationOutcome with words, nothing of
the inside shows, and the gateway still works afterwards."""
import json
import random
import re
import socket
import unittest
import urllib.parse

from gateway import Gateway, patient

TARGETS = ["", "/", "//", "/Patient", "/Patient/", "/Patient/p", "/Patient/p/_history", "/Patient/p/_history/1",
           "/Patient/p/_history/99999999999999999999", "/Patient/_history", "/_history", "/Patient/p/$meta",
           "/Patient/p/$meta-add", "/Patient/p/_history/1/$meta-delete", "/Patient/$validate", "/Composition/p/$document",
           "/$process-message", "/$receipt", "/$status", "/metadata", "/openapi.json", "/.well-known/smart-configuration",
           "/Binary", "/Binary/b", "/Nonsense/1", "/Patient/" + "x" * 65, "/Patient/%00", "/Patient/%ZZ", "/Patient/..",
           "/Patient/p/p/p/p/p/p/p", "/$" + "x" * 500, "/Patient/p/Observation"]
QUERIES = ["", "", "", "?identifier=a|b", "?identifier=", "?identifier=|", "?_id=p", "?_count=-1", "?_count=99999999999",
           "?_since=x", "?_at=9999-99-99", "?_list=" + "x" * 300, "?_page=0", "?_page=zzz", "?_summary=true", "?_summary=x",
           "?_elements=" + ",".join(["a.b.c"] * 200), "?_format=xml", "?_format=../../etc/passwd", "?_pretty=true",
           "?id=" + "Z" * 26, "?name:contains=" + "%27%3B--" * 20, "?" + "&".join(f"name={i}" for i in range(100)), "?%"]
HEADERS = [{}, {}, {"Accept": "application/fhir+xml"}, {"Accept": "image/png"}, {"Accept": "," * 50}, {"If-Match": "W/\"1\""},
           {"If-Match": "*"}, {"If-Match": "W/\"" + "9" * 40 + "\""}, {"If-None-Match": "*"}, {"If-None-Exist": "?"},
           {"If-None-Exist": "identifier=" + "x" * 3000}, {"If-Modified-Since": "Sun, 99 Foo 0000 99:99:99 GMT"},
           {"Prefer": "respond-async"}, {"Prefer": "return=;;=,,\"\", handling=lenient"}, {"X-Security-Context": "Patient/../p"},
           {"Origin": "null"}, {"X-Request-ID": "x" * 300}]
BODIES = [None, "", "{", "[]", "[{}]", "null", "\"x\"", "[1,2", "{\"resourceType\":\"Patient\"}", "<Patient/>", "\x00\x01",
          json.dumps(patient(id="p")), "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{}]}",
          json.dumps([{"op": "copy", "from": "", "path": "/x" * depth} for depth in range(1, 40)]),
          json.dumps([{"op": "add", "path": "/" + "a/" * 300, "value": 1}]), "[" * 500 + "]" * 500,
          json.dumps({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
              {"name": "type", "valueCode": "replace"},
              {"name": "path", "valueString": "Patient.repeat(children()).repeat(descendants())"},
              {"name": "value", "valueString": "x"}]}]}),
          json.dumps({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
              {"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient"},
              {"name": "name", "valueString": "contact"},
              {"name": "value", "part": [{"name": "name", "part": [{"name": "nonsense", "valueString": "x"}]}]}]}]}),
          json.dumps({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [{}]}}]}),
          json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [
              {"request": {"method": "PATCH", "url": "Patient?"}, "resource": {"resourceType": "Binary", "data": "!!"}},
              {"request": {"method": "GET", "url": "Patient/p/_history?_since=x"}},
              {"request": {"method": "DELETE", "url": "Patient?identifier=a|b"}}]}),
          json.dumps({"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "MessageHeader"}}]})]
TYPES = ["application/fhir+json", "application/fhir+xml", "application/json-patch+json", "text/plain", "application/json", "", "x"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
INSIDE = re.compile(r"SELECT |INSERT |sqlite|std::|0x[0-9a-f]{8}|\.cpp|\.hpp|/home/|Segmentation", re.I)


class Hostile(unittest.TestCase):
    def test_every_answer_is_in_order(self):
        chance = random.Random(20261123)
        with Gateway() as gateway:
            self.assertEqual(gateway.put("/Patient/p", patient(id="p")).status, 201)
            for number in range(3000):
                method = chance.choice(METHODS)
                target = chance.choice(TARGETS) + chance.choice(QUERIES)
                headers = dict(chance.choice(HEADERS))
                body = chance.choice(BODIES) if method in ("POST", "PUT", "PATCH") else None
                if body is not None:
                    headers["Content-Type"] = chance.choice(TYPES)
                headers.setdefault("Accept", "application/fhir+json")
                answer = gateway.kept(method, target, body, headers=headers, accept=headers["Accept"])
                said = f"{number}: {method} {target[:120]} {headers} {str(body)[:200]} -> {answer}"
                full = answer.status == 503 and (method == "HEAD" or "wait to be fetched" in answer.text)
                self.assertTrue(answer.status < 500 or full, said)
                if answer.status >= 400 and method != "HEAD":
                    self.assertIn("OperationOutcome", answer.text, said)
                    self.assertIn("diagnostics", answer.text, said)
                    self.assertIsNone(INSIDE.search(answer.text), said)
            self.assertEqual(gateway.put("/Patient/q", patient(id="q")).status, 201)
            self.assertEqual(gateway.get("/Patient/q").status, 200)


class Transport(unittest.TestCase):
    """Below FHIR, too, a refusal is an OperationOutcome with words, in UTF-8."""

    REFUSED = [  # what is sent after "GET|POST TARGET", the status
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"GET /fhir/R4/metadata\r\n\r\n", 400),
        (b"GET /fhir/R4/metadata HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /fhir/R4/metadata HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\nBad\x01Name: x\r\n\r\n", 400),
        (b"GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 600 + b"\r\n", 431),
        (b"GET /fhir/R4/Patient?x=" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400),
        (b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400),
        (b"POST /fhir/R4/Patient HTTP/1.1\r\nHost: x\r\nExpect: the-best\r\nContent-Length: 2\r\n\r\n{}", 417),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # TLS to a plain listener
    ]

    def test_bad_requests_are_refused_in_words(self):
        with Gateway() as gateway:
            for sent, status in self.REFUSED:
                with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection:
                    connection.sendall(sent)
                    head, body = self.answer(connection)
                self.assertEqual(int(head.split()[1]), status, sent[:80])
                self.assertIn(b"application/fhir+json", head)
                outcome = json.loads(body)
                self.assertEqual(outcome["resourceType"], "OperationOutcome", sent[:80])
                self.assertTrue(outcome["issue"][0]["diagnostics"])
                self.assertIsNone(INSIDE.search(body.decode()), body)
            self.assertEqual(gateway.get("/metadata").status, 200)

    @staticmethod
    def answer(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
        while len(body) < length:
            body += connection.recv(65536)
        return head, body

    def test_words_that_quote_what_was_sent_are_utf_8(self):
        with Gateway() as gateway:
            for text in ("\U0001D4E3" * 30, "\u0928\u094d" * 40, "a" + "\u00e9" * 60):
                for shift in range(5):
                    answer = gateway.post("/Patient", {"resourceType": "Patient", "a" * shift + text: None, text: text})
                    self.assertIn(answer.status, (400, 422))
                    self.assertIn("diagnostics", answer.body.decode("utf-8"))
                    answer = gateway.request("GET", "/Patient?" + urllib.parse.quote("a" * shift + text) + "=x")
                    self.assertEqual(answer.status, 400)
                    answer.body.decode("utf-8")


if __name__ == "__main__":
    unittest.main()
