# SPDX-License-Identifier: Apache-2.0
"""A client that shares no code with the server: python3-grpcio, raw bytes.

Run as: python_client_test.py CAROUSEL_SERVER WRITE_TINY_BUNDLE
Exit code 77 (skipped) where python3-grpcio is missing.
"""

import json
import signal
import subprocess
import sys
import tempfile

try:
    import grpc
except ImportError:
    print("SKIPPED: python3-grpcio is not installed")
    sys.exit(77)

COMPLETE = "/carousel.v1.AutocompleteService/Complete"


def field(number, content):
    """A length-delimited protobuf field."""
    length, prefix = len(content), b""
    while length > 127:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + prefix + bytes([length]) + content


def expect_error(call, request, code, fragment):
    try:
        call(request, timeout=10)
    except grpc.RpcError as error:
        assert error.code() == code, error
        assert fragment in error.details(), error
        return
    raise AssertionError(f"expected {code}")


def check(call):
    code = grpc.StatusCode
    reply, rpc = call.with_call(field(2, b"I wo"), timeout=10)
    assert b"would" in reply and b"uld" in reply, reply
    trailers = dict(rpc.trailing_metadata())
    assert trailers["carousel-version"] == "1", trailers
    assert int(trailers["carousel-compute-us"]) >= 0, trailers

    assert call(b"", timeout=10), "the start of a text"
    expect_error(call, field(2, b"\xff"), code.INVALID_ARGUMENT, "UTF-8")
    expect_error(call, b"\xff\xff", code.INVALID_ARGUMENT, "not a valid")
    expect_error(call, field(2, b"a" * (1 << 20)), code.INVALID_ARGUMENT,
                 "at most 16384")
    expect_error(call, field(1, field(1, "né\n".encode())), code.NOT_FOUND,
                 "né")
    expect_error(call, b"\x18\x00", code.INVALID_ARGUMENT, "1 to 100")
    # A field that this version does not know is passed over.
    assert call(field(15, b"x") + field(2, b"I wo"), timeout=10) == reply


def main():
    server_path, writer_path = sys.argv[1:]
    with tempfile.TemporaryDirectory() as models:
        subprocess.run([writer_path, models], check=True)
        server = subprocess.Popen(
            [server_path, f"--models={models}", "--grpc_address=127.0.0.1:0",
             "--http_address=127.0.0.1:0", "--drain_pause=0s",
             "--log_format=json"], stderr=subprocess.PIPE, text=True)
        try:
            port = 0
            for line in server.stderr:
                event = json.loads(line)
                port = event.get("grpc_port", port)
                if event["event"] == "ready":
                    break
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                check(channel.unary_unary(COMPLETE))
            server.send_signal(signal.SIGTERM)
            _, rest = server.communicate(timeout=60)
            assert server.returncode == 0, (server.returncode, rest)
        finally:
            server.kill()
            server.wait()
    print("ok")


if __name__ == "__main__":
    main()
