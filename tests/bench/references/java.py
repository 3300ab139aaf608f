#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""java.py ORACLE MESSAGES [RESOURCES]: seconds a resource that HL7's Java validator takes when warm.

ORACLE is called as `ORACLE OUT.ndjson PACKAGE[,PACKAGE]|- LIST PASSES` and judges every file of LIST so many
times. Counted is processor time, not wall time, so that a busy machine is not held against it: what ten
passes take more than four, when classes are loaded and most code is compiled. At most RESOURCES (60) of a
set are judged: it takes milliseconds for each.
"""
import json
import os
import resource
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
        spent = {}
        for passes in (4, 10):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([oracle, answers, package, listed, str(passes)], check=True, stdout=sys.stderr)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent[passes] = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        out[name] = {"resources": len(files), "seconds_per_resource": (spent[10] - spent[4]) / 6 / len(files)}
json.dump(out, sys.stdout, indent=2)
