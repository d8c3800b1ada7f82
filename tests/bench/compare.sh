#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# usage: tests/bench/compare.sh PEERS_DIR [--only=lstm,step,serve,long,overload,
#          streams] [--turns=3] [--seconds=2] [--json=FILE]
#
# Measures Carousel beside its peers, in turns within one run, and prints ratios
# of medians: above 1 Carousel is the faster, but of a p99 the slower. Absolute figures drift with the
# machine; only those of one run compare. compare.py describes the sections.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python3 tests/bench/compare.py "$@"
