# SPDX-License-Identifier: Apache-2.0
"""Any number of texts by one stream: ScoreStream, TranslateBatch."""

import sys

import grpc


def each_line(rpc, message_type, ask, show, first=None):
    """Sends a request for each line of the input, made by ask(line).

    Its id is the line's number; show(id, response) is told the answers, in the
    order in which the server is done. After `first` answers the stream is
    cancelled. grpc writes on a thread of its own, as far as the server reads.
    """
    # No deadline: it would hold for the whole stream.
    call = rpc(message_type(id=str(number), request=ask(line.rstrip("\n")))
               for number, line in enumerate(sys.stdin, 1))
    left = first
    try:
        for answer in call:
            if left == 0:
                continue  # on its way when the stream was cancelled
            if answer.HasField("error"):
                print(f"{answer.id}\t{answer.error.message}")
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
