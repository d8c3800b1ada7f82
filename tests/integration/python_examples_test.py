# SPDX-License-Identifier: Apache-2.0
"""The examples in Python against the real server.

Run as: python_examples_test.py CAROUSEL_SERVER CAROUSEL WRITE_TINY_BUNDLE
Exit code 77 (skipped) where python3-grpcio, python3-protobuf, protoc or its
plugin for Python is missing. node_examples_test.py runs the same checks.
"""

import contextlib
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "client/examples/python"
PLUGIN = shutil.which("grpc_python_plugin")


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


@contextlib.contextmanager
def serving(server, writer, *flags):
    """The address of a server with tiny models."""
    with tempfile.TemporaryDirectory() as models:
        subprocess.run([writer, models], check=True)
        with running([server, f"--models={models}",
                      "--grpc_address=127.0.0.1:0",
                      "--http_address=127.0.0.1:0", "--drain_pause=0s",
                      "--log_format=json", *flags]) as address:
            yield address


class Examples:
    """The programs, run against the server at `address`."""

    def __init__(self, address, generated):
        self.address = address
        self.environment = {**os.environ, "PYTHONPATH": str(generated),
                            "PYTHONIOENCODING": "utf-8"}

    def command(self, name):
        return [sys.executable, str(EXAMPLES / name)]

    def run(self, name, *arguments, text=None, stdin=None):
        """Exit code, output and errors. `stdin`: instead of a text."""
        done = subprocess.run(
            [*self.command(name), f"--server={self.address}", *arguments],
            env=self.environment, input=text, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            timeout=60)
        return done.returncode, done.stdout, done.stderr


def check_complete(examples):
    code, out, error = examples.run("complete.py", "I wo")
    assert code == 0 and "I would" in out, (code, out, error)

    # The last keystroke is always answered.
    code, out, error = examples.run("complete.py", "--type", "I wo")
    assert code == 0 and "4: I wo" in out, (code, out, error)
    assert out.rstrip().splitlines()[-1].endswith("I would"), out

    # Who leaves cancels: the stream was not half-closed, so it ends by that.
    code, out, error = examples.run("complete.py", "--type", "--leave=2",
                                    "I wo")
    assert code == 0 and "2: I " in out and "3: " not in out, (out, error)
    assert out.splitlines()[-1] == "cancelled", out

    # A deadline holds for a stream, too.
    code, out, error = examples.run("complete.py", "--type", "--leave=0",
                                    "--timeout=0.1", "I wo")
    assert code != 0 and "DEADLINE_EXCEEDED" in error, (code, out, error)

    code, out, error = examples.run("complete.py", "a" * 20000)
    assert code != 0 and "at most 16384" in error, (code, error)
    assert "(field text)" in error, error

    code, out, error = examples.run("complete.py", "--model=nope", "I wo")
    assert code != 0 and "NOT_FOUND" in error, (code, error)
    assert "(model nope)" in error, error


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


def check_score_cancelled(examples):
    # The input does not end, nor does the stream unless it is cancelled.
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as lines, \
            open(writer, "w", encoding="utf-8") as open_end:
        open_end.write("the house\n" * 3)
        open_end.flush()
        code, out, error = examples.run("score.py", "--first=2", stdin=lines)
    assert code == 0, error
    answers = out.splitlines()
    assert len(answers) == 3 and answers[-1] == "cancelled", out


def check_refused(examples, carousel):
    """Of a server with too much to do: when to try again."""
    load = subprocess.Popen(
        [carousel, f"--server={examples.address}", "load", "--rpc=complete",
         "--concurrency=32", "--duration=10m"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            code, out, error = examples.run("complete.py", "I wo")
            if code != 0:
                break
        assert "RESOURCE_EXHAUSTED" in error, (code, out, error)
        assert re.search(r"\(try again in \d+(\.\d+)? s\)", error), error
    finally:
        load.kill()
        load.wait()


def check_all(server, carousel, writer, examples_at):
    """Every example; examples_at(address) gives them."""
    with serving(server, writer) as address:
        examples = examples_at(address)
        check_complete(examples)
        check_score(examples)
        check_score_cancelled(examples)
    with serving(server, writer, "--max_queue_tokens=1",
                 "--workers=1") as address:
        check_refused(examples_at(address), carousel)


def main():
    if missing():
        print(f"SKIPPED: {missing()} is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as generated:
        generate(generated)
        check_all(*sys.argv[1:], lambda address: Examples(address, generated))
    print("ok")


if __name__ == "__main__":
    main()
