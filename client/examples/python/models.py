#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the models of a server: all, or MODEL (NAME, NAME/VERSION, NAME@LABEL).

--reload has the server look for models anew first (it must run with
--allow_reload); --explain shows how MODEL reads a text (--allow_explain).
"""

import argparse
import sys

import grpc

import errors
from carousel.v1 import model_pb2, model_pb2_grpc


def spec_of(text):
    name, at, label = text.partition("@")
    if at:
        return model_pb2.ModelSpec(name=name, label=label)
    name, slash, version = text.partition("/")
    return model_pb2.ModelSpec(name=name,
                               version=int(version) if slash else None)


def name_of(model):
    return f"{model.name}/{model.version}"


def show_all(response):
    for model in response.models:
        state = model_pb2.Model.State.Name(model.state)
        print(f"{name_of(model)}\t{state}\t{model.task}\t{model.precision}")


def show_one(model):
    print(name_of(model))
    print(f"  state: {model_pb2.Model.State.Name(model.state)}")
    for field in ("task", "message", "precision", "kernels", "isa",
                  "parameters", "memory_bytes"):
        print(f"  {field}: {getattr(model, field)}")
    for label in model.labels:
        print(f"  label: {label}")
    for name, figure in sorted(model.figures.items()):
        print(f"  {name}: {figure:g}")


def show_reload(response):
    for what in ("added", "reloaded", "removed"):
        for model in getattr(response, what):
            print(f"{what}: {name_of(model)}")
    for failure in response.failed:
        print(f"failed: {name_of(failure.model)}: {failure.error.message}")


def show_tokens(text, response):
    for token in response.tokens:
        assert text[token.begin:token.end] == token.text
        unknown = "" if token.known else " (unknown)"
        print(f"{token.begin}-{token.end}\t{token.text}\t{token.id}{unknown}")
    if response.partial:
        print(f"begun: {response.partial}")
    print(f"known from earlier requests: {response.cached_tokens} tokens")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--timeout", type=float, default=5)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--explain", metavar="TEXT")
    parser.add_argument("model", nargs="?")
    options = parser.parse_args()
    if options.explain is not None and options.model is None:
        parser.error("--explain needs a MODEL")
    with grpc.insecure_channel(options.server) as channel:
        stub = model_pb2_grpc.ModelServiceStub(channel)
        if options.reload:  # takes as long as loading does
            show_reload(stub.ReloadModels(model_pb2.ReloadModelsRequest(),
                                          timeout=600))
        if options.model is None:
            show_all(stub.ListModels(model_pb2.ListModelsRequest(),
                                     timeout=options.timeout))
            return
        spec = spec_of(options.model)
        if options.explain is None:
            show_one(stub.GetModel(model_pb2.GetModelRequest(model=spec),
                                   timeout=options.timeout).model)
        else:
            show_tokens(options.explain, stub.Explain(
                model_pb2.ExplainRequest(model=spec, text=options.explain),
                timeout=options.timeout))


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(errors.describe(error))
