# SPDX-License-Identifier: Apache-2.0
"""Writes the golden file that every cell and direction is compared with.

  python3 tests/golden/make_recurrent_golden.py tests/golden

needs PyTorch (Debian: python3-torch). The file is committed; the tests do not
run this script. The loss is the sum of the outputs and final states, each
multiplied by given numbers, so that every gradient is reached.
"""

import pathlib
import sys

import torch

from make_language_model_golden import write_safetensors

T, N, I, H = 3, 2, 2, 3


def modules():
    """Named like CellName, the layers, and "both" for two directions."""
    cells = {
        "rnn_tanh": lambda **k: torch.nn.RNN(I, H, nonlinearity="tanh", **k),
        "rnn_relu": lambda **k: torch.nn.RNN(I, H, nonlinearity="relu", **k),
        "lstm": lambda **k: torch.nn.LSTM(I, H, **k),
        "gru": lambda **k: torch.nn.GRU(I, H, **k),
    }
    for name, make in cells.items():
        for layers in (1, 2):
            for both in (False, True):
                torch.manual_seed(layers)
                yield (f"{name}.{layers}.{'both' if both else 'one'}",
                       make(num_layers=layers, bidirectional=both))


def golden_of(module):
    golden = dict(module.state_dict())
    states = module.num_layers * (2 if module.bidirectional else 1)
    x = torch.randn(T, N, I, requires_grad=True)
    start = {"h": torch.randn(states, N, H, requires_grad=True)}
    if isinstance(module, torch.nn.LSTM):
        start["c"] = torch.randn(states, N, H, requires_grad=True)
        y, end = module(x, (start["h"], start["c"]))
        end = dict(zip("hc", end))
    else:
        y, h = module(x, start["h"])
        end = {"h": h}
    dy = torch.randn_like(y)
    loss = (y * dy).sum()
    golden.update(x=x, y=y, dy=dy)
    for key, value in end.items():
        d = torch.randn_like(value)
        loss = loss + (value * d).sum()
        golden.update({key + "_in": start[key], key + "_out": value,
                       "d" + key + "_out": d})
    loss.backward()
    golden["dx"] = x.grad
    for key, value in start.items():
        golden["d" + key + "_in"] = value.grad
    for name, parameter in module.named_parameters():
        golden["gradients." + name] = parameter.grad
    return golden


def main():
    torch.set_num_threads(1)
    golden = {}
    for name, module in modules():
        for key, value in golden_of(module).items():
            golden[f"{name}.{key}"] = value
    write_safetensors(pathlib.Path(sys.argv[1]) / "recurrent.safetensors",
                      golden)


if __name__ == "__main__":
    main()
