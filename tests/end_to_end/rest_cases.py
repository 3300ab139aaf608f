#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Data-first cases of the record API against the real gateway: tests/cases/rest/*.json.

A case: {name, source, steps: [{request, expect, save}]}, where
  request  {method, target, headers, body (object), text (string), partner (null: no token)}
  expect   {status, headers: {Name: regular expression or null (absent)},
            body: {path: value}, absent: [path], text: [regular expression], same_as: saved name}
  save     {name: path or "header:Name"}; later strings use it as {name}
A path is dotted with [index]: "entry[0].resource.id"; a value that starts with "~" is a regular
expression, {"count": n} counts an array. Every case starts with nothing of its own: ids are made unique
by {run}.
"""
import glob
import json
import os
import re
import sys
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from gateway import Gateway, find_binary  # noqa: E402


class Failed(Exception):
    pass


def lookup(value, path):
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[int(index)] if index else value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def fill(value, saved):
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda m: str(saved.get(m.group(1), m.group(0))), value)
    if isinstance(value, list):
        return [fill(item, saved) for item in value]
    if isinstance(value, dict):
        return {fill(key, saved): fill(item, saved) for key, item in value.items()}
    return value


def matches(wanted, found):
    if isinstance(wanted, dict) and set(wanted) == {"count"}:
        return isinstance(found, list) and len(found) == wanted["count"]
    if isinstance(wanted, str) and wanted.startswith("~"):
        return found is not None and re.search(wanted[1:], str(found)) is not None
    return wanted == found


def check(answer, expect, saved):
    if "status" in expect:
        wanted = expect["status"] if isinstance(expect["status"], list) else [expect["status"]]
        if answer.status not in wanted:
            raise Failed(f"status {answer.status}, expected {expect['status']}: {answer.text[:600]}")
    for name, wanted in expect.get("headers", {}).items():
        found = answer.headers.get(name)
        if wanted is None:
            if found is not None:
                raise Failed(f"header {name} is {found!r}, expected none")
        elif found is None or not re.search(wanted, found):
            raise Failed(f"header {name} is {found!r}, expected {wanted!r}")
    if expect.get("body") or expect.get("absent"):
        try:
            body = answer.json()
        except ValueError:
            raise Failed(f"the body is not JSON: {answer.text[:300]}") from None
        for path, wanted in expect.get("body", {}).items():
            found = lookup(body, path)
            if not matches(wanted, found):
                raise Failed(f"{path} is {found!r}, expected {wanted!r}: {answer.text[:600]}")
        for path in expect.get("absent", []):
            if lookup(body, path) is not None:
                raise Failed(f"{path} is {lookup(body, path)!r}, expected none")
    for wanted in expect.get("text", []):
        if not re.search(wanted, answer.text):
            raise Failed(f"the body does not match {wanted!r}: {answer.text[:600]}")
    if "same_as" in expect and answer.text != saved[expect["same_as"]]:
        raise Failed(f"the body differs from {expect['same_as']}: {answer.text[:300]}")


def run_case(gateway, case, number):
    saved = {"run": f"r{os.getpid()}n{number}", "base": gateway.base, "base_path": gateway.base_path}
    for position, step in enumerate(case["steps"]):
        request, expect = fill(step["request"], saved), fill(step.get("expect", {}), saved)
        body = request.get("body", request.get("text"))
        if request["target"].startswith(gateway.base):  # a link of an answer
            request["target"] = request["target"][len(gateway.base):]
        answer = gateway.request(request.get("method", "GET"), request["target"], body, request.get("headers"),
                                 request.get("partner", "aa-development"))
        try:
            check(answer, expect, saved)
        except Failed as failure:
            raise Failed(f"step {position} {request.get('method', 'GET')} {request['target']}: {failure}") from None
        for name, path in step.get("save", {}).items():
            if path == "body":
                saved[name] = answer.text
            elif path.startswith("header:"):
                saved[name] = answer.headers.get(path[7:])
            else:
                saved[name] = lookup(answer.json(), path)


def main():
    binary = find_binary()
    if binary is None:
        print("rest cases: no gateway binary is built; run deploy/build")
        return 1
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = number = 0
    with Gateway(binary) as gateway:
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "cases", "rest", "*.json"))):
            with open(path, encoding="utf-8") as file:
                cases = json.load(file)
            for case in cases:
                number += 1
                name = f"{os.path.basename(path)}: {case['name']}"
                if wanted not in name:
                    continue
                try:
                    run_case(gateway, case, number)
                    passed += 1
                except Failed as failure:
                    failed += 1
                    print(f"FAILED {name}\n  {failure}")
                except Exception:  # a dead gateway or a broken case: show where
                    failed += 1
                    print(f"FAILED {name}\n{traceback.format_exc()}")
                    if gateway.process.poll() is not None:
                        print(gateway.log_tail())
                        break
    print(f"rest: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
