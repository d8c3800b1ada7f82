# SPDX-License-Identifier: Apache-2.0
"""What the examples must do against the real server, in any language."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tiny_server import serving


class Examples:
    """Programs, each run by what command(name) gives, which is theirs alone."""

    def __init__(self, address, command, environment=None):
        self.address = address
        self.command = command
        self.environment = {**os.environ, **(environment or {})}

    def run(self, name, *arguments, text=None, stdin=None):
        """Exit code, output and errors. `stdin`: instead of a text."""
        return self.start(name, f"--server={self.address}", *arguments,
                          text=text, stdin=stdin)

    def start(self, name, *arguments, text=None, stdin=None, **environment):
        """The same, without saying which server. `text` may be bytes."""
        if isinstance(text, str):
            text = text.encode("utf-8")
        done = subprocess.run(
            [*self.command(name), *arguments],
            env={**self.environment, **environment}, input=text, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return (done.returncode, done.stdout.decode("utf-8"),
                done.stderr.decode("utf-8"))


def check_command_line(examples):
    """A mistake is a usage and a message, exit code 2, whatever the program."""
    code, out, error = examples.start("complete", "I wo",
                                      CAROUSEL_SERVER=examples.address)
    assert code == 0 and "I would" in out, (code, out, error)
    for name, *arguments in (["complete"], ["forecast"],
                             ["complete", "--nope", "a"], ["score", "--nope"],
                             ["translate", "--nope"], ["forecast", "--nope"],
                             ["models", "--nope"], ["models", "--explain=a"],
                             ["complete", "--context=/nope", "a"],
                             ["forecast", "/nope"]):
        code, out, error = examples.run(name, *arguments)
        assert code == 2 and out == "", (name, arguments, code, out, error)
        assert error.startswith("usage: "), error
        assert "Traceback" not in error and "   at " not in error, error
        for argument in arguments[:1]:
            assert argument.partition("=")[2] in error, error


def check_unknown_model(examples, name, *arguments):
    """The error names it."""
    code, out, error = examples.run(name, "--model=nope", *arguments)
    assert code != 0 and "NOT_FOUND" in error, (code, out, error)
    assert "(model nope)" in error, error


def check_complete(examples, folder):
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
    path = pathlib.Path(folder, "context.txt")
    path.write_text("your house\n" * 5, encoding="utf-8")
    context = f"--context={path}"
    _, alone, _ = examples.run("complete", "your ")
    code, out, error = examples.run("complete", context, "your ")
    assert code == 0 and out and out != alone, (out, error)
    code, typed, error = examples.run("complete", "--type", context, "your ")
    assert code == 0 and typed.endswith(out), (typed, error)

    path.write_text("a" * 20000, encoding="utf-8")
    code, out, error = examples.run("complete", context, "a")
    assert code != 0 and "(field context)" in error, (code, error)

    code, out, error = examples.run("complete", "a" * 20000)
    assert code != 0 and "at most 16384" in error, (code, error)
    assert "(field text)" in error, error

    check_unknown_model(examples, "complete", "I wo")


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


def check_bulk_errors(examples, name):
    """Of a line that has none; the others are answered."""
    for line, reason in ((b"caf\xe9", "not UTF-8"),
                         (b"a" * 70000, "text: expected at most")):
        code, out, error = examples.run(name, text=b"a\r\n" + line + b"\nb\n")
        assert code == 1, (code, out, error)
        assert sorted(answer.partition("\t")[0]
                      for answer in out.splitlines()) == ["1", "3"], out
        first, count = error.splitlines()
        assert first.startswith(f"line 2: {reason}"), error
        assert count == "1 lines have no answer", error
    # The end of a line is not a part of the text, nor is one missing a mistake.
    _, with_return, _ = examples.run(name, text="a\r\n")
    _, without, _ = examples.run(name, text="a")
    assert with_return == without != "", (with_return, without)


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
    streamed = out

    # Streamed, whole and in a batch are the same; a batch has a line a text.
    code, out, error = examples.run("translate", "--whole", text)
    assert code == 0 and out == streamed, (out, streamed, error)
    code, out, error = examples.run("translate", text=text)
    lines = [f"{number}\t{line}" for number, line
             in enumerate(streamed.splitlines(), 1)]
    assert code == 0 and sorted(out.splitlines()) == lines, (out, error)

    # Each sentence has so many, of which the best is that of the text.
    code, out, error = examples.run("translate", "--best=2", text)
    assert code == 0 and out.startswith(streamed), (out, error)
    scores, best = zip(*(line.split(maxsplit=1)
                         for line in out.splitlines()[2:]))
    assert list(best[0::2]) == streamed.splitlines(), out
    assert float(scores[0]) >= float(scores[1]), out
    assert float(scores[2]) >= float(scores[3]), out

    for how in (), ("--whole",):
        code, out, error = examples.run("translate", *how, "--time_limit=1e-6",
                                        text)
        assert code == 0 and out.endswith(" [...]\n"), (out, error)
        assert len(out) < len(streamed) + len(" [...]"), "a part of it"

    for option, field in (("--beam=17", "beam_size"),
                          ("--best=6", "max_translations"),
                          ("--time_limit=0", "time_limit")):
        code, out, error = examples.run("translate", option, text)
        assert code != 0 and "INVALID_ARGUMENT" in error, (option, out, error)
        assert f"(field {field})" in error, error
    check_unknown_model(examples, "translate", text)
    code, out, error = examples.run("translate", "--model=mood", text)
    assert code != 0 and "(field model.name)" in error, (out, error)


def check_alignment(examples, carousel):
    """A line for each word of the translation, with one of the source."""
    answer = json.loads(subprocess.run(
        [carousel, f"--server={examples.address}", "translate", "--json",
         "--alignment", "a b"], stdout=subprocess.PIPE, check=True).stdout)
    alignment = answer["sentences"][0]["translations"][0]["alignment"]
    lines = [answer["text"]]
    for target, row in zip(alignment["target"], alignment["rows"]):
        weight, word = max(zip(row["weights"], ["a", "b", "(end)"]))
        lines.append(f"  {target['text']} <- {word}  {weight:.2f}")
    assert len(lines) > 1, answer
    for how in (), ("--whole",):
        code, out, error = examples.run("translate", *how, "--alignment", "a b")
        assert code == 0 and out.splitlines() == lines, (out, lines, error)


def check_translate_streams(examples):
    # A long text, of which only the beginning is waited for.
    text = "a b c d. " * 500
    code, out, error = examples.run("translate", "--beam=1", "--leave=2", text)
    assert code == 0 and out.endswith("\ncancelled\n"), (code, out, error)
    code, whole, error = examples.run("translate", "--beam=1", text)
    beginning = out.removesuffix("\ncancelled\n")
    assert beginning and whole.startswith(beginning), (out, whole, error)
    assert len(beginning) < len(whole) / 2, "it did not wait for the rest"

    lines = ["a b", "", "c d. a", "\U0001F600"] * 100
    code, out, error = examples.run("translate", text="\n".join(lines))
    assert code == 0, error
    answers = dict(line.split("\t") for line in out.splitlines())
    assert sorted(map(int, answers)) == list(range(1, 401)), out
    assert answers["2"] == "", "nothing is translated to nothing"
    code, out, error = examples.run("translate", "a b")
    assert out.strip() == answers["1"] == answers["397"], "batch and alone"


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

    # Numbers are no times.
    path.write_text("step,load,heat\n" + "".join(
        f"{step},{100 + step},{-step}\n" for step in range(8)))
    code, out, error = examples.run("forecast", str(path))
    assert code == 0 and out.startswith("load\n+1  "), (out, error)

    # A column has no number.
    path.write_text("step,load,heat\n" + "0,100,1\n" * 7 + "0,100,\n")
    code, out, error = examples.run("forecast", str(path))
    assert code != 0 and out == "" and error, (code, out)

    write(range(8))
    code, out, error = examples.run("forecast", "--horizon=0", str(path))
    assert code != 0 and "(field horizon)" in error, error
    check_unknown_model(examples, "forecast", str(path))
    # One series of a model of two; the answer is one of the horizon asked for.
    code, out, error = examples.run("forecast", "--column=load", str(path))
    assert code != 0 and "(field history" in error, error
    code, out, error = examples.run("forecast", "--horizon=1", str(path))
    assert code == 0 and len(out.splitlines()) == 2 + 2, (out, error)


def check_models(examples, models):
    code, out, error = examples.run("models")
    assert code == 0, error
    assert [line.split("\t")[:4] for line in out.splitlines()] == [
        ["en/1", "ready", "", "language_model"],
        ["letters/1", "ready", "", "translator"],
        ["mood/1", "ready", "", "classifier"],
        ["series/1", "ready", "", "forecaster"]], out

    # A version comes while the server runs, with labels.
    shutil.copytree(models / "en/1", models / "en/3")
    (models / "en/labels.json").write_text('{"stable": 1, "canary": 3}')
    code, out, error = examples.run("models", "--reload", "en@canary", "en")
    assert code == 0, error
    assert out.startswith("added en/3\nen/3\tready\tcanary\t"), out
    assert "\nen/1\tready\tstable\t" in out and "\n  f32 by lstm" in out, out

    # One that is not as its manifest says leaves the old one.
    manifest = models / "en/3/manifest.json"
    good = manifest.read_text()
    parts = json.loads(good)
    parts["files"]["vocabulary.txt"]["bytes"] += 1
    manifest.write_text(json.dumps(parts))
    code, out, error = examples.run("models", "--reload", "en/3")
    assert code == 0 and out.startswith("failed en/3: "), (out, error)
    assert "\nen/3\tready\tcanary\t" in out, out
    assert "\n  reload_error: " in out and "vocabulary.txt" in out, out

    # A label of a version that there is not.
    (models / "en/labels.json").write_text('{"stable": 9}')
    code, out, error = examples.run("models", "--reload", "en/1")
    assert code == 0 and "\nfailed en: " in out, (out, error)
    assert "\n  labels_error: " in out, out

    manifest.write_text(good)
    (models / "en/labels.json").unlink()
    shutil.rmtree(models / "en/3")
    code, out, error = examples.run("models", "--reload")
    assert code == 0 and out.startswith("removed en/3\nen/1\tready\t\t"), out

    for name, named in (("en/7", "(model en/7)"), ("nope", "(model nope)"),
                        ("en@none", "(model en@none)")):
        code, out, error = examples.run("models", name)
        assert code != 0 and "NOT_FOUND" in error and named in error, error


def check_explain(examples):
    # Places count characters. "I wo" was asked before: its beginning is known.
    code, out, error = examples.run("models", "--explain",
                                    "I caf\u00e9 \U0001F600 would h", "en")
    assert code == 0, error
    *tokens, beginning = [line.split("\t") for line in out.splitlines()]
    assert [token[:3] for token in tokens] == [
        ["0-0", "", "<eos>"], ["0-1", "I", "I"],
        ["2-6", "caf\u00e9", "<unk>"], ["7-8", "\U0001F600", "<unk>"],
        ["9-14", "would", "would"]], out
    assert [token[4] for token in tokens] == ["remembered"] * 2 + [""] * 3, out
    assert beginning == ["looked up as a beginning: h"], out

    code, out, error = examples.run("models", "--explain=I", "series")
    assert code != 0 and "(field model.name)" in error, (out, error)


def check_not_allowed(examples):
    """Of a server without the flags that allow it."""
    for flag, arguments in (("--allow_reload", ["--reload"]),
                            ("--allow_explain", ["--explain=I wo", "en"])):
        code, out, error = examples.run("models", *arguments)
        assert code != 0 and "FAILED_PRECONDITION" in error, (out, error)
        assert flag in error, error


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
        check_command_line(examples)
        with tempfile.TemporaryDirectory() as folder:
            check_complete(examples, folder)
        check_score(examples)
        for name in "score", "translate":
            check_bulk_errors(examples, name)
            check_bulk_cancelled(examples, name)
        check_translate(examples)
        check_alignment(examples, carousel)
        check_translate_streams(examples)
        with tempfile.TemporaryDirectory() as folder:
            check_forecast(examples, folder)
        check_explain(examples)
        check_models(examples, models)
    with serving(server, writer, "--max_queue_tokens=1",
                 "--workers=1") as (address, _):
        examples = Examples(address, command, environment)
        check_not_allowed(examples)
        check_refused(examples, carousel)
