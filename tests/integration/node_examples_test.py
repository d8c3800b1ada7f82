# SPDX-License-Identifier: Apache-2.0
"""The examples in Node against the real server.

Run as: node_examples_test.py CAROUSEL_SERVER CAROUSEL WRITE_TINY_BUNDLE FOLDER
FOLDER, which is made, keeps the packages from one run to the next. Exit code 77
(skipped) where node is missing.
"""

import pathlib
import shutil
import sys

import example_checks

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = pathlib.Path("client/examples/node")

sys.path.append(str(ROOT / "tests/tools"))
import npm_ci


def copy_sources(folder):
    """What the programs read, as it lies in the repository."""
    for directory, pattern in ((EXAMPLES, "*.mjs"), ("proto", "**/*.proto")):
        for source in (ROOT / directory).glob(pattern):
            copy = folder / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)


def main():
    npm_ci.skip_without_node()
    *programs, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    npm_ci.install(ROOT / EXAMPLES, folder / EXAMPLES)
    copy_sources(folder)
    example_checks.check_all(
        *programs,
        lambda name: ["node", str(folder / EXAMPLES / f"{name}.mjs")])
    print("ok")


if __name__ == "__main__":
    main()
