#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says what each TEXT expresses.

Without a TEXT every line of the input is labelled, by one stream that the
server answers in the order in which it is done.
"""

import argparse
import sys

import grpc

import errors
from carousel.v1 import sentiment_pb2, sentiment_pb2_grpc


def requests(lines):
    """One request a line; its id is the line's number."""
    for number, line in enumerate(lines, 1):
        yield sentiment_pb2.ScoreStreamRequest(
            id=str(number),
            request=sentiment_pb2.ScoreRequest(text=line.rstrip("\n")))


def probability(response):
    return next(p.probability for p in response.probabilities
                if p.label == response.label)


def show(text, response):
    print(f"{response.label}\t{probability(response):.3f}\t{text}")
    for word in response.words:
        assert text[word.begin:word.end] == word.text
        print(f"  {word.contribution:+.2f}  {word.text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--explain", action="store_true",
                        help="show what each word contributes")
    parser.add_argument("text", nargs="*")
    options = parser.parse_args()
    with grpc.insecure_channel(options.server) as channel:
        stub = sentiment_pb2_grpc.SentimentServiceStub(channel)
        for text in options.text:
            show(text, stub.Score(
                sentiment_pb2.ScoreRequest(text=text,
                                           contributions=options.explain),
                timeout=options.timeout))
        if options.text:
            return
        # No deadline: it would hold for the whole stream.
        for answer in stub.ScoreStream(requests(sys.stdin)):
            if answer.HasField("error"):
                print(f"{answer.id}\t{answer.error.message}")
            else:
                print(f"{answer.id}\t{answer.response.label}\t"
                      f"{probability(answer.response):.3f}")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
