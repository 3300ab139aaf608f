# SPDX-License-Identifier: Apache-2.0
"""The parts of tests/run: builds what each needs, runs it, counts cases.

Every part prints its own output; here only counts are kept. A part that cannot start counts as one
failure, never as nothing.
"""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, check=False, **options).returncode


def build(preset, *targets):
    environment = dict(os.environ, GATEHOUSE_SKIP_DEPS="1")
    return run("deploy/build", "--preset", preset, *targets, env=environment) == 0


def google_test_cases(folder):
    """Cases of every GoogleTest binary that wrote a report, by binary name."""
    found = {}
    for path in glob.glob(os.path.join(folder, "*.xml")):
        try:
            top = xml.parse(path).getroot()
        except xml.ParseError:
            continue  # it died while writing: ctest's own report says so
        counts = Counts()
        for case in top.iter("testcase"):
            if case.get("status") == "notrun":
                continue
            if case.find("failure") is not None:
                counts.failed += 1
            elif case.get("result") == "skipped" or case.find("skipped") is not None:
                counts.skipped += 1
            else:
                counts.passed += 1
        found[os.path.splitext(os.path.basename(path))[0]] = counts
    return found


def ctest(preset, *selection):
    """Runs ctest; a GoogleTest binary counts its cases, any other entry counts one."""
    total = Counts()
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "ctest.xml")
        cases = os.path.join(folder, "cases")
        os.mkdir(cases)
        environment = dict(os.environ, GTEST_OUTPUT=f"xml:{cases}/", GTEST_BRIEF="1",
                           CTEST_OUTPUT_ON_FAILURE="1")
        run("ctest", "--test-dir", f"build/{preset}", "--output-junit", report,
            "-j", str(os.cpu_count() or 1), *selection, env=environment)
        if not os.path.exists(report):
            print("ctest wrote no report")
            return Counts(failed=1)
        by_binary = google_test_cases(cases)
        for entry in xml.parse(report).getroot().iter("testcase"):
            counts = by_binary.get(entry.get("name") + "_test")
            status = entry.get("status")
            if counts is not None:
                total += counts
                if status == "fail" and counts.failed == 0:
                    total.failed += 1  # every case passed, yet the process did not end well
            elif status == "run":
                total.passed += 1
            elif status == "fail":
                total.failed += 1
            else:
                total.skipped += 1
    return total


def captured(*command):
    """Output lines of a program of ours, printed as they come; what is tested is the release binary."""
    environment = dict(os.environ)
    environment.setdefault("GATEHOUSE_BINARY", os.path.join(ROOT, "build/release/gatehouse"))
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    for line in process.stdout:
        if not line.startswith("{"):
            print(line, end="", flush=True)
        yield line
    process.wait()


def counted(*command):
    """A program of ours whose last line of output is {"passed": n, "failed": n, "skipped": n}."""
    last = ""
    for line in captured(*command):
        last = line
    try:
        result = json.loads(last)
    except ValueError:
        print(f"{' '.join(command)} ended without counts")
        return Counts(failed=1)
    return Counts(result["passed"], result["failed"], result.get("skipped", 0))


def plain(*command):
    return Counts(passed=1) if run(*command) == 0 else Counts(failed=1)


def style(_):
    total = plain("python3", "tests/style/self_test.py")
    total += counted("python3", "tests/style/check.py")
    return total


def packages(_):
    return plain("tests/packages/compare-uk-core", "--quiet")


def unit(_):
    if not build("debug"):
        return Counts(failed=1)
    return ctest("debug", "-LE", "conformance")


def conformance(_):
    return ctest("debug", "-L", "conformance") if build("debug") else Counts(failed=1)


def release_binary():
    path = os.path.join(ROOT, "build/release/gatehouse")
    return build("release") and os.path.exists(path)


def e2e(options):
    if not release_binary():
        return Counts(failed=1)
    total = Counts()
    for line in captured("python3", "tests/end_to_end/rest_cases.py"):
        found = re.fullmatch(r"rest: (\d+) passed, (\d+) failed\n?", line)
        if found:
            total = Counts(int(found[1]), int(found[2]))
    if not total.passed and not total.failed:
        total.failed = 1
    total += counted("python3", "tests/end_to_end/run.py", *(["--full"] if options.full else []))
    return total


def clients(options):
    if not release_binary():
        return Counts(failed=1)
    return counted("python3", "tests/clients/run.py", *(["--full"] if options.full else []))


def sanitizer(preset):
    def part(_):
        return ctest(preset) if build(preset) else Counts(failed=1)
    return part


def fuzz(options):
    """Every target for a while, from its corpus; a finding is a failure."""
    if not build("fuzz"):
        return Counts(failed=1)
    total = Counts()
    for target in sorted(glob.glob(os.path.join(ROOT, "build/fuzz/**/fuzz_*"), recursive=True)):
        if not os.access(target, os.X_OK) or os.path.isdir(target):
            continue
        name = os.path.basename(target)[len("fuzz_"):]
        with tempfile.TemporaryDirectory() as grown:
            total += plain(target, f"-max_total_time={options.fuzz_seconds}", "-timeout=20",
                           "-rss_limit_mb=2048", "-print_final_stats=1", grown,
                           os.path.join("tests/corpus", name))
    return total


def bench(_):
    if not (build("release") and build("bench")):
        return Counts(failed=1)
    return plain("tests/bench/run")


PARTS = {
    "style": style, "packages": packages, "unit": unit, "conformance": conformance, "e2e": e2e,
    "clients": clients,
}
FULL = {
    "asan": sanitizer("asan"), "ubsan": sanitizer("ubsan"), "tsan": sanitizer("tsan"),
    "fuzz": fuzz, "bench": bench,
}


def main():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", action="append", metavar="PART")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--fuzz-seconds", type=int, default=600, help="per target")
    options = parser.parse_args()
    parts = dict(PARTS, **FULL) if options.full or options.only or options.list else PARTS
    if options.list:
        print("\n".join(parts))
        return 0
    if options.full:
        os.environ.setdefault("GATEHOUSE_SEARCH_QUERIES", "40000")  # of search_differential_test
    unknown = [name for name in options.only or [] if name not in parts]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are: {' '.join(parts)}")

    total = Counts()
    summary = []
    for name, part in parts.items():
        if options.only and name not in options.only:
            continue
        print(f"\n=== {name}", flush=True)
        start = time.monotonic()
        counts = part(options)
        total += counts
        line = f"{name:12} {counts.passed:6} passed {counts.failed:4} failed {counts.skipped:4} skipped"
        summary.append(f"{line} {time.monotonic() - start:8.0f} s")
        print(summary[-1], flush=True)
    print("\n=== summary\n" + "\n".join(summary))
    if total.skipped:
        print(f"{total.skipped} skipped: what they need is not here; each says what")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
