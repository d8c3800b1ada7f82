# SPDX-License-Identifier: Apache-2.0
"""Any number of texts by one stream: ScoreStream, TranslateBatch."""

import sys

import grpc


class Lines:
    """The lines of the input with their numbers, but for those not in UTF-8."""

    def __init__(self):
        self.failed = []  # their numbers; a list, since two threads add

    def __iter__(self):
        # What is not UTF-8 becomes characters that there are none of in it.
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape",
                              newline="\n")
        for number, line in enumerate(sys.stdin, 1):
            try:
                line.encode("utf-8")
            except UnicodeEncodeError as error:
                self.fail(number, f"not UTF-8 at character {error.start}")
            else:
                yield number, line.rstrip("\r\n")

    def fail(self, number, reason):
        self.failed.append(number)
        print(f"line {number}: {reason}", file=sys.stderr)


def each_line(rpc, message_type, ask, show, first=None):
    """Sends a request for each line of the input, made by ask(line).

    Its id is the line's number; show(id, response) is told the answers, in the
    order in which the server is done. Lines that have none are named on stderr,
    and are what the program's exit code tells in the end. After `first` answers
    the stream is cancelled. grpc writes on a thread of its own, as far as the
    server reads.
    """
    lines = Lines()
    # No deadline: it would hold for the whole stream.
    call = rpc(message_type(id=str(number), request=ask(line))
               for number, line in lines)
    left = first
    try:
        for answer in call:
            if left == 0:
                continue  # on its way when the stream was cancelled
            if answer.HasField("error"):
                lines.fail(answer.id, answer.error.message)
            else:
                show(answer.id, answer.response)
            if left is not None:
                left -= 1
                if left == 0:
                    call.cancel()
    except grpc.RpcError:
        if left != 0 or call.code() != grpc.StatusCode.CANCELLED:
            raise
        print("cancelled")
    if lines.failed:
        sys.exit(f"{len(lines.failed)} lines have no answer")
