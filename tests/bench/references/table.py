#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""table.py OURS THEIRS JAVA: the ratio table of tests/bench/engine against its targets."""
import json
import sys

ours, theirs, java = (json.load(open(name)) for name in sys.argv[1:4])
sets = [name for name in ours if name not in ("paths", "all")]
missed = 0


def row(what, ratio, target, at_most=False):
    global missed
    if ratio is None:
        print(f"{what:<58} {'not at hand':>12} {target:>10}")
        return
    good = ratio <= target if at_most else ratio >= target
    missed += not good
    sign = "<=" if at_most else ">="
    print(f"{what:<58} {ratio:>11.2f}x {sign}{target:>7g}x  {'met' if good else 'MISSED'}")


def theirs_of(library, names):
    known = theirs.get("sets", {})
    return sum(known[name][library] for name in names) if all(n in known for n in names) else None


def ratio(a, b):
    return None if a is None or not b else a / b


print(f"\n{'what':<58} {'measured':>12} {'target':>10}")
row("verdict / RapidJSON safe SAX, all sets", ours["all"]["verdict_seconds"] / ours["all"]["rapidjson_seconds"], 3, True)
for name in sets:
    row(f"  {name}", ours[name]["verdict_seconds"] / ours[name]["rapidjson_seconds"], 3, True)
for library, label, target in (("medplum", "@medplum/core 4.5.2", 10), ("fhir", "npm fhir 4.12.0", 6)):
    row(f"{label} / ours, all sets", ratio(theirs_of(library, sets), ours["all"]["verdict_seconds"]), target)
    for name in sets:
        row(f"  {name}", ratio(theirs_of(library, [name]), ours[name]["verdict_seconds"]), target)
paths = theirs.get("paths")
row(
    "fhirpath.js / ours, R4 search parameters over the examples",
    None if paths is None else (paths["seconds"] / paths["evaluations"]) / (ours["paths"]["seconds"] / ours["paths"]["evaluations"]),
    30,
)
for name, target in (("hl7", 250), ("ukcore", 1000)):
    per = java.get(name, {}).get("seconds_per_resource")
    mine = ours[name]["verdict_seconds"] / ours[name]["resources"] if name in ours else None
    row(f"HL7's Java validator, warm / ours, {name}", ratio(per, mine), target)
if paths is not None:
    print(f"evaluations: ours {ours['paths']['evaluations']}, fhirpath.js {paths['evaluations']} ({paths['failed']} failed)")
print(f"{missed} of the targets missed" if missed else "every target that was measured is met")
