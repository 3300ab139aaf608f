# SPDX-License-Identifier: Apache-2.0
"""A real gateway in a temporary data folder on free loopback ports, and a small client for it."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("GATEHOUSE_BINARY", os.path.join(ROOT, "build/release/gatehouse"))
BASE = "/fhir/R4"
JSON = "application/fhir+json"
XML = "application/fhir+xml"


def shared():
    """The optional material (UK Core's package, HL7's examples), or None."""
    given = os.environ.get("GATEHOUSE_SHARED")
    for folder in [given] if given else [os.path.join(ROOT, up, "shared") for up in ("..", "../..")]:
        if folder and os.path.isdir(folder):
            return folder
    return None


def free_ports(count):
    """Ports that were free a moment ago; held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def issues(self):
        return self.json().get("issue", [])

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"


class Gateway:
    """start() waits for /readyz; kill() is kill -9; stop() drains. The data folder outlives both."""

    def __init__(self, settings=(), data=None, config=None, tls=None):
        self.folder = data or tempfile.mkdtemp(prefix="gatehouse-e2e-")
        self.own_folder = data is None
        self.config = config or os.path.join(ROOT, "config/gatehouse.yaml")
        self.settings = list(settings)
        self.tls = tls
        self.log_path = os.path.join(tempfile.gettempdir(), f"gatehouse-{uuid.uuid4().hex}.log")
        self.process = None
        self.http_port, self.admin_port = free_ports(2)
        self.local = threading.local()
        self.ready_seconds = None

    def start(self, wait=True, limits=None, timeout=60):
        command = [BINARY, "serve", "--config", self.config,
                   "--set", f"http.port={self.http_port}", "--set", f"admin.port={self.admin_port}",
                   "--set", f"data.dir={self.folder}"]
        for setting in self.settings:
            command += ["--set", setting]
        started = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=limits)
        if wait:
            try:
                self.wait_ready(timeout)
            except RuntimeError:
                self.process.kill()
                self.process.wait()
                raise
            self.ready_seconds = time.monotonic() - started
        return self

    def wait_ready(self, timeout=60):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended with {self.process.returncode}:\n{self.log()[-2000:]}")
            try:
                if self.admin("/readyz").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.005)
        raise RuntimeError(f"not ready after {timeout} s:\n{self.log()[-2000:]}")

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def admin(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def metric(self, name, **labels):
        """Sum of the samples of a metric that carry these labels; None if there is none."""
        total, seen = 0.0, False
        for line in self.admin("/metrics").body.decode().splitlines():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total, seen = total + float(value), True
        return total if seen else None

    def token(self, partner="aa-development"):
        tokens = self.local.__dict__.setdefault("tokens", {})
        if partner not in tokens:
            with open(os.path.join(self.folder, "tokens", partner), encoding="ascii") as file:
                tokens[partner] = file.read().strip()
        return tokens[partner]

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.http_port, timeout=30, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)

    def request(self, method, path, body=None, partner="aa-development", headers=None, type=JSON,
                accept=JSON, fresh=False):
        """One request below the FHIR base (or of an absolute path). One kept connection per thread, unless `fresh`."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        sent = {"Accept": accept}
        if partner:
            sent["Authorization"] = "Bearer " + self.token(partner)
        if body is not None:
            sent["Content-Type"] = type
        sent.update(headers or {})
        target = path if path.startswith("/") else BASE + ("/" + path if path else "")
        kept = None if fresh else getattr(self.local, "connection", None)
        for connection in (kept, None):
            reused = connection is not None
            connection = connection or self.connect()
            try:
                connection.request(method, target, body=body, headers=sent)
                response = connection.getresponse()
                answer = Answer(response.status, response.headers, response.read())
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                # Only a kept connection that the server had closed in the meantime is tried again.
                if not reused:
                    raise
                continue
            if fresh or response.will_close:
                connection.close()
                connection = None
            if not fresh:
                self.local.connection = connection
            return answer
        raise AssertionError("unreachable")

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body, **options):
        return self.request("POST", path, body, **options)

    def put(self, path, body, **options):
        return self.request("PUT", path, body, **options)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.local = threading.local()

    def stop(self, timeout=30):
        """Drains; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError(f"did not drain in {timeout} s:\n{self.log()[-2000:]}") from None
        self.local = threading.local()
        return self.process.returncode if self.process else None

    def close(self):
        try:
            self.stop()
        finally:
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)
            if os.path.exists(self.log_path):
                os.unlink(self.log_path)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def command(*arguments, input=None, timeout=120, env=None):
    """One run of the command line: (exit status, stdout, stderr)."""
    done = subprocess.run([BINARY, *arguments], input=input, capture_output=True, text=True,
                          timeout=timeout, check=False, env=env)
    return done.returncode, done.stdout, done.stderr


def nhs_number(serial):
    """The serial'th number of the 999 test range that has a check digit."""
    for first in range(999_000_000 + 12 * serial, 999_999_999):
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(str(first))) % 11
        if check != 10:
            return f"{first}{0 if check == 11 else check}"
    raise ValueError(serial)


VERIFICATION = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"


def patient(nhs=None, family="XXTESTPATIENT", **members):
    resource = {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": family, "given": ["Sample"]}],
        "gender": "female", "birthDate": "1950-02-03",
    }
    if nhs:
        resource["identifier"] = [{
            "extension": [{"url": VERIFICATION, "valueCodeableConcept": {"coding": [{
                "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
                "code": "01", "display": "Number present and verified"}]}}],
            "system": "https://fhir.nhs.uk/Id/nhs-number", "value": nhs}]
    resource.update(members)
    return resource


def observation(subject, **members):
    resource = {
        "resourceType": "Observation", "status": "final", "code": {"text": "Sample observation"},
        "subject": {"reference": subject}, "effectiveDateTime": "2025-01-08",
        "valueString": "sample",
    }
    resource.update(members)
    return resource
