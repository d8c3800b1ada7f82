#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Suggests what comes next in each TEXT.

With --type the texts are typed instead: a request for every character, in one
stream, where the newest request wins. With --leave the person goes away after
N characters: the stream is cancelled, and what the server still computes for it
with it.
"""

import queue
import sys

import grpc

import command_line
import errors
from carousel.v1 import autocomplete_pb2, autocomplete_pb2_grpc, model_pb2


def ask(text, options):
    return autocomplete_pb2.CompleteRequest(
        model=model_pb2.ModelSpec(name=options.model), text=text,
        context=options.context)


def keystroke(text, number, options):
    """A request with the first characters of the text."""
    return autocomplete_pb2.CompleteStreamRequest(
        number=number, request=ask(text[:number], options))


def show(text, response):
    for suggestion in response.suggestions:
        taken = text[:len(text) - suggestion.replace] + suggestion.insert
        print(f"{suggestion.probability:6.1%}  {taken}")


def type_text(stub, text, options):
    """Types the text, or as much of it as the person stays for."""
    last = len(text[:options.leave])
    typed = queue.Queue()  # a stream stays open until its requests end
    for number in range(1, last + 1):
        typed.put(keystroke(text, number, options))
    if options.leave is None:
        typed.put(None)
    call = stub.CompleteStream(iter(typed.get, None), timeout=options.timeout)
    try:
        for answer in call:
            print(f"{answer.number}: {text[:answer.number]}")
            if answer.HasField("error"):
                print(answer.error.message)
            else:
                show(text[:answer.number], answer.response)
            # Of what is sent the last is always answered.
            if options.leave is not None and answer.number == last:
                call.cancel()
    except grpc.RpcError:
        if options.leave is None or call.code() != grpc.StatusCode.CANCELLED:
            raise
        print("cancelled")
    finally:
        typed.put(None)  # lets the thread go that sends


def main():
    parser = command_line.parser(__doc__)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--model", default="")
    parser.add_argument("--type", action="store_true")
    parser.add_argument("--leave", type=int, metavar="N")
    parser.add_argument("--context", type=command_line.text_file,
                        metavar="FILE",
                        help="earlier text by the same person, up to 16 KiB")
    parser.add_argument("text", nargs="+")
    options = parser.parse_args()
    with grpc.insecure_channel(options.server) as channel:
        stub = autocomplete_pb2_grpc.AutocompleteServiceStub(channel)
        for text in options.text:
            if options.type:
                type_text(stub, text, options)
            else:
                show(text, stub.Complete(ask(text, options),
                                         timeout=options.timeout))


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
