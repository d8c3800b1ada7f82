# SPDX-License-Identifier: Apache-2.0
"""Writes heads.safetensors: attention, pooling, adaptive softmax and label
smoothing as PyTorch computes them, forward and backward.

  python3 tests/golden/make_heads_golden.py tests/golden

needs PyTorch (Debian: python3-torch). The file is committed; the tests do not
run this script. Everything is float32 on one thread, from a fixed seed. The
loss of attention and pooling is the sum of factors * output.
"""

import pathlib
import sys

import torch

from make_language_model_golden import write_safetensors

S, T, N = 5, 3, 4  # steps of the source and of the decoder, rows
FIRST = [0, 2, 4, 1]  # where each row's text begins
M, Q, A = 6, 4, 5  # widths of memory and query, units
V, E, CUTOFFS, ROWS = 40, 17, [10, 20], 30


def leaf(*shape):
    return torch.randn(*shape, requires_grad=True)


def padding():
    """(S, N): True before a row's text."""
    return torch.arange(S)[:, None] < torch.tensor(FIRST)[None, :]


def attention_weights(kind):
    if kind == "general":
        return {"attention.weight": leaf(Q, M)}
    if kind == "additive":
        return {"attention.query.weight": leaf(A, Q),
                "attention.memory.weight": leaf(A, M),
                "attention.score.weight": leaf(1, A)}
    return {}


def scores(kind, weights, memory, queries):
    """(T, S, N)."""
    if kind == "dot":
        return torch.einsum("tnk,snk->tsn", queries, memory)
    if kind == "general":
        keys = torch.nn.functional.linear(memory, weights["attention.weight"])
        return torch.einsum("tnk,snk->tsn", queries, keys)
    keys = torch.nn.functional.linear(
        memory, weights["attention.memory.weight"])
    query = torch.nn.functional.linear(
        queries, weights["attention.query.weight"])
    both = torch.tanh(keys[None] + query[:, None])
    return torch.nn.functional.linear(
        both, weights["attention.score.weight"]).squeeze(-1)


def attention_golden(kind):
    weights = attention_weights(kind)
    memory, queries = leaf(S, N, M), leaf(T, N, M if kind == "dot" else Q)
    alignment = torch.softmax(
        scores(kind, weights, memory, queries).masked_fill(
            padding()[None], -torch.inf), 1)
    context = torch.einsum("tsn,snk->tnk", alignment, memory)
    factors = torch.randn_like(context)
    (context * factors).sum().backward()
    return {**with_gradients(weights), **with_gradients(
        {"memory": memory, "queries": queries}),
        "context": context, "factors": factors,
        "alignments": alignment.permute(2, 0, 1)}


def pool(kind, weights, states):
    mask = padding()[:, :, None]
    if kind == "attention":
        projected = torch.tanh(torch.nn.functional.linear(
            states, weights["pooling.projection.weight"],
            weights["pooling.projection.bias"]))
        score = torch.nn.functional.linear(
            projected, weights["pooling.score.weight"])
        return (torch.softmax(score.masked_fill(mask, -torch.inf), 0)
                * states).sum(0)
    last = states[-1]
    largest = states.masked_fill(mask, -torch.inf).max(0).values
    mean = states.masked_fill(mask, 0).sum(0) / (
        S - torch.tensor(FIRST))[:, None]
    return torch.cat({"last": [last], "max_mean": [largest, mean],
                      "concat": [last, largest, mean]}[kind], 1)


def pooling_golden(kind):
    weights = {} if kind != "attention" else {
        "pooling.projection.weight": leaf(A, M),
        "pooling.projection.bias": leaf(A),
        "pooling.score.weight": leaf(1, A)}
    states = leaf(S, N, M)
    pooled = pool(kind, weights, states)
    factors = torch.randn_like(pooled)
    (pooled * factors).sum().backward()
    return {**with_gradients(weights), **with_gradients({"states": states}),
            "pooled": pooled, "factors": factors}


def adaptive_softmax_golden():
    softmax = torch.nn.AdaptiveLogSoftmaxWithLoss(E, V, CUTOFFS)
    features, targets = leaf(ROWS, E), torch.randint(0, V, (ROWS,))
    loss = -softmax(features, targets).output.sum()
    loss.backward()
    return {**with_gradients(dict(softmax.named_parameters())),
            **with_gradients({"features": features}),
            "targets": targets.int(), "loss": loss.reshape(1),
            "log_probabilities": softmax.log_prob(features)}


def label_smoothing_golden():
    logits, bias = leaf(ROWS, V), torch.randn(V)
    targets = torch.randint(0, V, (ROWS,))
    loss = torch.nn.functional.cross_entropy(
        logits + bias, targets, label_smoothing=0.1, reduction="none")
    loss.sum().backward()
    return {**with_gradients({"logits": logits}), "bias": bias,
            "targets": targets.int(), "losses": loss}


def with_gradients(tensors):
    result = dict(tensors)
    result.update({f"gradients.{k}": v.grad for k, v in tensors.items()})
    return result


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    parts = {f"attention_{k}": attention_golden(k)
             for k in ("dot", "general", "additive")}
    parts.update({f"pooling_{k}": pooling_golden(k)
                  for k in ("last", "max_mean", "concat", "attention")})
    parts["adaptive_softmax"] = adaptive_softmax_golden()
    parts["label_smoothing"] = label_smoothing_golden()
    write_safetensors(
        pathlib.Path(sys.argv[1]) / "heads.safetensors",
        {f"{part}.{name}": tensor for part, tensors in parts.items()
         for name, tensor in tensors.items()})


if __name__ == "__main__":
    main()
