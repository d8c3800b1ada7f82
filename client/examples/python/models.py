#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the models of a server, or all that is known of each NAME.

A NAME may say which version: NAME/VERSION or NAME@LABEL. With --reload the
server looks for models anew first; with --explain it shows how the one NAME
reads a text.
"""

import argparse
import sys

import grpc

import errors
from carousel.v1 import model_pb2, model_pb2_grpc


def spec(name):
    name, slash, version = name.partition("/")
    if slash:
        return model_pb2.ModelSpec(name=name, version=int(version))
    name, _, label = name.partition("@")
    return model_pb2.ModelSpec(name=name, label=label or None)


def named(model):
    """A model, or a spec of one, in a word."""
    if isinstance(model, model_pb2.ModelSpec) and not model.HasField("version"):
        return model.name
    return f"{model.name}/{model.version}"


def state(model):
    return model_pb2.Model.State.Name(model.state).removeprefix("STATE_").lower()


def show_all(stub, timeout):
    request = model_pb2.ListModelsRequest()
    for model in stub.ListModels(request, timeout=timeout).models:
        labels = ",".join(model.labels)
        print(f"{named(model)}\t{state(model)}\t{labels}\t{model.message}")


def show(stub, name, timeout):
    model = stub.GetModel(model_pb2.GetModelRequest(model=spec(name)),
                          timeout=timeout).model
    print(f"{named(model)}\t{state(model)}\t{','.join(model.labels)}")
    print(f"  {model.precision} by {model.kernels}, "
          f"{model.memory_bytes / 1e6:.1f} MB, "
          f"loaded in {model.load_duration.ToTimedelta().total_seconds():.2f} s")
    for figure, value in sorted(model.figures.items()):
        print(f"  {figure} {value:g}")
    if model.HasField("reload_error"):
        print(f"  could not be loaded again: {model.reload_error.message}")


def reload_models(stub):
    # Whole models are read and tested: the wait may be long.
    response = stub.ReloadModels(model_pb2.ReloadModelsRequest(), timeout=600)
    for what in ("added", "reloaded", "removed"):
        for model in getattr(response, what):
            print(f"{what} {named(model)}")
    for failure in response.failed:
        print(f"failed {named(failure.model)}: {failure.error.message}")


def explain(stub, name, text, timeout):
    request = model_pb2.ExplainRequest(model=spec(name), text=text)
    response = stub.Explain(request, timeout=timeout)
    for number, token in enumerate(response.tokens):
        assert text[token.begin:token.end] == token.text
        print(f"{token.id}\t{token.token}\t{token.text}\t"
              + ("remembered" if number < response.cached_tokens else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--explain", metavar="TEXT")
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    with grpc.insecure_channel(options.server) as channel:
        stub = model_pb2_grpc.ModelServiceStub(channel)
        if options.reload:
            reload_models(stub)
        if not options.name:
            show_all(stub, options.timeout)
        for name in options.name:
            if options.explain is None:
                show(stub, name, options.timeout)
            else:
                explain(stub, name, options.explain, options.timeout)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
