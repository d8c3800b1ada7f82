# SPDX-License-Identifier: Apache-2.0
"""A client that shares no code with the server: python3-grpcio, raw bytes.

Run as: python_client_test.py CAROUSEL_SERVER WRITE_TINY_BUNDLE
Exit code 77 (skipped) where python3-grpcio is missing.
"""

import json
import queue
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


def varint_field(number, value):
    """A protobuf field of an integer below 128."""
    return bytes([number << 3, value])


def check_stream(call):
    def keystroke(number, text):
        return varint_field(1, number) + field(2, field(2, text))

    # A request at a time: each is answered under its number, the one that
    # cannot be read by an error (field 3) with code INVALID_ARGUMENT.
    typed = queue.Queue()
    answers = call(iter(typed.get, None), timeout=10)
    typed.put(keystroke(1, b"I wo"))
    answer = next(answers)
    assert answer.startswith(varint_field(1, 1)) and b"would" in answer, answer
    typed.put(keystroke(2, b"\xff"))
    error = next(answers)
    assert error.startswith(varint_field(1, 2) + b"\x1a"), error
    assert varint_field(1, 3) in error and b"UTF-8" in error, error
    typed.put(keystroke(3, b"I wo"))
    assert next(answers) == varint_field(1, 3) + answer[2:]
    typed.put(None)
    assert list(answers) == [], "half-close"
    assert answers.code() == grpc.StatusCode.OK, answers

    # All at once: the last is answered, whatever is passed over.
    answers = list(call(iter([keystroke(n, b"I wo") for n in range(1, 100)]),
                        timeout=10))
    assert answers[-1] == varint_field(1, 99) + answer[2:], answers

    def expect_end(requests, fragment):
        try:
            list(call(iter(requests), timeout=10))
        except grpc.RpcError as end:
            assert end.code() == grpc.StatusCode.INVALID_ARGUMENT, end
            assert fragment in end.details(), end
            return
        raise AssertionError("expected INVALID_ARGUMENT")

    expect_end([keystroke(2, b"a"), keystroke(2, b"ab")], "number: ")
    expect_end([b"\xff\xff"], "not a valid")


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
                check_stream(channel.stream_stream(COMPLETE + "Stream"))
            server.send_signal(signal.SIGTERM)
            _, rest = server.communicate(timeout=60)
            assert server.returncode == 0, (server.returncode, rest)
        finally:
            server.kill()
            server.wait()
    print("ok")


if __name__ == "__main__":
    main()
