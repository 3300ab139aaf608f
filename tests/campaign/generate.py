#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cases for the differential campaign (README.md): resources with faults, the same for the same seed.

    generate.py --seed 1 --count 2000 --out FOLDER [--profiles PREFIX] SOURCE...

SOURCE is a folder of JSON resources, or an .ndjson file of rows {id, profile, valid, resource} whose
valid, unchanged rows are taken. FOLDER gets one file a case and list.tsv (file, profile), cases.ndjson
({id, file, profile, faults, from}).
"""
import argparse
import copy
import json
import os
import random as randoms

import faults
import text_faults
import wrap
from tree import Number, dump, nodes, parse, to_xml

BYTES_MAX = 16000  # larger examples cost the reference more than they teach


def read_sources(sources):
    """[(id, profile, resource)], in a fixed order."""
    found = []
    for source in sources:
        if source.endswith(".ndjson") or source.endswith(".jsonl"):
            for line in open(source, encoding="utf-8"):
                row = json.loads(line)
                if row.get("op") == "none" and row.get("valid"):
                    found.append((row["id"], row.get("profile"), row["resource"]))
        else:
            for name in sorted(os.listdir(source)):
                if name.endswith(".json"):
                    with open(os.path.join(source, name), encoding="utf-8") as file:
                        found.append((name[:-5], None, file.read()))
    return [(name, profile, parse(text)) for name, profile, text in found if len(text) <= BYTES_MAX]


def read_pool(resources):
    """What the resources say, by kind: material for plausible faults."""
    pool = {"code": set(), "system": set(), "coding": {}, "extension": set(), "profile": set()}
    for _, _, resource in resources:
        for path, _, key, value in nodes(resource):
            if key in ("code", "system") and isinstance(value, str) and not isinstance(value, Number):
                pool[key].add(value)
            if key == "url" and isinstance(value, str) and len(path) > 2 and path[-3] == "extension":
                pool["extension"].add(value)
            if key == "profile" and isinstance(value, list):
                pool["profile"].update(item for item in value if isinstance(item, str))
            if isinstance(value, dict) and isinstance(value.get("code"), str) and isinstance(value.get("system"), str):
                pool["coding"][dump(value)] = value
    pool["coding"] = [pool["coding"][key] for key in sorted(pool["coding"])]
    return {key: sorted(value) if isinstance(value, set) else value for key, value in pool.items()}


def make_case(seed, resources, pool):
    """(name of the base, profile, fault names, is XML, bytes): one case, from its seed alone."""
    random = randoms.Random(seed)
    name, profile, resource = random.choice(resources)
    resource = copy.deepcopy(resource)
    done = []
    shape = random.random()
    if shape < 0.12:
        others = [random.choice(resources)[2] for _ in range(random.randint(0, 2))]
        resource, profile = wrap.in_bundle(random, [resource] + others), None
        done.append("in Bundle")
    elif shape < 0.20:
        held = wrap.in_contained(random, resource, random.choice(resources)[2])
        if held is not None:
            resource = held
            done.append("contained")
    kind = random.random()
    if kind >= 0.03:
        count = 0 if kind < 0.10 else 1 if kind < 0.75 else random.randint(2, 5)
        done += faults.apply(random, resource, pool, count)
    xml_text = to_xml(resource) if random.random() < 0.30 else None
    text = xml_text if xml_text is not None else dump(resource, indent=random.choice([1, 2, 2]))
    data = text.encode("utf-8", "surrogatepass")
    if 0.03 <= kind < 0.10 or random.random() < (0.25 if xml_text is not None else 0.08):
        fault, data = text_faults.apply(random, text, xml_text is not None)
        done.append(fault)
    return name, profile, done, xml_text is not None, data


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", default="1")
    arguments.add_argument("--count", type=int, default=1000)
    arguments.add_argument("--out", required=True)
    arguments.add_argument("sources", nargs="+")
    given = arguments.parse_args()
    resources = read_sources(given.sources)
    pool = read_pool(resources)
    os.makedirs(given.out, exist_ok=True)
    folder = os.path.abspath(given.out)
    with open(os.path.join(folder, "list.tsv"), "w") as rows, open(os.path.join(folder, "cases.ndjson"), "w") as cases:
        for index in range(given.count):
            seed = f"{given.seed}/{index}"
            name, profile, done, xml, data = make_case(seed, resources, pool)
            file = os.path.join(folder, f"{index:05d}.{'xml' if xml else 'json'}")
            with open(file, "wb") as out:
                out.write(data)
            rows.write(file + ("\t" + profile if profile else "") + "\n")
            cases.write(json.dumps({"id": seed, "file": file, "profile": profile, "faults": done, "from": name}) + "\n")


if __name__ == "__main__":
    main()
