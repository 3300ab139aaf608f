# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests against the real binary (the newest build, or GATEHOUSE_BINARY).

    python3 tests/end_to_end/run.py [--full] [PATTERN...]

--full: 200 kills instead of 15. A PATTERN selects tests whose name contains it.
The last line of output is the count for tests/run.
"""
import argparse
import json
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))


class Result(unittest.TestResult):
    """One line a test; the reason of a failure below it."""

    passed = 0
    began = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def line(self, word, test, words=""):
        name = ".".join(test.id().split(".")[-2:])
        print(f"{word:5} {name} ({time.monotonic() - self.began:.1f} s){words}", flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("FAIL", test, "\n" + self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line("FAIL", test, "\n" + self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("skip", test, ": " + reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print(f"FAIL  {subtest}: {err[1]}", flush=True)


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("pattern", nargs="*")
    options = parser.parse_args()
    if options.full:
        os.environ["GATEHOUSE_FULL"] = "1"
    import gateway
    if gateway.find_binary() is None:
        print("no gateway binary is built; run deploy/build")
        print(json.dumps({"passed": 0, "failed": 1, "skipped": 0}))
        return 1
    suite = unittest.TestSuite()
    for test in flatten(unittest.defaultTestLoader.discover(HERE, "test_*.py")):
        if not options.pattern or any(word in test.id() for word in options.pattern):
            suite.addTest(test)
    result = Result()
    suite.run(result)
    failed = len(result.failures) + len(result.errors)
    print(json.dumps({"passed": result.passed, "failed": failed, "skipped": len(result.skipped)}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
