# SPDX-License-Identifier: Apache-2.0
"""The examples in Python against the real server.

Run as: python_examples_test.py CAROUSEL_SERVER CAROUSEL WRITE_TINY_BUNDLE
Exit code 77 (skipped) where python3-grpcio, python3-protobuf, protoc or its
plugin for Python is missing.
"""

import importlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

import example_checks

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "client/examples/python"


def missing():
    """What is not installed; None if all is there."""
    for module in ("google.protobuf", "grpc"):
        try:
            importlib.import_module(module)
        except ImportError:
            return module
    for program in ("protoc", "grpc_python_plugin"):
        if shutil.which(program) is None:
            return program
    return None


def generate(directory):
    protos = sorted(str(path.relative_to(ROOT / "proto"))
                    for path in (ROOT / "proto").rglob("*.proto"))
    plugin = shutil.which("grpc_python_plugin")
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}",
                    f"--python_out={directory}", f"--grpc_out={directory}",
                    f"--plugin=protoc-gen-grpc={plugin}", *protos], check=True)


def main():
    if missing():
        print(f"SKIPPED: {missing()} is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as generated:
        generate(generated)
        example_checks.check_all(
            *sys.argv[1:],
            lambda name: [sys.executable, str(EXAMPLES / f"{name}.py")],
            {"PYTHONPATH": generated, "PYTHONIOENCODING": "utf-8"})
    print("ok")


if __name__ == "__main__":
    main()
