#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""java.py ORACLE MESSAGES [RESOURCES]: seconds a resource that HL7's Java validator takes when warm.

ORACLE is called as `ORACLE OUT.ndjson PACKAGE[,PACKAGE]|- LIST PASSES` and writes one line a file and
pass with its time in microseconds (`us`). The last of three passes counts. At most RESOURCES (60) of a
set are judged: it takes milliseconds for each.
"""
import json
import os
import subprocess
import sys
import tempfile


def messages(name):
    data = open(name, "rb").read()
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        size = int(data[at:end])
        yield data[end + 1:end + 1 + size]
        at = end + 1 + size


oracle, folder = sys.argv[1:3]
most = int(sys.argv[3]) if len(sys.argv) > 3 else 60
shared = os.environ.get("GATEHOUSE_SHARED", "../shared")
out = {}
with tempfile.TemporaryDirectory() as work:
    for name in ("hl7", "ukcore"):
        texts = list(messages(os.path.join(folder, name + ".messages")))
        step = max(1, len(texts) // most)
        files = []
        for index, text in enumerate(texts[::step]):
            files.append(os.path.join(work, f"{name}-{index}.json"))
            with open(files[-1], "wb") as file:
                file.write(text)
        listed = os.path.join(work, name + ".tsv")
        with open(listed, "w") as file:
            file.write("\n".join(files) + "\n")
        answers = os.path.join(work, name + ".ndjson")
        package = os.path.abspath(os.path.join(shared, "packages/fhir.r4.ukcore-2.0.0.tgz")) if name == "ukcore" else "-"
        subprocess.run([oracle, answers, package, listed, "3"], check=True, stdout=sys.stderr)
        rows = [json.loads(line) for line in open(answers)]
        last = {row["file"]: row["us"] for row in rows}
        out[name] = {"resources": len(last), "seconds_per_resource": sum(last.values()) / len(last) / 1e6}
json.dump(out, sys.stdout, indent=2)
