# SPDX-License-Identifier: Apache-2.0
"""Starts the real gateway for a test: free loopback ports, a data folder of its own, tokens read back.

    with Gateway(binary) as gateway:
        answer = gateway.request("GET", "/Patient/1")
        answer.status, answer.headers, answer.json()

Standard library only. The process is started with the shipped configuration and --set overrides; `kill()`
is kill -9, `stop()` is a drain, `start()` starts again on the same data.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find_binary():
    """The binary under test: $GATEHOUSE_BINARY, else the newest of the built presets."""
    named = os.environ.get("GATEHOUSE_BINARY")
    if named:
        return named
    built = [os.path.join(ROOT, "build", preset, "gatehouse") for preset in ("release", "debug", "bench", "asan")]
    built = [path for path in built if os.path.exists(path)]
    return max(built, key=os.path.getmtime) if built else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


class Gateway:
    def __init__(self, binary=None, data=None, settings=None, config=None, log=None, preexec=None):
        self.binary = binary or find_binary()
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="gatehouse-test-")
        self.port, self.admin_port = free_port(), free_port()
        self.settings = dict(settings or {})
        self.config = config or os.path.join(ROOT, "config", "gatehouse.yaml")
        self.log_path = log or os.path.join(self.data, "test-gateway.log")
        self.preexec = preexec
        self.process = None
        self.base_path = "/fhir/R4"
        self.tls = None  # an ssl.SSLContext when the listener speaks TLS
        self.ready_seconds = None

    @property
    def base(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{self.base_path}"

    def start(self, timeout=60):
        command = [self.binary, "serve", "--config", self.config]
        settings = {"http.port": self.port, "admin.port": self.admin_port, "data.dir": self.data}
        settings.update(self.settings)
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=self.preexec)
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
        raise RuntimeError("gateway not ready in time: " + self.log_tail())

    def log_tail(self, size=2000):
        with open(self.log_path, "rb") as log:
            return log.read()[-size:].decode("utf-8", "replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=30):
        """Drains; returns the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("gateway did not drain in time: " + self.log_tail())
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            if self.own_data:
                shutil.rmtree(self.data, ignore_errors=True)

    def token(self, partner="aa-development"):
        with open(os.path.join(self.data, "tokens", partner), encoding="ascii") as file:
            return file.read().strip()

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
        """`path` below the FHIR base ("/Patient"), or absolute when it starts with the base path. A dict body
        is sent as FHIR JSON; headers given win, a None value leaves a default header out."""
        sent = {"Authorization": f"Bearer {self.token(partner)}"} if partner else {}
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/fhir+json"
        elif isinstance(body, str):
            body = body.encode()
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        target = path if path.startswith(self.base_path) else self.base_path + path
        own = connection is None
        connection = connection or self.connection()
        try:
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if own:
                connection.close()
