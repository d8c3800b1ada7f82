# SPDX-License-Identifier: Apache-2.0
"""The protos keep buf's rules and break nothing that was published.

Run as: buf_test.py FOLDER, which keeps buf from one run to the next. Exit code
77 (skipped) where node is missing.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(sys.argv.pop())

sys.path.append(str(ROOT / "tests/tools"))
import npm_ci


class BufTest(unittest.TestCase):
    """Each test has a copy of proto/, in which it may plant what it likes."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.proto = pathlib.Path(temporary.name, "proto")
        shutil.copytree(ROOT / "proto", self.proto)

    def buf(self, *arguments):
        """Exit code and all that it says."""
        done = subprocess.run(
            [FOLDER / "node_modules/.bin/buf", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def lint(self):
        return self.buf("lint", self.proto)

    def breaking(self):
        return self.buf("breaking", self.proto,
                        "--against", self.proto / "published.yaml")

    def replace(self, file, old, new):
        path = self.proto / "carousel/v1" / file
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text, "what the test plants into")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def expect_found(self, result, *fragments):
        code, output = result
        self.assertEqual(code, 100, output)  # found something, did not break
        for fragment in fragments:
            self.assertIn(fragment, output)

    def test_the_protos_keep_the_rules(self):
        self.assertEqual(self.lint(), (0, ""))

    def test_a_missing_comment_is_found(self):
        self.replace("model.proto", "  // Output only. Version, at least 1.\n",
                     "")
        self.expect_found(self.lint(), "model.proto", 'Field "version"',
                          "comment")

    def test_a_rule_cannot_be_ignored_by_a_comment(self):
        self.replace("model.proto", "  // Output only. Version, at least 1.\n",
                     "  // buf:lint:ignore COMMENT_FIELD\n")
        self.expect_found(self.lint(), 'Field "version"')

    def test_what_was_published_is_there(self):
        self.assertEqual(self.breaking(), (0, ""))

    def test_a_removed_field_is_found(self):
        self.replace("model.proto", "  int64 version = 2;\n", "")
        self.expect_found(self.breaking(), "model.proto", '"version"')

    def test_a_changed_number_is_found(self):
        self.replace("model.proto", "int64 version = 2;", "int64 version = 99;")
        self.expect_found(self.breaking(), "model.proto", '"2"')

    def test_a_removed_rpc_is_found(self):
        self.replace("model.proto", "  rpc ListModels(ListModelsRequest)"
                     " returns (ListModelsResponse);\n", "")
        self.expect_found(self.breaking(), '"ListModels"')

    # The messages of google.rpc are exempt from lint, not from this.
    def test_a_change_of_an_error_is_found(self):
        self.replace("../../google/rpc/status.proto", "int32 code = 1;",
                     "int64 code = 1;")
        self.expect_found(self.breaking(), "status.proto")

    def test_a_new_field_breaks_nothing(self):
        self.replace("model.proto", "  int64 version = 2;\n",
                     "  int64 version = 2;\n  int64 novel = 1000;\n")
        self.assertEqual(self.breaking(), (0, ""))


if __name__ == "__main__":
    npm_ci.skip_without_node()
    npm_ci.install(ROOT / "tests/proto", FOLDER)
    unittest.main()
