# SPDX-License-Identifier: Apache-2.0
"""The example in C++: against the real server, and as a project of its own.

Run as: cpp_example_test.py CAROUSEL_SERVER WRITE_TINY_BUNDLE COMPLETE CMAKE
COMPILER FOLDER
COMPLETE is the example as the tree builds it. FOLDER, which is made, is where
CMAKE prepares the project; building it would take minutes.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import tiny_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = ROOT / "client/examples/cpp"


def check_program(program, server, writer):
    def run(address, *texts):
        done = subprocess.run(
            [program, *texts], env={**os.environ, "CAROUSEL_SERVER": address},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            timeout=60)
        return done.returncode, done.stdout, done.stderr

    with tiny_server.serving(server, writer) as (address, _):
        code, out, error = run(address, "I wo", "the ho")
        assert code == 0 and error == "", (code, error)
        words = [line.split() for line in out.splitlines()]
        assert {"would", "house"} <= {word for _, word in words}, out
        assert all(0 < float(share) <= 1 for share, _ in words), out
        code, out, error = run(address, "\udcff")
        assert code == 1 and error.startswith("INVALID_ARGUMENT: "), error
        code, out, error = run(address)
        assert code == 2 and error.startswith("usage: "), (code, error)
    code, out, error = run("nowhere", "I wo")
    assert code == 1 and "expected HOST:PORT" in error, (code, error)


def check_project(cmake, compiler, folder):
    """It is the client alone, with nothing that only the rest needs."""
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run(
        [cmake, "-S", PROJECT, "-B", folder,
         f"-DCMAKE_CXX_COMPILER={compiler}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    assert done.returncode == 0, done.stdout
    cache = (folder / "CMakeCache.txt").read_text(encoding="utf-8")
    for name in ("GTest", "Python3", "dnnl", "MPI", "Boost"):
        assert f"\n{name}_" not in cache, name
    targets = subprocess.run(
        [cmake, "--build", folder, "--target", "help"], check=True,
        stdout=subprocess.PIPE, encoding="utf-8").stdout
    assert re.search(r"\bcomplete\b", targets), targets
    assert re.search(r"\bcarousel_client\b", targets), targets
    for name in ("carousel-server", "carousel-train", "client_test"):
        assert not re.search(rf"\b{name}\b", targets), targets


def check_readme():
    """client/README.md shows what the program does."""
    program = (PROJECT / "complete.cc").read_text(encoding="utf-8")
    text = (ROOT / "client/README.md").read_text(encoding="utf-8")
    shown = re.search(r"```cpp\n(.*?)```", text, re.S).group(1)
    squeezed = " ".join(program.split())
    for line in shown.splitlines():
        assert " ".join(line.split()) in squeezed, line
    project = (PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "target_link_libraries(complete PRIVATE carousel::client)" in project
    assert "target_link_libraries(complete PRIVATE carousel::client)" in text


def main():
    server, writer, program, cmake, compiler, folder = sys.argv[1:]
    check_readme()
    check_program(program, server, writer)
    check_project(cmake, compiler, pathlib.Path(folder))
    print("ok")


if __name__ == "__main__":
    main()
