#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says what each TEXT expresses.

Without a TEXT every line of the input is labelled, by one stream that the
server answers in the order in which it is done. With --first the stream is
cancelled after N answers.
"""

import argparse
import sys

import grpc

import errors
from carousel.v1 import model_pb2, sentiment_pb2, sentiment_pb2_grpc


def ask(text, options):
    return sentiment_pb2.ScoreRequest(
        model=model_pb2.ModelSpec(name=options.model), text=text,
        contributions=options.explain)


def requests(lines, options):
    """One request a line; its id is the line's number."""
    for number, line in enumerate(lines, 1):
        yield sentiment_pb2.ScoreStreamRequest(
            id=str(number), request=ask(line.rstrip("\n"), options))


def probability(response):
    return next(p.probability for p in response.probabilities
                if p.label == response.label)


def show(text, response):
    print(f"{response.label}\t{probability(response):.3f}\t{text}")
    for word in response.words:
        assert text[word.begin:word.end] == word.text
        print(f"  {word.contribution:+.2f}  {word.text}")


def score_lines(stub, lines, options):
    """grpc writes on a thread of its own, as far as the server reads."""
    # No deadline: it would hold for the whole stream.
    call = stub.ScoreStream(requests(lines, options))
    left = options.first
    try:
        for answer in call:
            if left == 0:
                continue  # was on its way when the stream was cancelled
            if answer.HasField("error"):
                print(f"{answer.id}\t{answer.error.message}")
            else:
                print(f"{answer.id}\t{answer.response.label}\t"
                      f"{probability(answer.response):.3f}")
            if left is not None:
                left -= 1
                if left == 0:
                    call.cancel()
    except grpc.RpcError:
        if left is None or call.code() != grpc.StatusCode.CANCELLED:
            raise
        print("cancelled")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--explain", action="store_true",
                        help="show what each word contributes")
    parser.add_argument("--model", default="")
    parser.add_argument("--first", type=int, metavar="N")
    parser.add_argument("text", nargs="*")
    options = parser.parse_args()
    with grpc.insecure_channel(options.server) as channel:
        stub = sentiment_pb2_grpc.SentimentServiceStub(channel)
        for text in options.text:
            show(text, stub.Score(ask(text, options), timeout=options.timeout))
        if not options.text:
            score_lines(stub, sys.stdin, options)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
