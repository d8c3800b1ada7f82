# SPDX-License-Identifier: Apache-2.0
"""The examples in Python against the real server.

Run as: python_examples_test.py CAROUSEL_SERVER WRITE_TINY_BUNDLE
Exit code 77 (skipped) where python3-grpcio, python3-protobuf, protoc or its
plugin for Python is missing.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "client/examples/python"
PLUGIN = shutil.which("grpc_python_plugin")

try:
    import google.protobuf
    import grpc
except ImportError:
    print("SKIPPED: python3-grpcio or python3-protobuf is not installed")
    sys.exit(77)
if PLUGIN is None or shutil.which("protoc") is None:
    print("SKIPPED: protoc or grpc_python_plugin is not installed")
    sys.exit(77)


def generate(directory):
    protos = sorted(str(path.relative_to(ROOT / "proto"))
                    for path in (ROOT / "proto").rglob("*.proto"))
    subprocess.run(["protoc", f"-I{ROOT / 'proto'}",
                    f"--python_out={directory}", f"--grpc_out={directory}",
                    f"--plugin=protoc-gen-grpc={PLUGIN}", *protos], check=True)


@contextlib.contextmanager
def running(command):
    """The server's address."""
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    port = None
    try:
        for line in server.stderr:
            event = json.loads(line)
            port = event.get("grpc_port", port)
            if event["event"] == "ready":
                break
        else:
            raise RuntimeError(f"the server did not become ready: {line}")
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=60)


class Examples:
    def __init__(self, address, generated):
        self.address = address
        self.environment = {**os.environ, "PYTHONPATH": str(generated),
                            "PYTHONIOENCODING": "utf-8"}

    def run(self, name, *arguments, text=None):
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / name), f"--server={self.address}",
             *arguments], env=self.environment, input=text,
            capture_output=True, encoding="utf-8", timeout=60)
        return done.returncode, done.stdout, done.stderr


def check_complete(examples):
    code, out, error = examples.run("complete.py", "I wo")
    assert code == 0 and "I would" in out, (code, out, error)

    # The last keystroke is always answered.
    code, out, error = examples.run("complete.py", "--type", "I wo")
    assert code == 0 and "4: 'I wo'" in out, (code, out, error)
    assert out.rstrip().splitlines()[-1].endswith("I would"), out

    # Earlier text makes its words more likely, whether typed or not.
    context = "--context=" + "your house\n" * 5
    _, alone, _ = examples.run("complete.py", "your ")
    code, out, error = examples.run("complete.py", context, "your ")
    assert code == 0 and out and out != alone, (out, error)
    code, typed, error = examples.run("complete.py", "--type", context, "your ")
    assert code == 0 and typed.endswith(out), (typed, error)

    code, out, error = examples.run("complete.py", context + "a" * 20000, "a")
    assert code != 0 and "(field context)" in error, (code, error)

    code, out, error = examples.run("complete.py", "a" * 20000)
    assert code != 0 and "at most 16384" in error, (code, error)
    assert "(field text)" in error, error


def check_score(examples):
    code, out, error = examples.run("score.py", "I would")
    assert code == 0, error
    label, share, text = out.strip().split("\t")
    assert label in ("negative", "positive") and 0.5 <= float(share) <= 1, out

    # Places count characters: the example asserts that they fit.
    code, out, error = examples.run("score.py", "--explain",
                                    "“I would” the \U0001F600 house")
    assert code == 0 and len(out.splitlines()) == 1 + 7, (out, error)

    # Every line once, in any order.
    lines = ["the house", "", "I would ", "\U0001F600"] * 100
    code, out, error = examples.run("score.py", text="\n".join(lines) + "\n")
    assert code == 0, error
    answers = [line.split("\t") for line in out.splitlines()]
    assert sorted(int(a[0]) for a in answers) == list(range(1, 401)), out
    of_line = {a[0]: a[1:] for a in answers}
    assert of_line["1"] == of_line["397"], "the same text, the same answer"

    # A text that is too long is answered alone.
    code, out, error = examples.run("score.py",
                                    text="I would\n" + "a" * 70000 + "\n")
    assert code == 0 and "2\ttext has 70000 bytes" in out, (out, error)


def main():
    server, writer = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        generated = pathlib.Path(folder, "gen")
        generated.mkdir()
        generate(generated)
        models = pathlib.Path(folder, "models")
        subprocess.run([writer, str(models)], check=True)
        command = [server, f"--models={models}", "--grpc_address=127.0.0.1:0",
                   "--http_address=127.0.0.1:0", "--drain_pause=0s",
                   "--log_format=json"]
        with running(command) as address:
            examples = Examples(address, generated)
            check_complete(examples)
            check_score(examples)
    print("ok")


if __name__ == "__main__":
    main()
