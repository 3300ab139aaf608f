# SPDX-License-Identifier: Apache-2.0
"""Starts the real gateway for a test: free loopback ports, a data folder of its own, tokens read back.

    with Gateway(binary) as gateway:
        answer = gateway.request("GET", "/Patient/1")
        answer.status, answer.headers, answer.json()

Standard library only. The process is started with the shipped configuration and --set overrides; `kill()`
is kill -9, `stop()` is a drain, `start()` starts again on the same data. get(), post() and put() keep one
connection per thread.
"""
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
BASE = "/fhir/R4"
JSON = "application/fhir+json"
XML = "application/fhir+xml"


def find_binary():
    """The binary under test: $GATEHOUSE_BINARY, else the newest of the built presets."""
    named = os.environ.get("GATEHOUSE_BINARY")
    if named:
        return named
    built = [os.path.join(ROOT, "build", preset, "gatehouse") for preset in ("release", "debug", "bench", "asan")]
    built = [path for path in built if os.path.exists(path)]
    return max(built, key=os.path.getmtime) if built else None


def shared():
    """The optional material (UK Core's package, HL7's examples), or None."""
    given = os.environ.get("GATEHOUSE_SHARED")
    for folder in [given] if given else [os.path.join(ROOT, up, "shared") for up in ("..", "../..")]:
        if folder and os.path.isdir(folder):
            return folder
    return None


def free_ports(count):
    """Ports that were free a moment ago; held together, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def issues(self):
        return self.json().get("issue", [])

    def __repr__(self):
        return f"{self.status} {self.text[:400]}"


class Gateway:
    def __init__(self, binary=None, data=None, settings=None, config=None, log=None, preexec=None):
        self.binary = binary or find_binary()
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="gatehouse-test-")
        self.port, self.admin_port = free_ports(2)
        self.settings = dict(settings or {})
        self.config = config or os.path.join(ROOT, "config", "gatehouse.yaml")
        self.log_path = log or os.path.join(tempfile.gettempdir(), f"gatehouse-{uuid.uuid4().hex}.log")
        self.own_log = log is None
        self.preexec = preexec
        self.process = None
        self.base_path = BASE
        self.tls = None  # an ssl.SSLContext when the listener speaks TLS
        self.ready_seconds = None
        self.local = threading.local()

    @property
    def base(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{self.base_path}"

    def start(self, timeout=60, wait=True):
        command = [self.binary, "serve", "--config", self.config]
        settings = {"http.port": self.port, "admin.port": self.admin_port, "data.dir": self.data}
        settings.update(self.settings)
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=self.preexec)
        if not wait:
            return self
        while time.monotonic() - began < timeout:
            if self.process.poll() is not None:
                raise RuntimeError(f"gateway ended with {self.process.returncode}: {self.log_tail()}")
            try:
                if self.admin("/readyz").status == 200:
                    self.ready_seconds = time.monotonic() - began
                    return self
            except OSError:
                pass
            time.sleep(0.005)
        self.kill()
        raise RuntimeError("gateway not ready in time: " + self.log_tail())

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def log_tail(self, size=2000):
        return self.log()[-size:]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.local = threading.local()

    def stop(self, timeout=30):
        """Drains; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("gateway did not drain in time: " + self.log_tail()) from None
        self.local = threading.local()
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.stop()
        finally:
            if self.own_data:
                shutil.rmtree(self.data, ignore_errors=True)
            if self.own_log and os.path.exists(self.log_path):
                os.unlink(self.log_path)

    def token(self, partner="aa-development"):
        tokens = self.local.__dict__.setdefault("tokens", {})
        if partner not in tokens:
            with open(os.path.join(self.data, "tokens", partner), encoding="ascii") as file:
                tokens[partner] = file.read().strip()
        return tokens[partner]

    def metric(self, name, **labels):
        """Sum of the samples of a metric that carry these labels; None if there is none."""
        total, seen = 0.0, False
        for line in self.admin("/metrics").text.splitlines():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total, seen = total + float(value), True
        return total if seen else None

    def connection(self, timeout=30):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def admin(self, path, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def request(self, method, path, body=None, headers=None, partner="aa-development", connection=None):
        """`path` below the FHIR base ("/Patient", "Patient", ""), or absolute when it starts with the base
        path. A dict body is sent as FHIR JSON; headers given win, a None value leaves a default header out."""
        sent = {"Authorization": f"Bearer {self.token(partner)}"} if partner else {}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/fhir+json"
        elif isinstance(body, str):
            body = body.encode()
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        target = path
        if not path.startswith(self.base_path):
            target = self.base_path + ("/" + path.lstrip("/") if path else "")
        own = connection is None
        connection = connection or self.connection()
        try:
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if own:
                connection.close()

    def kept(self, method, path, body=None, headers=None, partner="aa-development", type=JSON, accept=JSON):
        """request() over the one connection that this thread keeps."""
        sent = {"Accept": accept}
        if body is not None:
            sent["Content-Type"] = type
        sent.update(headers or {})
        for attempt in (1, 2):
            old = getattr(self.local, "connection", None)
            connection = old or self.connection()
            self.local.connection = connection
            try:
                answer = self.request(method, path, body, sent, partner, connection)
                if answer.headers.get("Connection", "").lower() == "close":
                    connection.close()
                    self.local.connection = None
                return answer
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                # Only a connection that the server had closed in the meantime is worth another try.
                if old is None or attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def get(self, path, **options):
        return self.kept("GET", path, **options)

    def post(self, path, body, **options):
        return self.kept("POST", path, body, **options)

    def put(self, path, body, **options):
        return self.kept("PUT", path, body, **options)


def command(*arguments, input=None, timeout=120, env=None):
    """One run of the command line: (exit status, stdout, stderr)."""
    done = subprocess.run([find_binary(), *arguments], input=input, capture_output=True, text=True,
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
