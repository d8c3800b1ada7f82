# SPDX-License-Identifier: Apache-2.0
"""`carousel` reads lines from a pipe while the server is killed.

Run as: broken_run_test.py CAROUSEL_SERVER CAROUSEL WRITE_TINY_BUNDLE
"""

import subprocess
import sys
import tempfile

import tiny_server


def check(command, server_path, carousel, models):
    server = subprocess.Popen(
        [server_path, f"--models={models}", "--grpc_address=127.0.0.1:0",
         "--http_address=127.0.0.1:0", "--log_format=json"],
        stderr=subprocess.PIPE, text=True)
    try:
        address = tiny_server.wait_until_ready(server)
        client = subprocess.Popen(
            [carousel, command, "--json", f"--server={address}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        # Each answer comes through the pipe before there is another line.
        for line in "a", "b", "c":
            client.stdin.write(line + "\n")
            client.stdin.flush()
            answer = client.stdout.readline()
            assert answer.startswith(f'{{"input":"{line}",'), answer
    finally:
        server.kill()
        server.communicate()
    out, error = client.communicate("d\ne\n", timeout=60)
    assert client.returncode == 1 and out == "", (command, out, error)
    assert f"the server at {address} went away (" in error, error
    assert error.endswith("); lines done: 3; go on from line 4\n"), error
    assert "make serve" not in error, error


def main():
    server_path, carousel, writer = sys.argv[1:]
    with tempfile.TemporaryDirectory() as models:
        subprocess.run([writer, models], check=True)
        for command in "complete", "score", "translate":
            check(command, server_path, carousel, models)
    print("ok")


if __name__ == "__main__":
    main()
