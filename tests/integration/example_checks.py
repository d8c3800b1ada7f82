# SPDX-License-Identifier: Apache-2.0
"""What the examples must do against the real server, in any language."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile


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
    """The address of a server with tiny models, and where they lie."""
    with tempfile.TemporaryDirectory() as models:
        subprocess.run([writer, models], check=True)
        with running([server, f"--models={models}",
                      "--grpc_address=127.0.0.1:0",
                      "--http_address=127.0.0.1:0", "--drain_pause=0s",
                      "--log_format=json", *flags]) as address:
            yield address, pathlib.Path(models)


class Examples:
    """Programs, each run by what command(name) gives, which is theirs alone."""

    def __init__(self, address, command, environment=None):
        self.address = address
        self.command = command
        self.environment = {**os.environ, **(environment or {})}

    def run(self, name, *arguments, text=None, stdin=None):
        """Exit code, output and errors. `stdin`: instead of a text."""
        done = subprocess.run(
            [*self.command(name), f"--server={self.address}", *arguments],
            env=self.environment, input=text, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            timeout=60)
        return done.returncode, done.stdout, done.stderr


def check_complete(examples):
    code, out, error = examples.run("complete", "I wo")
    assert code == 0 and "I would" in out, (code, out, error)

    # The last keystroke is always answered.
    code, out, error = examples.run("complete", "--type", "I wo")
    assert code == 0 and "4: I wo" in out, (code, out, error)
    assert out.rstrip().splitlines()[-1].endswith("I would"), out

    # Who leaves cancels: the stream was not half-closed, so it ends by that.
    code, out, error = examples.run("complete", "--type", "--leave=2",
                                    "I wo")
    assert code == 0 and "2: I " in out and "3: " not in out, (out, error)
    assert out.splitlines()[-1] == "cancelled", out

    # A deadline holds for a stream, too.
    code, out, error = examples.run("complete", "--type", "--leave=0",
                                    "--timeout=0.1", "I wo")
    assert code != 0 and "DEADLINE_EXCEEDED" in error, (code, out, error)
    # Earlier text makes its words more likely, whether typed or not.
    context = "--context=" + "your house\n" * 5
    _, alone, _ = examples.run("complete", "your ")
    code, out, error = examples.run("complete", context, "your ")
    assert code == 0 and out and out != alone, (out, error)
    code, typed, error = examples.run("complete", "--type", context, "your ")
    assert code == 0 and typed.endswith(out), (typed, error)

    code, out, error = examples.run("complete", context + "a" * 20000, "a")
    assert code != 0 and "(field context)" in error, (code, error)

    code, out, error = examples.run("complete", "a" * 20000)
    assert code != 0 and "at most 16384" in error, (code, error)
    assert "(field text)" in error, error

    code, out, error = examples.run("complete", "--model=nope", "I wo")
    assert code != 0 and "NOT_FOUND" in error, (code, error)
    assert "(model nope)" in error, error


def check_score(examples):
    code, out, error = examples.run("score", "I would")
    assert code == 0, error
    label, share, text = out.strip().split("\t")
    assert label in ("negative", "positive") and 0.5 <= float(share) <= 1, out

    # Places count characters: the example asserts that they fit.
    code, out, error = examples.run("score", "--explain",
                                    "“I would” the \U0001F600 house")
    assert code == 0 and len(out.splitlines()) == 1 + 7, (out, error)

    # Every line once, in any order.
    lines = ["the house", "", "I would ", "\U0001F600"] * 100
    code, out, error = examples.run("score", text="\n".join(lines) + "\n")
    assert code == 0, error
    answers = [line.split("\t") for line in out.splitlines()]
    assert sorted(int(a[0]) for a in answers) == list(range(1, 401)), out
    of_line = {a[0]: a[1:] for a in answers}
    assert of_line["1"] == of_line["397"], "the same text, the same answer"

    # A text that is too long is answered alone.
    code, out, error = examples.run("score",
                                    text="I would\n" + "a" * 70000 + "\n")
    assert code == 0 and "2\ttext has 70000 bytes" in out, (out, error)


def check_bulk_cancelled(examples, name):
    # The input does not end, nor does the stream unless it is cancelled.
    reader, writer = os.pipe()
    with open(reader, encoding="utf-8") as lines, \
            open(writer, "w", encoding="utf-8") as open_end:
        open_end.write("a b\n" * 3)
        open_end.flush()
        code, out, error = examples.run(name, "--first=2", stdin=lines)
    assert code == 0, error
    answers = out.splitlines()
    assert len(answers) == 3 and answers[-1] == "cancelled", out


def check_translate(examples):
    text = "a b, c.\nd a!"  # two sentences
    code, out, error = examples.run("translate", text)
    assert code == 0 and len(out.splitlines()) == 2, (out, error)
    whole = out

    # Each sentence has so many, of which the best is that of the text.
    code, out, error = examples.run("translate", "--best=2", text)
    assert code == 0 and out.startswith(whole), (out, error)
    scores = [float(line.split()[0]) for line in out.splitlines()[2:]]
    assert len(scores) == 4, out
    assert scores[0] >= scores[1] and scores[2] >= scores[3], out

    code, out, error = examples.run("translate", "--alignment", "a b")
    assert code == 0, error
    first, *pairs = out.splitlines()
    assert pairs and all(" <- " in pair for pair in pairs), out
    words = [pair.split(" <- ")[0].strip() for pair in pairs]
    assert words == first.replace(".", " .").split(), out

    # Streamed and whole are the same.
    code, out, error = examples.run("translate", "--stream", text)
    assert code == 0 and out == whole, (out, whole, error)

    code, out, error = examples.run("translate", "--beam=17", text)
    assert code != 0 and "(field beam_size)" in error, error


def check_translate_streams(examples):
    # A long text, of which only the beginning is waited for.
    code, out, error = examples.run("translate", "--stream", "--beam=1",
                                    "--leave=1", "a b c d. " * 500)
    assert code == 0 and out.endswith("\ncancelled\n"), (code, out, error)

    lines = ["a b", "", "c d. a", "\U0001F600"] * 100
    code, out, error = examples.run("translate", text="\n".join(lines))
    assert code == 0, error
    answers = dict(line.split("\t") for line in out.splitlines())
    assert sorted(map(int, answers)) == list(range(1, 401)), out
    assert answers["2"] == "", "nothing is translated to nothing"
    code, out, error = examples.run("translate", "a b")
    assert out.strip() == answers["1"] == answers["397"], "batch and alone"

    code, out, error = examples.run("translate",
                                    text="a b\n" + "a" * 20000 + "\n")
    assert code == 0 and "2\ttext has 20000 bytes" in out, (out, error)


def check_forecast(examples, folder):
    path = pathlib.Path(folder, "series.csv")

    def write(hours):
        lines = ["time,load,heat"] + [
            f"2016-07-01 {hour:02}:00:00,{100 + hour},{-3 + hour / 10}"
            for hour in hours]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    write(range(8))
    code, out, error = examples.run("forecast", "--quantile=0.1",
                                    "--quantile=0.9", str(path))
    assert code == 0, error
    lines = out.splitlines()
    assert [lines[0], lines[4]] == ["load", "heat"] and len(lines) == 8, out
    assert lines[1].startswith("2016-07-01T08:00:00Z  "), out
    value, low, high = (float(word) for word in lines[1].split()[1:]
                        if not word.endswith(":"))
    assert low < value < high, out

    # Which time is missing, and what a program can act on.
    write([0, 1, 2, 3, 5, 6, 7])
    code, out, error = examples.run("forecast", str(path))
    assert code != 0 and "expected 2016-07-01T04:00:00Z" in error, error
    assert "(field timestamps[4])" in error, error

    write(range(8))
    code, out, error = examples.run("forecast", "--horizon=0", str(path))
    assert code != 0 and "(field horizon)" in error, error


def check_models(examples, models):
    code, out, error = examples.run("models")
    assert code == 0, error
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["en/1", "letters/1", "mood/1",
                                        "series/1"], out
    assert all(row[1] == "STATE_READY" for row in rows), out

    code, out, error = examples.run("models", "en/1")
    assert code == 0 and "  task: language_model" in out, (out, error)

    code, out, error = examples.run("models", "en/7")
    assert code != 0 and "(model en/7)" in error, error

    code, out, error = examples.run("models", "--explain=I would h", "en")
    assert code == 0, error
    assert "\n0-1\tI\t" in out and "\n2-7\twould\t" in out, out
    assert "begun: h" in out, out

    # Another version comes while the server runs.
    shutil.copytree(models / "en/1", models / "en/2")
    code, out, error = examples.run("models", "--reload", "en")
    assert code == 0 and out.startswith("added: en/2\nen/2\n"), (out, error)
    shutil.rmtree(models / "en/2")
    code, out, error = examples.run("models", "--reload", "en")
    assert code == 0 and out.startswith("removed: en/2\nen/1\n"), (out, error)


def check_refused(examples, carousel):
    """Of a server with too much to do: when to try again."""
    load = subprocess.Popen(
        [carousel, f"--server={examples.address}", "load", "--rpc=complete",
         "--concurrency=32", "--duration=10m"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            code, out, error = examples.run("complete", "I wo")
            if code != 0:
                break
        assert "RESOURCE_EXHAUSTED" in error, (code, out, error)
        assert re.search(r"\(try again in \d+(\.\d+)? s\)", error), error
    finally:
        load.kill()
        load.wait()


def check_all(server, carousel, writer, command, environment=None):
    """Every example. `command`, `environment`: as Examples takes them."""
    with serving(server, writer, "--allow_reload",
                 "--allow_explain") as (address, models):
        examples = Examples(address, command, environment)
        check_complete(examples)
        check_score(examples)
        check_bulk_cancelled(examples, "score")
        check_translate(examples)
        check_translate_streams(examples)
        check_bulk_cancelled(examples, "translate")
        with tempfile.TemporaryDirectory() as folder:
            check_forecast(examples, folder)
        check_models(examples, models)
    with serving(server, writer, "--max_queue_tokens=1",
                 "--workers=1") as (address, _):
        check_refused(Examples(address, command, environment), carousel)
