#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Formats our sources with clang-format 14; --check only says what is not
# formatted. Other versions format differently: without 14 it exits with 77.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v clang-format-14 >/dev/null; then
  echo "skipped: clang-format-14 is not installed (Debian 12 has it)"
  exit 77
fi
mode=-i
[ "${1:-}" = --check ] && mode="--dry-run -Werror"
find model server client tests proto \
  \( -name '*.cc' -o -name '*.h' -o -name '*.proto' \) -print0 |
  xargs -0 clang-format-14 $mode
