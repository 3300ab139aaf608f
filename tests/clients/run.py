# SPDX-License-Identifier: Apache-2.0
"""Real clients against the real binary over TLS, with a certificate authority made for this run.

Installs the locked npm packages (npm ci) when they are not there. The last line of output is the count
for tests/run.
"""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
import gateway  # noqa: E402


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificates(folder):
    """An authority, and a server certificate for 127.0.0.1 and localhost: (authority, certificate, key)."""
    path = {name: os.path.join(folder, name) for name in
            ("ca.key", "ca.pem", "server.key", "server.csr", "server.pem", "server.ext")}
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=Test authority", "-keyout", path["ca.key"], "-out", path["ca.pem"])
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=localhost", "-keyout", path["server.key"], "-out", path["server.csr"])
    with open(path["server.ext"], "w", encoding="ascii") as file:
        file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", path["server.csr"], "-CA", path["ca.pem"], "-CAkey", path["ca.key"],
            "-CAcreateserial", "-days", "2", "-extfile", path["server.ext"], "-out", path["server.pem"])
    os.chmod(path["server.key"], 0o600)
    return path["ca.pem"], path["server.pem"], path["server.key"]


def install():
    """npm ci by the lock file; true if the packages are there."""
    stamp = os.path.join(HERE, "node_modules", ".package-lock.json")
    lock = os.path.join(HERE, "package-lock.json")
    if os.path.exists(stamp) and os.path.getmtime(stamp) >= os.path.getmtime(lock):
        return True
    return subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=False).returncode == 0


def finish(passed, failed, skipped):
    print(json.dumps({"passed": passed, "failed": failed, "skipped": skipped}))
    return 1 if failed else 0


def main():
    if not shutil.which("node") or not shutil.which("npm"):
        print("skip: node and npm are not here (deploy/install-deps --tests)")
        return finish(0, 0, 1)
    if not install():
        print("FAIL  npm ci did not work")
        return finish(0, 1, 0)
    with tempfile.TemporaryDirectory() as folder:
        authority, certificate, key = certificates(folder)
        server = gateway.Gateway(settings={
            "http.tls.enabled": "true", "http.tls.certificate_file": certificate, "http.tls.key_file": key})
        server.tls = ssl.create_default_context(cafile=authority)
        try:
            server.start()
            environment = dict(
                os.environ, GATEHOUSE_BASE=f"https://127.0.0.1:{server.port}{gateway.BASE}",
                GATEHOUSE_TOKEN=server.token(), NODE_EXTRA_CA_CERTS=authority)
            return subprocess.run(["node", "client.mjs"], cwd=HERE, env=environment, check=False).returncode
        except RuntimeError as reason:
            print(f"FAIL  {reason}")
            return finish(0, 1, 0)
        finally:
            server.close()


if __name__ == "__main__":
    sys.exit(main())
