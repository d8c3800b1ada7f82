# SPDX-License-Identifier: Apache-2.0
"""The real server with tiny models, as a process."""

import contextlib
import json
import pathlib
import subprocess
import tempfile


def wait_until_ready(server):
    """The address of a server that logs as JSON to a pipe."""
    port = None
    for line in server.stderr:
        event = json.loads(line)
        port = event.get("grpc_port", port)
        if event["event"] == "ready":
            return f"127.0.0.1:{port}"
    raise RuntimeError(f"the server did not become ready: {line}")


@contextlib.contextmanager
def running(command):
    """The server's address."""
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield wait_until_ready(server)
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
