# SPDX-License-Identifier: Apache-2.0
"""A FHIR terminology server for tests, over loopback: $validate-code, $lookup, $expand of a few codes.

    with TerminologyServer({"http://example.org/codes": {"a": "Alpha"}}) as server:
        server.url; server.asked  # targets, in order
        server.delay = 1.5        # seconds before each answer
        server.status = 500       # instead of an answer
        server.close()            # nobody listens any more

`token`: the bearer token it demands. `tls`: (certificate, key) files.
"""
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class TerminologyServer:
    def __init__(self, systems, value_sets=None, token=None, tls=None, port=0):
        self.systems, self.value_sets, self.token = systems, value_sets or {}, token
        self.asked, self.delay, self.status, self.body = [], 0.0, 200, None
        self.redirect = None
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):  # noqa: N802
                owner.asked.append(self.path)
                time.sleep(owner.delay)
                status, body = owner.answer(self)
                try:
                    self.send_response(status)
                    if owner.redirect:
                        self.send_header("Location", owner.redirect)
                    self.send_header("Content-Type", "application/fhir+json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the gateway gave up

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.port = self.server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/fhir"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def answer(self, request):
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, b"{}"
        if self.status != 200:
            return self.status, b'{"resourceType":"OperationOutcome"}'
        if self.body is not None:
            return 200, self.body
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/fhir/")
        if path == "CodeSystem/$validate-code":
            known = self.systems.get(query["url"])
            return self.verdict(known, query["code"])
        if path == "ValueSet/$validate-code":
            members = self.value_sets.get(query["url"])
            known = None if members is None else {code: self.systems[system][code] for system, code in members}
            return self.verdict(known, query["code"])
        if path == "CodeSystem/$lookup" and query["code"] in self.systems.get(query["system"], {}):
            return 200, self.parameters(name="Remote", display=self.systems[query["system"]][query["code"]])
        if path == "ValueSet/$expand" and query["url"].split("?")[0] in self.systems:
            codes = self.systems[query["url"].split("?")[0]]
            return 200, json.dumps({"resourceType": "ValueSet", "status": "active", "expansion": {
                "contains": [{"code": code, "display": display} for code, display in codes.items()]}}).encode()
        return 404, b'{"resourceType":"OperationOutcome"}'

    def verdict(self, known, code):
        if known is None:
            issues = {"resourceType": "OperationOutcome", "issue": [{
                "severity": "error", "code": "not-found", "details": {"coding": [{"code": "not-found"}]}}]}
            return 200, json.dumps({"resourceType": "Parameters", "parameter": [
                {"name": "result", "valueBoolean": False}, {"name": "issues", "resource": issues}]}).encode()
        return 200, self.parameters(result=code in known, display=known.get(code))

    @staticmethod
    def parameters(**values):
        def one(name, value):
            return {"name": name, ("valueBoolean" if isinstance(value, bool) else "valueString"): value}
        return json.dumps({"resourceType": "Parameters", "parameter": [
            one(name, value) for name, value in values.items() if value is not None]}).encode()
