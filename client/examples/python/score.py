#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says what each TEXT expresses.

Without a TEXT every line of the input is labelled, by one stream that the
server answers in the order in which it is done; if one has no answer the exit
code is 1. With --first the stream is cancelled after N answers.
"""

import sys

import grpc

import bulk
import command_line
import errors
from carousel.v1 import model_pb2, sentiment_pb2, sentiment_pb2_grpc


def probability(response):
    return next(p.probability for p in response.probabilities
                if p.label == response.label)


def show(text, response):
    print(f"{response.label}\t{probability(response):.3f}\t{text}")
    for word in response.words:
        assert text[word.begin:word.end] == word.text
        print(f"  {word.contribution:+.2f}  {word.text}")


def show_line(number, response):
    print(f"{number}\t{response.label}\t{probability(response):.3f}")


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--explain", action="store_true",
                        help="show what each word contributes")
    parser.add_argument("--model", default="")
    parser.add_argument("--first", type=int, metavar="N")
    parser.add_argument("text", nargs="*")
    options = parser.parse_args()

    def ask(text):
        return sentiment_pb2.ScoreRequest(
            model=model_pb2.ModelSpec(name=options.model), text=text,
            contributions=options.explain)

    with grpc.insecure_channel(options.server) as channel:
        stub = sentiment_pb2_grpc.SentimentServiceStub(channel)
        for text in options.text:
            show(text, stub.Score(ask(text), timeout=options.timeout))
        if not options.text:
            bulk.each_line(stub.ScoreStream, sentiment_pb2.ScoreStreamRequest,
                           ask, show_line, options.first)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
