# SPDX-License-Identifier: Apache-2.0
"""Installs Node packages for a test, as package-lock.json pins them."""

import pathlib
import shutil
import subprocess
import sys


def skip_without_node():
    """Ends the test as skipped. A Node without npm is a failure of install."""
    if shutil.which("node") is None:
        print("SKIPPED: node is not installed")
        sys.exit(77)


def install(source, destination):
    """Makes destination/node_modules of the package.json in `source`.

    Quick when it is there already. Nothing that a package brings is run. The
    lock names no registry, so that each machine asks its own.
    """
    source, destination = pathlib.Path(source), pathlib.Path(destination)
    lock = (source / "package-lock.json").read_text(encoding="utf-8")
    if '"resolved"' in lock:
        raise ValueError(f"{source}/package-lock.json names a registry: renew "
                         "it with npm --omit-lockfile-registry-resolved")
    done = destination / "installed-lock.json"
    if done.exists() and done.read_text(encoding="utf-8") == lock:
        return
    destination.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, destination)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                   cwd=destination, check=True)
    done.write_text(lock, encoding="utf-8")
