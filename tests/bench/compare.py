# SPDX-License-Identifier: Apache-2.0
"""Measures Carousel beside its peers, in turns within one run.

Sections:
  lstm      one LSTM layer, sizes and batches of PEERS_DIR/ort_bench, f32 and
            int8, one thread each, against ONNX Runtime
  step      a next-word step (2 layers of 512, 20,000 words) at batch 1, 8 and
            64, two threads each, against ONNX Runtime; and the share of the
            rate of oneDNN's int8 products alone
  serve     carousel-server under `carousel load`, 32 in flight, against a bare
            gRPC echo: keystrokes on streams, complete on unary calls
  long      latency of one user alone, and while 64 others load long texts
  overload  goodput at saturation and at three times that rate, open loop
  streams   calls a second and resident memory with 1, 10, 100 and 1,000 streams

Needs `make build` and `make bench`; ends only processes that it started.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

BIN = pathlib.Path(os.environ.get("CAROUSEL_BIN", "build/release/bin"))
SECTIONS = ["lstm", "step", "serve", "long", "overload", "streams"]


def run(command):
    return subprocess.run([str(part) for part in command], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


class Results:
    """Medians by name, over the turns."""

    def __init__(self):
        self.values = {}

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def median(self, name):
        return statistics.median(self.values[name])

    def ratio(self, name, other):
        return self.median(name) / self.median(other)


def ort(options, threads, kind):
    """Microseconds of a call, by (precision, H, T, N) or (precision, N)."""
    lines = run([options.peers / "ort_bench", options.peers / "models", threads,
                 min(options.seconds, 0.5)]).splitlines()
    found = {}
    for line in map(json.loads, lines):
        if line["what"] == kind == "lstm":
            found[line["precision"], line["H"], line["T"], line["N"]] = line["us"]
        elif line["what"] == kind:
            found[line["precision"], line["N"]] = line["us"]
    return found


def bench(options, threads, pattern):
    """Microseconds of an iteration, by name."""
    text = run([BIN / "carousel-bench", f"--threads={threads}",
                f"--benchmark_filter={pattern}", "--benchmark_format=json",
                f"--benchmark_min_time={min(options.seconds, 0.5) / 5}",
                "--benchmark_repetitions=5"])
    best = {}
    for result in json.loads(text)["benchmarks"]:
        if result.get("run_type") == "aggregate":
            continue
        us = result["real_time"] / (1e3 if result["time_unit"] == "ns" else 1e-3)
        name = result["run_name"]
        best[name] = min(best.get(name, us), us)
    return best


def lstm(options, results, rows):
    points = {}
    for turn in range(options.turns):
        say(f"lstm: turn {turn + 1} of {options.turns}")
        peer = ort(options, 1, "lstm")
        ours = bench(options, 1, "^lstm/(f32|int8)/")
        for precision, h, t, n in peer:
            name = f"lstm/{precision}/H:{h}/T:{t}/N:{n}"
            if name not in ours:
                continue
            results.add(name, ours[name])
            results.add("ort " + name, peer[precision, h, t, n])
            points[name] = precision
    for name in points:
        rows.append((name, "ONNX Runtime", results.ratio("ort " + name, name),
                     f"{results.median(name):.0f} us"))
    for precision in ("f32", "int8"):
        ratios = [results.ratio("ort " + name, name)
                  for name, its in points.items() if its == precision]
        if ratios:
            mean = math.exp(statistics.fmean(map(math.log, ratios)))
            rows.append((f"lstm/{precision}: geometric mean", "ONNX Runtime",
                         mean, f"least {min(ratios):.2f}"))


def step(options, results, rows):
    for turn in range(options.turns):
        say(f"step: turn {turn + 1} of {options.turns}")
        peer = ort(options, 2, "step")
        ours = bench(options, 2, "^step(_matmul)?/(f32|int8)/")
        for name, us in ours.items():
            results.add(name, us)
        for (precision, n), us in peer.items():
            results.add(f"ort step/{precision}/N:{n}", us)
    for name in results.values:
        peer = "ort " + name
        if name.startswith("step/") and peer in results.values:
            n = int(name.split(":")[1])
            rows.append((name, "ONNX Runtime", results.ratio(peer, name),
                         f"{n * 1e6 / results.median(name):.0f} words/s"))
    if "step_matmul/int8/N:64" in results.values:
        rows.append(("step/int8/N:64", "its int8 products alone",
                     results.ratio("step_matmul/int8/N:64", "step/int8/N:64"),
                     ""))


@contextlib.contextmanager
def started(command, **kwargs):
    process = subprocess.Popen([str(part) for part in command], text=True,
                               **kwargs)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def server(options):
    """A carousel-server on free ports: (process, address)."""
    command = [BIN / "carousel-server", f"--models={options.models}",
               "--grpc_address=127.0.0.1:0", "--http_address=127.0.0.1:0",
               "--log_format=json", "--drain_pause=0s"]
    with started(command, stderr=subprocess.PIPE,
                 stdout=subprocess.DEVNULL) as process:
        port = None
        for line in process.stderr:
            event = json.loads(line)
            port = event.get("grpc_port", port)
            if event["event"] == "ready":
                break
        else:
            sys.exit("carousel-server did not become ready")
        # Nobody reads on: little more is logged than fits into a pipe.
        yield process, f"127.0.0.1:{port}"


@contextlib.contextmanager
def echo_server(options):
    """A bare gRPC server: its address. Only its client's calls to a server that
    listens are calls: it counts those that fail too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    name = f"{address[0]}:{address[1]}"
    with started([options.peers / "echo" / "echo", "serve", name],
                 stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(address).close()
                break
            time.sleep(0.05)
        else:
            sys.exit(f"the echo server at {name} ended")
        yield name


def load(address, *flags):
    return json.loads(run([BIN / "carousel", f"--server={address}", "load",
                           "--json", *flags]))


def answered_share(found, seconds):
    calls = found["qps"] * seconds
    refused = sum(found["errors"].values())
    return calls / (calls + refused) if calls + refused else 0


def load_without_errors(name, address, *flags):
    found = load(address, *flags)
    if found["errors"]:
        sys.exit(f"{name}: {found['errors']}")
    return found


def echo(options, mode, address):
    return json.loads(run([options.peers / "echo" / "echo", mode, address, 32,
                           options.seconds]))


def serve(options, results, rows):
    duration = f"--duration={options.seconds}s"
    loads = {
        "keystrokes": ("stream", ["--rpc=keystrokes"]),
        "complete, 3 words": ("unary", ["--rpc=complete", "--words=3"]),
        "complete, 10 words": ("unary", ["--rpc=complete", "--words=10"]),
    }
    if options.texts:
        loads[f"keystrokes, {options.texts.name}"] = (
            "stream", ["--rpc=keystrokes", f"--texts={options.texts}"])
    with server(options) as (_, address), echo_server(options) as bare:
        for turn in range(options.turns):
            say(f"serve: turn {turn + 1} of {options.turns}")
            for mode in ("unary", "stream"):
                floor = echo(options, mode, bare)
                results.add(f"echo {mode} qps", floor["qps"])
                results.add(f"echo {mode} p99", floor["p99_us"])
            for name, (_, flags) in loads.items():
                ours = load_without_errors(name, address, "--concurrency=32",
                                           duration, *flags)
                results.add(f"{name} qps", ours["qps"])
                results.add(f"{name} p99", ours["p99_us"])
    for name, (mode, _) in loads.items():
        rows.append((f"{name}, 32 in flight: calls/s", f"echo {mode}",
                     results.ratio(f"{name} qps", f"echo {mode} qps"),
                     f"{results.median(f'{name} qps'):.0f} calls/s, p99 "
                     f"{results.median(f'{name} p99'):.0f} us"))
        rows.append((f"{name}, 32 in flight: p99", f"echo {mode}",
                     results.ratio(f"{name} p99", f"echo {mode} p99"), ""))


def long_texts(options, results, rows):
    one = ["--rpc=complete", "--words=3", "--concurrency=1",
           f"--duration={options.seconds}s"]
    with server(options) as (_, address):
        for turn in range(options.turns):
            say(f"long: turn {turn + 1} of {options.turns}")
            alone = load_without_errors("alone", address, *one)
            results.add("alone p99", alone["p99_us"])
            others = [BIN / "carousel", f"--server={address}", "load", "--json",
                      "--rpc=complete", "--words=200", "--concurrency=64",
                      f"--duration={options.seconds + 3}s"]
            with started(others, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL):
                among = load(address, *one)
                results.add("among others p99", among["p99_us"])
                results.add("among others answered",
                            answered_share(among, options.seconds))
    rows.append(("one user while 64 load long texts: p99", "alone",
                 results.ratio("among others p99", "alone p99"),
                 f"{results.median('among others p99'):.0f} us, "
                 f"{results.median('among others answered'):.1%} answered"))


def overload(options, results, rows):
    flags = ["--rpc=complete", "--words=200", "--timeout=1s",
             f"--duration={options.seconds}s"]
    with server(options) as (_, address):
        for turn in range(options.turns):
            say(f"overload: turn {turn + 1} of {options.turns}")
            most = load(address, "--concurrency=32", *flags)["qps"]
            results.add("saturated", most)
            over = load(address, "--concurrency=1000", f"--rate={3 * most:.0f}",
                        *flags)
            results.add("overloaded", over["qps"])
            results.add("overloaded p99", over["p99_us"])
            say(f"  {over['qps']:.0f} of {most:.0f} calls/s, {over['errors']}")
    rows.append(("goodput at three times the rate", "at saturation",
                 results.ratio("overloaded", "saturated"),
                 f"p99 {results.median('overloaded p99') / 1e3:.0f} ms of the "
                 "1000 of the deadline"))


def resident_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    line = next(l for l in status.splitlines() if l.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def streams(options, results, rows):
    counts = [1, 10, 100, 1000]
    with server(options) as (process, address):
        for turn in range(options.turns):
            say(f"streams: turn {turn + 1} of {options.turns}")
            for count in counts:
                ours = load(address, "--rpc=keystrokes",
                            f"--concurrency={count}",
                            f"--duration={options.seconds}s")
                results.add(f"streams {count}", ours["qps"])
                results.add(f"streams {count} MB", resident_mb(process))
    for count in counts:
        rows.append((f"keystrokes, {count} streams: calls/s", "10 streams",
                     results.ratio(f"streams {count}", "streams 10"),
                     f"{results.median(f'streams {count}'):.0f} calls/s, "
                     f"{results.median(f'streams {count} MB'):.0f} MB"))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("peers", type=pathlib.Path, metavar="PEERS_DIR")
    parser.add_argument("--only", default=",".join(SECTIONS),
                        help="sections, separated by commas")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2,
                        help="of a measurement")
    parser.add_argument("--models", default="model/zoo")
    parser.add_argument("--texts", type=pathlib.Path,
                        help="lines for keystrokes, beside the built-in ones")
    parser.add_argument("--json", type=pathlib.Path, help="results go there too")
    options = parser.parse_args()
    options.peers = options.peers.resolve()

    sections = {"lstm": lstm, "step": step, "serve": serve, "long": long_texts,
                "overload": overload, "streams": streams}
    results, rows = Results(), []
    for name in options.only.split(","):
        if name not in sections:
            parser.error(f"--only={name}: expected some of {SECTIONS}")
        sections[name](options, results, rows)
    width = max(len(row[0]) for row in rows)
    for what, against, ratio, figure in rows:
        print(f"{what:{width}}  {ratio:6.2f} x {against}  {figure}")
    if options.json:
        options.json.write_text(json.dumps(results.values, indent=1) + "\n")


if __name__ == "__main__":
    main()
