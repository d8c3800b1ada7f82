#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/bench/compare_training.sh PEERS_DIR [ROUNDS=3] [SECONDS=10]
#
# Trains the language model of PEERS_DIR/torch_train.py with PyTorch and with
# carousel-bench (train/f32, train/bf16), in turns, ROUNDS times, each for about
# SECONDS, on the two OpenMP threads that the peer takes. Beside them the matrix
# products of an update by themselves (matmul/PRECISION): what oneDNN alone
# would reach. Prints tokens per second and the medians with their ratios: only
# turns of one run compare. Without AVX512_BF16 there is no bf16.
set -euo pipefail
peers=$(realpath "${1:?usage: $0 PEERS_DIR [ROUNDS=3] [SECONDS=10]}")
cd "$(dirname "$0")/../.."
rounds=${2:-3}
seconds=${3:-10}
bench=${CAROUSEL_BENCH:-build/release/bin/carousel-bench}
export OMP_NUM_THREADS=2
[ -x "$bench" ] || { echo "$bench is missing: make bench builds it" >&2; exit 1; }

results=$(mktemp)
trap 'rm -f "$results"' EXIT
precisions=$("$bench" --benchmark_list_tests |
  sed -n 's|^train/||p')
for ((round = 1; round <= rounds; ++round)); do
  echo "round $round of $rounds" >&2
  /usr/bin/python3 "$peers/torch_train.py" "$seconds" >>"$results"
  for precision in $precisions; do
    "$bench" --threads="$OMP_NUM_THREADS" --benchmark_format=json \
      --benchmark_filter="^(train|matmul)/$precision\$" \
      --benchmark_min_time="$seconds" |
      python3 -c '
import json, sys
for b in json.load(sys.stdin)["benchmarks"]:
    if b.get("error_occurred"):
        sys.exit(b["name"] + ": " + b["error_message"])
    print(json.dumps({"what": b["name"], "peer": "carousel",
                      "tokens_per_s": round(b["items_per_second"], 1),
                      "gflop_per_s": round(b.get("GFLOP/s", 0)),
                      "peak_mb": round(b.get("peak_MB", 0)),
                      "label": b.get("label", "")}))' >>"$results"
  done
done

python3 - "$results" <<'END'
import json, statistics, sys

rates = {}
for line in open(sys.argv[1]):
    result = json.loads(line)
    print(json.dumps(result))
    name = result["what"] if result["peer"] == "carousel" else result["peer"]
    rates.setdefault(name, []).append(result["tokens_per_s"])
medians = {name: statistics.median(values) for name, values in rates.items()}
torch = next(name for name in medians if name.startswith("torch"))
for name, median in medians.items():
    text = f"{name}: median {median:.0f} tokens/s"
    if not name.startswith("matmul/"):
        text += f", {median / medians[torch]:.2f} x {torch}"
    products = medians.get(name.replace("train/", "matmul/"))
    if name.startswith("train/") and products:
        text += f", {median / products:.0%} of the speed of its products alone"
    print(text)
END
