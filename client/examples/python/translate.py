#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Translates each TEXT.

With --stream it is written as the server finds it, and what is written stands.
With --leave nobody waits for more after N pieces: the stream is cancelled, and
the server stops within one step.

Without a TEXT every line of the input is translated, by one stream that the
server answers in the order in which it is done. With --first the stream is
cancelled after N answers.
"""

import argparse
import sys

import grpc

import bulk
import errors
from carousel.v1 import model_pb2, translation_pb2, translation_pb2_grpc


def show_alignment(alignment):
    """The word of the source that each word looked at most."""
    for target, row in zip(alignment.target, alignment.rows):
        best = max(range(len(row.weights)), key=row.weights.__getitem__)
        word = (alignment.source[best].text if best < len(alignment.source)
                else "(end)")
        print(f"  {target.text} <- {word}  {row.weights[best]:.2f}")


def show(response, options):
    print(response.text)
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
    left = options.leave
    try:
        for answer in call:
            if left == 0:
                continue  # on its way when the stream was cancelled
            if answer.HasField("response"):
                print(" ..." if answer.response.truncated else "")
                continue
            print(answer.text, end="", flush=True)
            if left is not None:
                left -= 1
                if left == 0:
                    call.cancel()
    except grpc.RpcError:
        if left != 0 or call.code() != grpc.StatusCode.CANCELLED:
            raise
        print("\ncancelled")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--timeout", type=float, default=30)
    parser.add_argument("--model", default="")
    parser.add_argument("--beam", type=int, metavar="N",
                        help="translations that the search follows")
    parser.add_argument("--best", type=int, default=1, metavar="N",
                        help="translations of each sentence to show")
    parser.add_argument("--alignment", action="store_true",
                        help="show which words each word looked at")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--leave", type=int, metavar="N")
    parser.add_argument("--first", type=int, metavar="N")
    parser.add_argument("text", nargs="*")
    return parser.parse_args()


def main():
    options = parse_options()

    def ask(text):
        return translation_pb2.TranslateRequest(
            model=model_pb2.ModelSpec(name=options.model), text=text,
            beam_size=options.beam, max_translations=options.best,
            alignment=options.alignment)

    with grpc.insecure_channel(options.server) as channel:
        stub = translation_pb2_grpc.TranslationServiceStub(channel)
        for text in options.text:
            if options.stream:
                translate_aloud(stub, ask(text), options)
            else:
                show(stub.Translate(ask(text), timeout=options.timeout),
                     options)
        if not options.text:
            bulk.each_line(stub.TranslateBatch,
                           translation_pb2.TranslateBatchRequest, ask,
                           lambda number, response:
                           print(f"{number}\t{response.text}"), options.first)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
