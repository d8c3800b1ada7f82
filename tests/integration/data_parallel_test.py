# SPDX-License-Identifier: Apache-2.0
"""Training on several processes, as a user starts them: mpirun carousel-train.

Run as: data_parallel_test.py CAROUSEL_TRAIN
Exit code 77 (skipped) where mpirun is missing.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

TRAIN = pathlib.Path(sys.argv[1]).resolve()
MPIRUN = shutil.which("mpirun")
STEPS = 50

# Open MPI refuses root unless told twice; --oversubscribe: fewer cores than
# processes must do for a test.
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1",
                   OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")


def write_data(folder):
    words = [f"w{i}" for i in range(30)]
    source = random.Random(1)
    lines = []
    for _ in range(400):
        start, step = source.randrange(30), source.randrange(1, 4)
        length = source.randrange(4, 12)
        lines.append(" ".join(words[(start + i * step) % 30]
                              for i in range(length)))
    (folder / "train.txt").write_text("\n".join(lines) + "\n")
    (folder / "dev.txt").write_text("\n".join(lines[:20][::-1]) + "\n")
    (folder / "config.json").write_text(json.dumps({
        "data": {"train": ["train.txt"], "dev": ["dev.txt"]},
        "text": {"tokenizer": "whitespace", "context": "stream",
                 "minimum_count": 1},
        "model": {"embedding": 12, "hidden": 16, "layers": 2,
                  "projection": True},
        # Dropout is on: its masks must not depend on who computes a row.
        "training": {"rows": 5, "steps": 7, "dropout_layers": 0.3,
                     "dropout_output": 0.2, "learning_rate": 0.01,
                     "max_steps": STEPS, "epochs": 0, "log_every_steps": 1,
                     "evaluate_every_steps": 20, "threads": 1}}))


# Texts of words without digits, which the classifier does not tell apart.
def write_other_tasks(folder):
    words = [first + second for first in "bdfgk" for second in "aeiou"]
    source = random.Random(2)
    texts = [source.choices(words, k=source.randrange(2, 9))
             for _ in range(80)]
    labelled = [f"{'even' if len(text) % 2 == 0 else 'odd'}\t{' '.join(text)}"
                for text in texts]
    pairs = [f"{' '.join(text)}\t{' '.join(text[::-1])}" for text in texts]
    for name, lines in (("labelled", labelled), ("pairs", pairs)):
        (folder / f"{name}.tsv").write_text("\n".join(lines[:60]) + "\n")
        (folder / f"{name}-dev.tsv").write_text("\n".join(lines[60:]) + "\n")
    (folder / "series.csv").write_text("day,value\n" + "".join(
        f"{day},{source.random() + day % 5}\n" for day in range(260)))
    layers = {"encoder_layers": 1, "decoder_layers": 1}
    for task, data, model, training in (
            ("classifier",
             {"train": ["labelled.tsv"], "dev": ["labelled-dev.tsv"]},
             {"embedding": 8, "hidden": 8}, {"max_buckets": 3}),
            ("translator", {"train": ["pairs.tsv"], "dev": ["pairs-dev.tsv"]},
             {"embedding": 8, "hidden": 8, **layers},
             {"max_buckets": 3, "bleu_texts": 5}),
            ("forecaster", {"file": "series.csv", "dev_rows": 30},
             {"hidden": 8}, {})):
        config = {
            "data": data, "model": model,
            "training": {"rows": 5, "dropout_output": 0.2, "max_steps": 12,
                         "epochs": 0, "learning_rate": 0.01, "threads": 1,
                         "log_every_steps": 1, "evaluate_every_steps": 6,
                         **training}}
        if task != "forecaster":
            config["text"] = {"minimum_count": 1}
        (folder / f"{task}.json").write_text(json.dumps(config))


def command(folder, processes, *more, task="language-model"):
    launcher = [MPIRUN, "--oversubscribe", "-np", str(processes)]
    config = "config" if task == "language-model" else task
    return ((launcher if processes else []) +
            [str(TRAIN), task, f"--config={folder}/{config}.json",
             f"--data_directory={folder}", "--progress=lines", *more])


def train(folder, name, processes, *more, task="language-model"):
    result = subprocess.run(
        command(folder, processes, f"--out={folder}/{name}/1", *more,
                task=task),
        env=ENVIRONMENT, capture_output=True, text=True, timeout=240,
        check=False)
    assert result.returncode == 0, result.stderr
    return result


def metrics(folder, name):
    text = (folder / name / "1.run" / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def losses(folder, name, key):
    return [m[key] for m in metrics(folder, name) if key in m]


def check_alike(folder, name, other):
    for key in ("loss", "dev_loss", "gradient_norm"):
        one, two = losses(folder, name, key), losses(folder, other, key)
        assert len(one) == len(two) > 0, (key, len(one), len(two))
        worst = max(abs(a - b) / abs(a) for a, b in zip(one, two))
        print(f"{key}: {len(one)} values, largest relative difference {worst:.1e}")
        assert worst <= 1e-5, (key, worst)


def two_processes_train_what_one_trains(folder):
    train(folder, "one", 1)
    train(folder, "two", 2)
    check_alike(folder, "one", "two")
    assert len(losses(folder, "one", "loss")) == STEPS


def so_they_do_for_the_other_tasks(folder):
    for task in ("classifier", "translator", "forecaster"):
        print(task, flush=True)
        train(folder, f"{task}-one", 0, task=task)
        train(folder, f"{task}-two", 2, task=task)
        check_alike(folder, f"{task}-one", f"{task}-two")


def without_a_launcher_there_is_no_mpi(folder):
    train(folder, "alone", 0)
    assert losses(folder, "alone", "loss") == losses(folder, "one", "loss")


def one_process_writes_the_files(folder):
    # Two writers would write every line twice.
    steps = [m["step"] for m in metrics(folder, "two") if "loss" in m]
    assert steps == list(range(1, STEPS + 1)), steps
    assert (folder / "two" / "1" / "manifest.json").exists()


def a_run_of_two_goes_on_as_one(folder):
    rate = "--set=training.schedule=constant"
    train(folder, "whole", 0, rate)
    train(folder, "resumed", 2, rate, "--set=training.max_steps=20")
    shutil.rmtree(folder / "resumed" / "1")
    train(folder, "resumed", 1, rate, "--resume")
    check_alike(folder, "whole", "resumed")


def a_dead_process_ends_the_run(folder):
    run = subprocess.Popen(
        command(folder, 2, f"--out={folder}/dead/1",
                "--set=training.max_steps=1000000"),
        env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    # Both have joined when the first says how much there is to do.
    errors = ""
    while "tokens an epoch" not in errors:
        line = run.stderr.readline()
        assert line, errors
        errors += line
    children = subprocess.run(["pgrep", "-P", str(run.pid), "-x",
                               "carousel-train"], capture_output=True,
                              text=True, check=True).stdout.split()
    assert len(children) == 2, children
    os.kill(int(children[1]), signal.SIGKILL)
    errors += run.communicate(timeout=60)[1]
    assert run.returncode != 0
    assert "signal 9" in errors, errors


def a_failing_process_ends_the_run(folder):
    config = json.loads((folder / "config.json").read_text())
    config["data"]["train"] = ["missing.txt"]
    (folder / "broken.json").write_text(json.dumps(config))
    result = subprocess.run(
        [MPIRUN, "--oversubscribe", "-np", "2", str(TRAIN), "language-model",
         f"--config={folder}/broken.json", f"--data_directory={folder}",
         f"--out={folder}/broken/1"],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
        check=False)
    assert result.returncode != 0
    assert "missing.txt" in result.stderr, result.stderr


def main():
    if MPIRUN is None:
        print("SKIPPED: mpirun is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_data(folder)
        write_other_tasks(folder)
        for test in (two_processes_train_what_one_trains,
                     so_they_do_for_the_other_tasks,
                     without_a_launcher_there_is_no_mpi,
                     one_process_writes_the_files,
                     a_run_of_two_goes_on_as_one,
                     a_dead_process_ends_the_run,
                     a_failing_process_ends_the_run):
            print(test.__name__, flush=True)
            test(folder)


if __name__ == "__main__":
    main()
