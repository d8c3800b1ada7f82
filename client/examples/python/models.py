#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the models of a server, or what is known of each NAME.

A NAME may say which version: NAME/VERSION or NAME@LABEL. With --reload the
server looks for models anew first (it must run with --allow_reload); with
--explain it shows how each NAME reads a text (--allow_explain).
"""

import sys

import grpc

import command_line
import errors
from carousel.v1 import model_pb2, model_pb2_grpc


def spec(text):
    name, slash, version = text.partition("/")
    if slash:
        return model_pb2.ModelSpec(name=name, version=int(version))
    name, _, label = text.partition("@")
    return model_pb2.ModelSpec(name=name, label=label)


def named(model):
    """A model, or a spec of one, in a word."""
    # The failure of labels names a model without a version.
    return f"{model.name}/{model.version}" if model.version else model.name


def heading(model):
    state = model_pb2.Model.State.Name(model.state)
    return "\t".join((named(model), state.removeprefix("STATE_").lower(),
                      ",".join(model.labels), model.task, model.message))


def show(model):
    print(heading(model))
    if model.state == model_pb2.Model.STATE_READY:
        print(f"  {model.precision} by {model.kernels}, {model.parameters} "
              f"parameters in {model.memory_bytes} bytes")
    for figure, value in sorted(model.figures.items()):
        print(f"  {figure} {value:g}")
    for field in ("reload_error", "labels_error"):
        if model.HasField(field):
            print(f"  {field}: {getattr(model, field).message}")


def reload_models(stub):
    # Whole models are read and tested: the wait may be long.
    response = stub.ReloadModels(model_pb2.ReloadModelsRequest(), timeout=600)
    for what in ("added", "reloaded", "removed"):
        for model in getattr(response, what):
            print(f"{what} {named(model)}")
    for failure in response.failed:
        print(f"failed {named(failure.model)}: {failure.error.message}")


def explain(stub, model, text, timeout):
    response = stub.Explain(
        model_pb2.ExplainRequest(model=model, text=text), timeout=timeout)
    for number, token in enumerate(response.tokens):
        assert text[token.begin:token.end] == token.text
        known = "remembered" if number < response.cached_tokens else ""
        print(f"{token.begin}-{token.end}\t{token.text}\t{token.token}\t"
              f"{token.id}\t{known}")
    if response.partial:
        print(f"looked up as a beginning: {response.partial}")
    if response.cut:
        print("a part of the text is left out")


def parse_options():
    parser = command_line.parser(__doc__)
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--explain", metavar="TEXT")
    parser.add_argument("name", type=spec, nargs="*")
    options = parser.parse_args()
    if options.explain is not None and not options.name:
        parser.error("--explain needs a NAME")
    return options


def main():
    options = parse_options()
    timeout = options.timeout
    with grpc.insecure_channel(options.server) as channel:
        stub = model_pb2_grpc.ModelServiceStub(channel)
        if options.reload:
            reload_models(stub)
        if not options.name:
            request = model_pb2.ListModelsRequest()
            for model in stub.ListModels(request, timeout=timeout).models:
                print(heading(model))
        for name in options.name:
            if options.explain is not None:
                explain(stub, name, options.explain, timeout)
            else:
                request = model_pb2.GetModelRequest(model=name)
                show(stub.GetModel(request, timeout=timeout).model)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
