# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document of a running gateway, driven by schemathesis: whatever is sent, no answer is a fault of
the server's, and each has a status, media type, headers and shape that the document states.

    contract.py FOLDER [--full]

Without --full a few types stand for all of them: what is alike for every type comes from one table. Runs
are the same each time. The last line of output is the count for tests/run: one per operation of the document.
"""
import json
import os
import subprocess
import sys

import requests

BASE = os.environ["GATEHOUSE_BASE"]
AUTHORITY = os.environ["GATEHOUSE_AUTHORITY"]
CREDENTIAL = f"Bearer {os.environ['GATEHOUSE_TOKEN']}"
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,ignored_auth,allow_header_conformance")
HELD = {
    "Patient": {"gender": "female"},
    "Composition": {"status": "final", "type": {"text": "sample"}, "date": "2026-01-01", "title": "Sample",
                    "author": [{"display": "Sample"}]},
    "ValueSet": {"status": "draft", "compose": {"include": [{"system": "http://hl7.org/fhir/administrative-gender"}]}},
    "Binary": {"contentType": "text/plain", "data": "c2FtcGxl"},
}
SOME = rf"^/({'|'.join(HELD)}|[^/A-Z][^/]*|)(/.*)?$"


def main():
    folder, full = sys.argv[1], "--full" in sys.argv
    for kind, members in HELD.items():  # so that {id} names something, now and then
        answer = requests.put(f"{BASE}/{kind}/held", json={"resourceType": kind, "id": "held", **members}, timeout=30,
                              headers={"Authorization": CREDENTIAL, "Content-Type": "application/fhir+json"},
                              verify=AUTHORITY)
        assert answer.status_code in (200, 201), answer.text
    settings, report = os.path.join(folder, "schemathesis.toml"), os.path.join(folder, "contract.json")
    with open(settings, "w", encoding="ascii") as file:
        file.write('[parameters]\n"path.id" = "held"\n"path.vid" = "1"\n"path.type" = "Observation"\n')
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", settings, "run", f"{BASE}/openapi.json",
               "--no-color", "--tls-verify", AUTHORITY, "--header", f"Authorization: {CREDENTIAL}",
               "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "40" if full else "8",
               "--max-time", "5400" if full else "75", "--workers", "2", "--generation-deterministic",
               "--no-shrink", "--request-timeout", "20", "--warnings", "off",
               "--report", "json", "--report-json-path", report]
    if not full:
        command += ["--include-path-regex", SOME]
    done = subprocess.run(command, check=False, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with open(report, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        found = {"operations": {"tested": 0}, "failures": [], "test_cases": {"generated": 0}}
    broken = {operation for failure in found["failures"] for operation in failure["operations"]}
    passed = max(0, found["operations"]["tested"] - len(broken))
    if done.returncode or broken:
        print(done.stdout[-12000:])
    for failure in found["failures"]:
        print(f"FAIL  {failure['title']}: {', '.join(failure['operations'])}")
    print(f"{'ok    ' if not done.returncode else 'FAIL  '}{found['operations']['tested']} operations of the document, "
          f"{found['test_cases']['generated']} requests")
    print(json.dumps({"passed": passed, "failed": max(len(broken), int(done.returncode != 0)), "skipped": 0}))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
