#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Translates each TEXT.

It is written as the server finds it, and what is written stands; [...] where it
is not translated to its end. With --whole it comes in one piece. With --leave
nobody waits for more after N pieces: the stream is cancelled, and the server
stops within one step.

Without a TEXT every line of the input is translated, by one stream that the
server answers in the order in which it is done; if one has no answer the exit
code is 1. With --first the stream is cancelled after N answers.
"""

import sys

import grpc

import bulk
import command_line
import errors
from carousel.v1 import model_pb2, translation_pb2, translation_pb2_grpc


def show_alignment(alignment):
    """The word of the source that each word looked at most."""
    for target, row in zip(alignment.target, alignment.rows):
        best = max(range(len(row.weights)), key=row.weights.__getitem__)
        word = (alignment.source[best].text if best < len(alignment.source)
                else "(end)")
        print(f"  {target.text} <- {word}  {row.weights[best]:.2f}")


def whole(response):
    return response.text + (" [...]" if response.truncated else "")


def show_details(response, options):
    for sentence in response.sentences:
        if options.best > 1:
            for translation in sentence.translations:
                print(f"  {translation.score:.2f}  {translation.text}")
        if options.alignment:
            show_alignment(sentence.translations[0].alignment)


def translate_aloud(stub, request, options):
    call = stub.TranslateStream(
        translation_pb2.TranslateStreamRequest(request=request),
        timeout=options.timeout)
    pieces = 0
    try:
        for answer in call:
            if answer.HasField("response"):  # the last, with the whole
                print(" [...]" if answer.response.truncated else "")
                show_details(answer.response, options)
                continue
            print(answer.text, end="", flush=True)
            pieces += 1
            if pieces == options.leave:
                call.cancel()
    except grpc.RpcError:
        if options.leave is None or call.code() != grpc.StatusCode.CANCELLED:
            raise
        print("\ncancelled")


def parse_options():
    parser = command_line.parser(__doc__)
    parser.add_argument("--timeout", type=float, default=30)
    parser.add_argument("--model", default="")
    parser.add_argument("--beam", type=int, metavar="N",
                        help="translations that the search follows")
    parser.add_argument("--best", type=int, default=1, metavar="N",
                        help="translations of each sentence to show")
    parser.add_argument("--alignment", action="store_true",
                        help="show which words each word looked at")
    parser.add_argument("--time_limit", type=float, metavar="SECONDS",
                        help="the best so far is the answer then")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--leave", type=int, metavar="N")
    parser.add_argument("--first", type=int, metavar="N")
    parser.add_argument("text", nargs="*")
    return parser.parse_args()


def request_of(text, options):
    request = translation_pb2.TranslateRequest(
        model=model_pb2.ModelSpec(name=options.model), text=text,
        beam_size=options.beam, max_translations=options.best,
        alignment=options.alignment)
    if options.time_limit is not None:
        request.time_limit.FromNanoseconds(round(options.time_limit * 1e9))
    return request


def main():
    options = parse_options()
    with grpc.insecure_channel(options.server) as channel:
        stub = translation_pb2_grpc.TranslationServiceStub(channel)
        for text in options.text:
            request = request_of(text, options)
            if options.whole:
                response = stub.Translate(request, timeout=options.timeout)
                print(whole(response))
                show_details(response, options)
            else:
                translate_aloud(stub, request, options)
        if not options.text:
            bulk.each_line(stub.TranslateBatch,
                           translation_pb2.TranslateBatchRequest,
                           lambda line: request_of(line, options),
                           lambda number, response:
                           print(f"{number}\t{whole(response)}"),
                           options.first)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
