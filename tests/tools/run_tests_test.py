#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counting must not call a broken run a success."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

import run_tests


def report(*cases):
    """A GoogleTest report with cases of these results."""
    suite = [{"name": f"C{i}", "status": "RUN", "result": result,
              **({"failures": [{}]} if result == "FAILED" else {})}
             for i, result in enumerate(cases)]
    for case in suite:
        if case["result"] == "FAILED":
            case["result"] = "COMPLETED"
    return json.dumps({"testsuites": [{"name": "S", "testsuite": suite}]})


class RunTestsTest(unittest.TestCase):

    def count(self, status, text=None, skip=None):
        """What an entry with this CTest status and this report counts as."""
        xml_text = f'<testcase name="t" status="{status}"/>'
        entry = xml.etree.ElementTree.fromstring(xml_text)
        if skip:
            xml.etree.ElementTree.SubElement(entry, "skipped", message=skip)
        with tempfile.TemporaryDirectory() as directory:
            if text is not None:
                pathlib.Path(directory, "t.json").write_text(text)
            c = run_tests.count_entry(entry, pathlib.Path(directory))
            return c.passed, len(c.skipped), len(c.failed)

    def test_cases_are_counted_one_by_one(self):
        text = report("COMPLETED", "COMPLETED", "SKIPPED", "FAILED")
        self.assertEqual(self.count("fail", text), (2, 1, 1))

    def test_entry_without_cases_counts_once(self):
        self.assertEqual(self.count("run"), (1, 0, 0))
        self.assertEqual(self.count("fail"), (0, 0, 1))

    def test_self_skipped_entry_is_neither(self):
        self.assertEqual(self.count("notrun", skip="SKIP_RETURN_CODE=77"),
                         (0, 1, 0))

    def test_missing_binary_fails(self):
        self.assertEqual(
            self.count("notrun", skip="Unable to find executable"), (0, 0, 1))

    def test_crash_after_good_cases_fails(self):
        self.assertEqual(self.count("fail", report("COMPLETED")), (1, 0, 1))

    def test_cut_off_report_fails(self):
        self.assertEqual(self.count("fail", '{"tests'), (0, 0, 1))

    def test_binary_that_ran_no_case_fails(self):
        self.assertEqual(self.count("run", report()), (0, 0, 1))

    def test_directory_without_tests_fails(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                self.assertEqual(run_tests.main([root]), 1)
            self.assertTrue(out.getvalue().endswith("0 passed, 1 failed\n"))
            self.assertEqual((root / "test_summary.txt").read_text(),
                             "0 passed, 1 failed\n")


if __name__ == "__main__":
    unittest.main()
