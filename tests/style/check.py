# SPDX-License-Identifier: Apache-2.0
"""Rules that break programs when broken (taste is for reviewers).

Each check yields "file:line: what was found; what to do". The last line of output is the count for
tests/run. Run it alone: python3 tests/style/check.py
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CPP = (".cpp", ".hpp")
MODULES = ("fhir/", "gateway/", "adapters/")

# Third-party headers and the only folders (or files) that may include them.
FENCES = [
    (r"rapidjson/", ("fhir/json/",), "go through fhir/json"),
    (r"expat\.h", ("fhir/xml/",), "go through fhir/xml"),
    (r"yaml-cpp/", ("gateway/base/",), "go through gateway/base/yaml.hpp"),
    (r"boost/beast", ("gateway/http/",), "go through gateway/http"),
    (r"boost/asio/ssl", ("gateway/http/", "adapters/hl7v2/"), "go through gateway/http"),
    (r"sqlite3\.h", ("adapters/sqlite/",), "go through the store port"),
    (r"libpq-fe\.h", ("adapters/postgres/",), "go through the store port"),
    (r"spdlog/", ("gateway/base/",), "go through gateway/base/log.hpp"),
    (r"prometheus/", ("gateway/base/",), "go through gateway/base/metrics.hpp"),
    (r"CLI/", ("gateway/cli/", "gateway/app/"), "go through gateway/cli"),
    (r"boost/asio", ("gateway/", "adapters/", "tests/"), "fhir knows no Asio"),
]


def tracked():
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if listing.returncode == 0:
        return sorted(set(listing.stdout.split("\n")) - {""})
    found = []  # an exported tree without git
    for folder, names, files in os.walk(ROOT):
        names[:] = [n for n in names if n not in ("build", ".cache", "node_modules", "data", ".git")]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return sorted(found)


def read(path):
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            return file.read()
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return ""


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def blank(match):
    """Same length and lines, no content: offsets stay true."""
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text):
    """C++ with comments and literals blanked."""
    pattern = r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, blank, text, flags=re.S)


def includes(text):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', text, re.M):
        yield line_of(text, match.start()), match.group(1)


def check_include_direction(files):
    for path in files:
        if not path.endswith(CPP) or not path.startswith(MODULES):
            continue
        for line, name in includes(read(path)):
            wrong = None
            if name.startswith("tests/"):
                wrong = "nothing includes tests"
            elif path.startswith("fhir/") and name.startswith(("gateway/", "adapters/")):
                wrong = "fhir includes neither gateway nor adapters"
            elif (path.startswith("gateway/") and not path.startswith("gateway/app/")
                  and name.startswith("adapters/")):
                wrong = "only gateway/app includes adapters"
            elif path.startswith("adapters/") and name.startswith("adapters/"):
                if path.split("/")[1] != name.split("/")[1]:
                    wrong = "adapters never include one another"
            if wrong:
                yield f"{path}:{line}: includes {name}; {wrong}"


def check_fences(files):
    for path in files:
        if not path.endswith(CPP) or path.startswith("tests/"):
            continue
        for line, name in includes(read(path)):
            for pattern, allowed, way in FENCES:
                if re.match(pattern, name) and not path.startswith(allowed):
                    yield f"{path}:{line}: includes {name}; {way}"


def statements(code):
    """(offset, text) of each statement that contains co_await, from the previous ; or brace of a block."""
    for match in re.finditer(r"\bco_await\b", code):
        start, depth = match.start(), 0
        while start > 0:
            char = code[start - 1]
            if char in ")]}":
                # A closing brace that ends a block (followed by a statement) is where ours begins.
                if char == "}" and depth == 0 and re.match(r"\s*[A-Za-z_*(]", code[start:]):
                    before = code[:start].rstrip()
                    if before.endswith("}") and not re.search(r"[=,(]\s*\w*\s*$", code[:start - 1][:1]):
                        break
                depth += 1
            elif char in "([{":
                if depth == 0 and char == "{":
                    head = code[:start - 1].rstrip()
                    if head.endswith((")", "else", "try", "do", "{", "}", ";", "const", "noexcept")) \
                            or re.search(r"->\s*[\w:<>,\s*&]+$", head):
                        break  # the brace opens a block
                    if not re.search(r"[\w>=,(]$", head):
                        break
                if depth > 0:
                    depth -= 1
            elif char == ";" and depth == 0:
                break
            start -= 1
        end, depth = match.end(), 0
        while end < len(code):
            char = code[end]
            if char in "([{":
                if char == "{" and depth <= 0 and re.search(r"\)\s*$", code[start:end]):
                    break  # if (co_await ...) {
                depth += 1
            elif char in ")]}":
                depth -= 1
            elif char == ";" and depth <= 0:
                break
            end += 1
        yield start, code[start:end]


# A type or "return"-like word, an opening brace: construction. A block's brace follows ')' instead.
BRACES = re.compile(r"(?:[A-Za-z_>][\w>]*|[=(,])\s*\{")
LAMBDA = re.compile(r"(?<![\w\])])\[\s*[^\]\s][^\]]*\]\s*(?:\(|\{|mutable)")


def check_coroutine_statements(files):
    """Rule C1: GCC 12 destroys such temporaries twice."""
    for path in files:
        if not path.endswith(CPP):
            continue
        code = code_only(read(path))
        if "co_await" not in code:
            continue
        seen = set()
        for start, text in statements(code):
            line = line_of(code, start + len(text) - len(text.lstrip()))
            if line in seen:
                continue
            structured = re.sub(r"\bauto&?&?\s*\[[^\]]*\]", "auto name", text)
            if BRACES.search(structured):
                seen.add(line)
                yield f"{path}:{line}: braces in a statement with co_await; name the object first (rule C1)"
            elif LAMBDA.search(structured):
                seen.add(line)
                yield f"{path}:{line}: capturing lambda in a statement with co_await; name it first (rule C1)"


def check_forbidden_code(files):
    patterns = [
        (r"\bdetached\b", "a completion handler counts and logs what it is given"),
        (r"awaitable_operators", "a || b waits for the first success; use with_deadline"),
        (r"\busing\s+namespace\b(?!\s+std::(?:string_view_)?literals)", "name what you use"),
        (r"RAPIDJSON_NAMESPACE\b.*Document|rapidjson::Document\b", "the tree is fhir::Element"),
    ]
    for path in files:
        if not path.endswith(CPP) or not path.startswith(MODULES):
            continue
        code = code_only(read(path))
        for pattern, way in patterns:
            for match in re.finditer(pattern, code):
                if "using" in pattern and not path.endswith(".hpp"):
                    continue
                yield f"{path}:{line_of(code, match.start())}: {match.group().strip()}; {way}"
        for match in re.finditer(r"\blog::\w+\([^;]*what\(\)", code):
            yield f"{path}:{line_of(code, match.start())}: what() in a log call; it may hold patient data"


def check_licence_lines(files):
    wanted = (".cpp", ".hpp", ".py", ".sh", ".cmake", ".js", ".mjs", ".yaml", ".yml", ".sql", ".service")
    for path in files:
        text = read(path)
        script = text.startswith("#!")
        if (path.endswith(wanted) or script) and "SPDX-License-Identifier: Apache-2.0" not in text[:400]:
            if not (path.startswith(("tests/cases/", "tests/corpus/")) or not text.strip()
                    or (path.endswith(".cmake") and len(text) < 600)):
                yield f"{path}:1: no SPDX line; add 'SPDX-License-Identifier: Apache-2.0'"


def check_dead_files(files):
    """Every source is built, every header is included by someone."""
    cmake = "\n".join(read(p) for p in files if p.endswith(("CMakeLists.txt", ".cmake")))
    listed = set(re.findall(r"[\w/.-]+\.cpp", cmake))
    names = {os.path.basename(name) for name in listed}
    included = set()
    for path in files:
        if path.endswith(CPP):
            included |= {name for _, name in includes(read(path))}
    for path in files:
        if path.endswith(".cpp") and os.path.basename(path) not in names:
            yield f"{path}:1: in no CMakeLists.txt; build it or delete it"
        if path.endswith(".hpp") and path.startswith(MODULES):
            if path not in included and not any(path.endswith("/" + name) for name in included):
                yield f"{path}:1: nobody includes it; use it or delete it"


def check_header_guards(files):
    for path in files:
        if path.endswith(".hpp") and not read(path).startswith("#pragma once"):
            yield f"{path}:1: does not start with #pragma once"


def check_words(files):
    """Nothing in the repository names the machine it was written on."""
    machine = re.compile(r"(?<![\w.~-])/" + "work/|/tmp/" + "hapi|/home/" + r"\w+/|/root/\w")
    for path in files:
        if path.endswith((".json", ".ndjson", ".xml", ".tgz")) and path.startswith("tests/c"):
            continue
        text = read(path)
        for match in machine.finditer(text):
            yield f"{path}:{line_of(text, match.start())}: {match.group()}: a path of one machine"


def check_lock_file(files):
    """Node's lock file says what, not from where: an installation may use its own registry."""
    for path in files:
        if os.path.basename(path) == "package-lock.json":
            text = read(path)
            for match in re.finditer(r'"resolved"\s*:', text):
                yield f"{path}:{line_of(text, match.start())}: a download address; npm install --omit-lockfile-registry-resolved"
                break


CHECKS = [
    check_include_direction, check_fences, check_coroutine_statements, check_forbidden_code,
    check_licence_lines, check_dead_files, check_header_guards, check_words, check_lock_file,
]


def main():
    files = tracked()
    passed = failed = 0
    for check in CHECKS:
        problems = list(check(files))
        for problem in problems:
            print(problem)
        print(f"{'FAIL' if problems else 'ok  '} {check.__name__[len('check_'):]}"
              + (f" ({len(problems)})" if problems else ""))
        passed, failed = passed + (not problems), failed + bool(problems)
    print(json.dumps({"passed": passed, "failed": failed, "skipped": 0}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
