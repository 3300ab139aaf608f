# SPDX-License-Identifier: Apache-2.0
"""Real clients against the real binary over TLS, with a certificate authority made for this run.

    python3 tests/clients/run.py [--full] [node|python|java|contract...]

Installs what the lock files name (npm ci; pip with hashes; Maven, whose jars are compared with jars.sha256) when
it is not there, all at once. `contract` drives the OpenAPI document with schemathesis: a part of its
operations, and with --full all of them. The last line of output is the count for tests/run.
"""
import concurrent.futures
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(ROOT, ".cache", "clients")
PYTHON = os.path.join(CACHE, "python", "bin", "python")
JARS = os.path.join(CACHE, "java")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
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


class NotInstalled(Exception):
    pass


def run(what, *command, **options):
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise NotInstalled(f"{what} did not work: {done.stdout[-1500:]}")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def is_current(stamp, *locks):
    """Whether `stamp` was written for these lock files; written() says that it now is."""
    try:
        with open(stamp, encoding="ascii") as file:
            return file.read() == "".join(map(digest, locks))
    except FileNotFoundError:
        return False


def written(stamp, *locks):
    with open(stamp, "w", encoding="ascii") as file:
        file.write("".join(map(digest, locks)))


def install_node():
    lock, stamp = os.path.join(HERE, "package-lock.json"), os.path.join(HERE, "node_modules", ".installed")
    if not is_current(stamp, lock):
        run("npm ci", "npm", "ci", "--no-audit", "--no-fund", cwd=HERE)
        written(stamp, lock)


def install_python():
    lock, folder = os.path.join(HERE, "requirements.txt"), os.path.join(CACHE, "python")
    stamp = os.path.join(folder, ".installed")
    if not is_current(stamp, lock):
        shutil.rmtree(folder, ignore_errors=True)
        # Debian's interpreter: the lock names wheels for it.
        run("venv", "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable, "-m", "venv", folder)
        run("pip install", PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps",
            "--only-binary=:all:", "--require-hashes", "-r", lock)
        written(stamp, lock)


def install_java():
    pom, lock, stamp = (os.path.join(HERE, "pom.xml"), os.path.join(HERE, "jars.sha256"),
                        os.path.join(JARS, ".installed"))
    if is_current(stamp, pom, lock):
        return
    shutil.rmtree(JARS, ignore_errors=True)
    run("Maven", "mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={JARS}",
        "-DincludeScope=runtime")
    with open(lock, encoding="ascii") as file:
        wanted = {name: value for value, name in (line.split() for line in file)}
    found = {name: digest(os.path.join(JARS, name)) for name in os.listdir(JARS)}
    if found != wanted:
        differ = sorted(name for name in set(found) | set(wanted) if found.get(name) != wanted.get(name))
        raise NotInstalled(f"jars differ from jars.sha256: {' '.join(differ)}")
    written(stamp, pom, lock)


def node_command(environment, authority, _folder, _full):
    return ["node", "client.mjs"], dict(environment, NODE_EXTRA_CA_CERTS=authority)


def python_command(environment, _authority, _folder, _full):
    return [PYTHON, "client.py"], environment


def java_command(environment, authority, folder, _full):
    store = os.path.join(folder, "trust.p12")
    subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "authority", "-file", authority, "-keystore", store,
                    "-storetype", "PKCS12", "-storepass", "changeit"], check=True, capture_output=True)
    return ["java", "-XX:TieredStopAtLevel=1", f"-Djavax.net.ssl.trustStore={store}",
            "-Djavax.net.ssl.trustStorePassword=changeit", "-cp", os.path.join(JARS, "*"), "Client.java"], environment


def contract_command(environment, _authority, folder, full):
    return [PYTHON, "contract.py", folder, *(["--full"] if full else [])], environment


# Name: programs that must be here, installer, command.
CLIENTS = {
    "node": (("node", "npm"), install_node, node_command),
    "python": (("python3",), install_python, python_command),
    "java": (("java", "javac", "mvn"), install_java, java_command),
    "contract": (("python3",), install_python, contract_command),
}


def install(names):
    """Installs side by side; name -> why it cannot run, or None."""
    problems = {}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = {}
        for name in names:
            missing = [program for program in CLIENTS[name][0] if not shutil.which(program)]
            if missing:
                problems[name] = f"{' and '.join(missing)} not here (deploy/install-deps --tests)"
            elif CLIENTS[name][1] not in jobs:
                jobs[CLIENTS[name][1]] = pool.submit(CLIENTS[name][1])
        for name in names:
            if name not in problems:
                try:
                    problems[name] = jobs[CLIENTS[name][1]].result()
                except NotInstalled as reason:
                    problems[name] = str(reason)
    return problems


def drive(name, environment, authority, folder, full):
    """One client's (passed, failed)."""
    command, environment = CLIENTS[name][2](environment, authority, folder, full)
    process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=subprocess.PIPE, text=True)
    last = ""
    for line in process.stdout:
        last = line
        if not line.startswith("{"):
            print(line, end="", flush=True)
    process.wait()
    try:
        counts = json.loads(last)
        return counts["passed"], counts["failed"]
    except (ValueError, KeyError):
        print(f"FAIL  {name} ended without counts")
        return 0, 1


def main():
    full = "--full" in sys.argv
    names = [name for name in CLIENTS if name in sys.argv[1:]] or list(CLIENTS)
    passed = failed = 0
    problems = install(names)
    with tempfile.TemporaryDirectory() as folder:
        authority, certificate, key = certificates(folder)
        server = gateway.Gateway(settings={
            "http.tls.enabled": "true", "http.tls.certificate_file": certificate, "http.tls.key_file": key})
        server.tls = ssl.create_default_context(cafile=authority)
        try:
            server.start()
            environment = dict(
                os.environ, GATEHOUSE_BASE=f"https://127.0.0.1:{server.port}{gateway.BASE}",
                GATEHOUSE_TOKEN=server.token(), GATEHOUSE_AUTHORITY=authority)
            for name in names:
                print(f"--- {name}", flush=True)
                if problems[name]:
                    print(f"FAIL  {name}: {problems[name]}")
                    failed += 1
                    continue
                counts = drive(name, environment, authority, folder, full)
                passed, failed = passed + counts[0], failed + counts[1]
        except RuntimeError as reason:
            print(f"FAIL  {reason}")
            failed += 1
        finally:
            server.close()
    print(json.dumps({"passed": passed, "failed": failed, "skipped": 0}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
