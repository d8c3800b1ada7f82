#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Suggests what comes next in each TEXT.

With --type the texts are typed instead: a request for every character, in one
stream, where the newest request wins.
"""

import argparse
import sys

import grpc

import errors
from carousel.v1 import autocomplete_pb2, autocomplete_pb2_grpc


def complete(stub, text, context, timeout):
    request = autocomplete_pb2.CompleteRequest(text=text, context=context)
    return stub.Complete(request, timeout=timeout)


def typed(text, context):
    """Every beginning of the text, as a person's keystrokes make it."""
    for number in range(1, len(text) + 1):
        yield autocomplete_pb2.CompleteStreamRequest(
            number=number,
            request=autocomplete_pb2.CompleteRequest(text=text[:number],
                                                     context=context))


def show(text, response):
    for suggestion in response.suggestions:
        taken = text[:len(text) - suggestion.replace] + suggestion.insert
        print(f"{suggestion.probability:6.1%}  {taken}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--type", action="store_true")
    parser.add_argument("--context", default="",
                        help="earlier text by the same person")
    parser.add_argument("text", nargs="+")
    options = parser.parse_args()
    with grpc.insecure_channel(options.server) as channel:
        stub = autocomplete_pb2_grpc.AutocompleteServiceStub(channel)
        for text in options.text:
            if not options.type:
                show(text, complete(stub, text, options.context,
                                    options.timeout))
                continue
            for answer in stub.CompleteStream(typed(text, options.context),
                                              timeout=options.timeout):
                print(f"{answer.number}: {text[:answer.number]!r}")
                if answer.HasField("error"):
                    print(answer.error.message)
                else:
                    show(text[:answer.number], answer.response)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
