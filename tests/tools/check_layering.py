#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails if a file includes a header that its module may not see.

Run from the repository root; CTest runs it as `layering`. Tests may include
what they like and are not looked at.
"""

import pathlib
import re
import sys

# module -> modules that it may include, beside itself and model/base.
MAY_SEE = {
    "model/base": [],
    "model/tensor": [],
    "model/text": [],
    "model/decode": ["model/tensor"],
    "model/onednn": ["model/tensor"],
    "model/layers": ["model/tensor", "model/onednn"],
    "model/weights": ["model/tensor"],
    "model/bundle": ["model/tensor", "model/onednn", "model/layers",
                     "model/text", "model/weights"],
    "model/tasks": ["model/tensor", "model/text", "model/decode",
                    "model/bundle"],
    "model/train": ["model/tensor", "model/onednn", "model/layers",
                    "model/text", "model/weights", "model/decode",
                    "model/bundle", "model/tasks"],
    "server/engine": ["model/tensor", "model/onednn", "model/layers",
                      "model/bundle", "model/tasks"],
    "server/repository": ["model/bundle"],
    "server/metrics": [],
    "server/core": ["carousel/v1", "model/bundle", "model/tasks",
                    "server/engine", "server/repository", "server/metrics"],
    "server/grpc": ["carousel/v1", "server/core", "server/metrics"],
    "server/http": ["carousel/v1", "server/core", "server/metrics"],
    "server/app": ["carousel/v1", "model/bundle", "model/tasks",
                   "server/engine", "server/repository", "server/metrics",
                   "server/core", "server/grpc", "server/http"],
    "client": ["carousel/v1"],
}

# A pattern of headers -> the only modules that may include them.
FENCES = {
    r"(oneapi/dnnl/)?dnnl": ["model/onednn"],
    r"grpc(pp)?/|carousel/v1/\w+\.grpc\.pb\.h":
        ["server/grpc", "server/app", "client"],
    r"boost/(beast|asio)": ["server/http"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def module_of(path):
    """The module that a file or an include belongs to; None if none of ours."""
    if path.startswith(("carousel/v1/", "google/rpc/")):
        return "carousel/v1"
    return next((m for m in MAY_SEE if path.startswith(m + "/")), None)


def check_include(own, include):
    """What is wrong with `include` in a file of module `own`; None if nothing."""
    if include.startswith("."):
        return "includes start at the repository root"
    seen = module_of(include)
    if seen and seen not in [own, "model/base", *MAY_SEE[own]]:
        return f"{own} may not see {seen}"
    for pattern, allowed in FENCES.items():
        if re.match(pattern, include) and own not in allowed:
            return f"only {', '.join(allowed)} may include it"
    return None


def check(root):
    """The errors of the tree below `root`, one line each."""
    errors = []
    for top in ("model", "server", "client"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            path = file.relative_to(root).as_posix()
            own = module_of(path)
            if own is None:
                errors.append(f"{path}: in no module of the table")
                continue
            for include in INCLUDE.findall(file.read_text(encoding="utf-8")):
                problem = check_include(own, include)
                if problem:
                    errors.append(f"{path}: {include}: {problem}")
    return errors


if __name__ == "__main__":
    found = check(pathlib.Path("."))
    print("\n".join(found))
    sys.exit(1 if found else 0)
