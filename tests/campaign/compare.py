#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verdicts of ours beside a reference's on the cases of generate.py (README.md).

    compare.py judge   --gatehouse BINARY --package FILE... FOLDER   writes FOLDER/ours.ndjson
    compare.py classes FOLDER...                                     prints the classes of difference
    compare.py record  --out SAMPLE.ndjson --count N FOLDER...       keeps cases with the reference's verdict

The reference's rows are FOLDER/theirs.ndjson: {file, valid, issues: [{severity, expression, id, text}]}.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile


def rows(folder, name):
    """The values of a file, one after the other; the reference writes raw line breaks inside strings."""
    with open(os.path.join(folder, name), encoding="utf-8", errors="replace", newline="\n") as file:
        text = file.read()
    decoder, at, found = json.JSONDecoder(strict=False), 0, []
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        while text[at:at + 1] in ("\n", "\r", " "):
            at += 1
    return found


def is_text(data):
    try:
        data.decode("utf-8")
        return not data.startswith(b"\xef\xbb\xbf") and b"\0" not in data
    except UnicodeDecodeError:
        return False


def judge(binary, packages, folder):
    """Our verdict on every case: what is text goes as rows, what is not goes as files."""
    base = [binary, "validate", "--no-package", "--no-default-profiles"] + [part for package in packages for part in ("--package", package)]
    verdicts, odd = {}, collections.defaultdict(list)
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson", encoding="utf-8") as batch:
        for case in rows(folder, "cases.ndjson"):
            with open(case["file"], "rb") as file:
                data = file.read()
            if is_text(data):
                batch.write(json.dumps({"id": case["file"], "profile": case["profile"], "resource": data.decode("utf-8")}) + "\n")
            else:
                odd[case["profile"]].append(case["file"])
        batch.flush()
        read(base + ["--batch", batch.name], "id", verdicts)
    for profile, files in odd.items():
        for start in range(0, len(files), 200):
            read(base + (["--profile", profile] if profile else []) + ["--output", "ndjson"] + files[start:start + 200], "file", verdicts)
    with open(os.path.join(folder, "ours.ndjson"), "w", encoding="utf-8") as out:
        for case in rows(folder, "cases.ndjson"):
            found = verdicts.get(case["file"])
            if found is None:
                sys.exit(f"{case['file']}: no verdict")
            issues = [{"severity": issue["severity"], "expression": (issue.get("expression") or [""])[0], "rule": rule_of(issue), "text": issue.get("diagnostics", "")}
                      for issue in found["outcome"]["issue"] if issue["severity"] in ("fatal", "error")]
            out.write(json.dumps({"file": case["file"], "valid": found["valid"], "issues": issues}) + "\n")


def read(command, key, verdicts):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command[:12])}: status {done.returncode}: {done.stderr[-2000:]}")
    for line in filter(None, done.stdout.split("\n")):
        row = json.loads(line, strict=False)
        verdicts[row[key]] = row


def rule_of(issue):
    for coding in issue.get("details", {}).get("coding", []):
        if coding.get("system", "").endswith("/rule"):
            return coding["code"]
    return ""


def plain(text):
    """A message without what differs from case to case."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|http\S+|\b[A-Z]\w+(\.\w+)+|\d+", "_", text)
    return text[:70]


def class_of(ours, theirs):
    """The kind of difference: the first error of the side that refuses."""
    side = theirs if ours["valid"] else ours
    first = next((issue for issue in side["issues"] if issue["severity"] in ("fatal", "error")), {})
    name = first.get("rule") or first.get("id") or ""
    return ("accepted here: " if ours["valid"] else "refused here: ") + name + " | " + plain(first.get("text", side.get("crash", "")))


def pairs(folders):
    for folder in folders:
        ours, theirs = {row["file"]: row for row in rows(folder, "ours.ndjson")}, {row["file"]: row for row in rows(folder, "theirs.ndjson")}
        for case in rows(folder, "cases.ndjson"):
            if case["file"] in ours and case["file"] in theirs:
                yield case, ours[case["file"]], theirs[case["file"]]


def classes(folders, examples):
    found, total, invalid = collections.defaultdict(list), 0, 0
    for case, ours, theirs in pairs(folders):
        total += 1
        invalid += not theirs["valid"]
        if ours["valid"] != theirs["valid"]:
            found[class_of(ours, theirs)].append((case, ours, theirs))
    different = sum(len(cases) for cases in found.values())
    print(f"{total} cases, {invalid} refused by the reference, {different} verdicts differ, {100 * (1 - different / max(1, total)):.2f} % agree")
    for name, cases in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"{len(cases):5}  {name}")
        for case, ours, theirs in cases[:examples]:
            side = theirs if ours["valid"] else ours
            first = next((issue for issue in side["issues"] if issue["severity"] in ("fatal", "error")), {})
            print(f"         {case['file']} {case['faults']}: {first.get('expression', '')}: {first.get('text', '')[:160]}")


def record(folders, out, count):
    """Every n-th case, with the reference's verdict and the elements it names; ours where it is another."""
    every = list(pairs(folders))
    step = max(1, len(every) // count)
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        for case, ours, theirs in every[::step][:count]:
            with open(case["file"], "rb") as source:
                data = source.read()
            row = {"id": case["id"], "faults": case["faults"], "xml": case["file"].endswith(".xml"), "valid": theirs["valid"],
                   "expressions": sorted({issue.get("expression", "") for issue in theirs["issues"] if issue["severity"] in ("fatal", "error")})[:5]}
            if ours["valid"] != theirs["valid"]:
                row["ours"] = ours["valid"]
                row["argued"] = class_of(ours, theirs)
            text = is_text(data) and not re.search("[\x7f-\x9f\u2028\u2029]", data.decode("utf-8"))
            row["text" if text else "hex"] = data.decode("utf-8") if text else data.hex()
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=["judge", "classes", "record"])
    arguments.add_argument("--gatehouse", default="build/release/gatehouse")
    arguments.add_argument("--package", action="append", default=[])
    arguments.add_argument("--examples", type=int, default=2)
    arguments.add_argument("--out")
    arguments.add_argument("--count", type=int, default=300)
    arguments.add_argument("folders", nargs="+")
    given = arguments.parse_args()
    if given.what == "judge":
        for folder in given.folders:
            judge(given.gatehouse, given.package, folder)
    elif given.what == "classes":
        classes(given.folders, given.examples)
    else:
        record(given.folders, given.out, given.count)


if __name__ == "__main__":
    main()
