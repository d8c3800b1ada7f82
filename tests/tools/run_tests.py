#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs CTest and adds up: run_tests.py BUILD_DIR...

Each case of a GoogleTest binary counts as one test, and so does each other
CTest entry. The last line is `N passed, N failed`; it also goes into
test_summary.txt in the first build directory. The exit code is 0 only if
something passed and nothing failed.

A binary that crashes, runs out of time, reports no case, or fails although all
its cases passed (a sanitizer at exit) counts as one more failure.
"""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree

# CTest's word for a test that skipped itself, SKIP_RETURN_CODE in CMake.
SKIPPED = "SKIP_RETURN_CODE"


@dataclasses.dataclass
class Count:
    passed: int = 0
    skipped: list = dataclasses.field(default_factory=list)
    failed: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.skipped += other.skipped
        self.failed += other.failed


def count_cases(report):
    """The cases of one GoogleTest report (the JSON of --gtest_output)."""
    count = Count()
    for suite in report["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                count.failed.append(name)
            elif case["result"] == "SKIPPED":
                count.skipped.append(name)
            elif case["status"] == "RUN":
                count.passed += 1
    return count


def count_entry(entry, reports):
    """One CTest entry of the JUnit report, with its cases if it has any."""
    name = entry.get("name")
    if entry.get("status") != "run":
        skip = entry.find("skipped")
        if skip is not None and SKIPPED in skip.get("message", ""):
            return Count(skipped=[name])
    passed = entry.get("status") == "run"
    is_gtest = (reports / f"{name}.json").exists()
    if not is_gtest:
        return Count(passed=1) if passed else Count(failed=[name])
    try:
        text = (reports / f"{name}.json").read_text(encoding="utf-8")
        count = count_cases(json.loads(text))
    except ValueError:
        return Count(failed=[f"{name} (cut-off report)"])
    if not passed and not count.failed:
        count.failed.append(f"{name} (crash, timeout or error at exit)")
    if passed and not count.passed and not count.skipped:
        count.failed.append(f"{name} (no case ran)")
    return count


def run(build_dir):
    """Runs the tests of one build directory."""
    results = build_dir / "test_results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    junit = results / "ctest.xml"
    command = ["ctest", "--test-dir", str(build_dir), "--output-on-failure",
               "--no-tests=error", "-j", str(len(os.sched_getaffinity(0))),
               "--output-junit", str(junit.resolve())]
    environment = dict(os.environ, GTEST_OUTPUT=f"json:{results.resolve()}/")
    code = subprocess.run(command, env=environment, check=False).returncode
    count = Count()
    if junit.exists():
        for entry in xml.etree.ElementTree.parse(junit).iter("testcase"):
            count.add(count_entry(entry, results))
    if code != 0 and not count.failed:
        count.failed.append(f"ctest in {build_dir} (exit code {code})")
    return count


def main(build_dirs):
    summary = build_dirs[0] / "test_summary.txt"
    summary.unlink(missing_ok=True)
    total = Count()
    for build_dir in build_dirs:
        total.add(run(build_dir))
    if not total.passed and not total.failed:
        total.failed.append("no test ran")
    for name in total.skipped:
        print(f"skipped: {name}")
    for name in total.failed:
        print(f"failed: {name}")
    line = f"{total.passed} passed, {len(total.failed)} failed"
    summary.write_text(line + "\n", encoding="utf-8")
    print(line, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main([pathlib.Path(arg) for arg in sys.argv[1:]]))
