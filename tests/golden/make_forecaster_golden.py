# SPDX-License-Identifier: Apache-2.0
"""Writes the golden file that the forecaster is compared with.

  python3 tests/golden/make_forecaster_golden.py tests/golden

needs PyTorch (Debian: python3-torch). The file is committed; the tests do not
run this script. Everything is float32 on one thread, from a fixed seed.
"""

import pathlib
import sys

import torch

from make_language_model_golden import write_safetensors

C, H, L, T, K, N = 2, 8, 2, 12, 4, 5


class Forecaster(torch.nn.Module):
    """Names as model/layers/forecaster.h; direct, in both directions."""

    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(C, H, L, bidirectional=True, batch_first=True)
        self.output = torch.nn.Linear(2 * H, K * C)

    def forward(self, windows):
        _, h = self.rnn(windows)
        # The top layer's final states: forward, reverse.
        return self.output(torch.cat([h[-2], h[-1]], 1)).view(-1, K, C)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(20250611)
    model = Forecaster()
    windows = torch.randn(N, T, C)
    targets = torch.randn(N, K, C)
    forecasts = model(windows)
    loss = ((forecasts - targets) ** 2).sum()
    loss.backward()
    tensors = {"windows": windows, "targets": targets, "forecasts": forecasts,
               "loss": loss.reshape(1)}
    for name, value in model.named_parameters():
        tensors["weight." + name] = value
        tensors["gradient." + name] = value.grad
    folder = pathlib.Path(sys.argv[1])
    write_safetensors(folder / "forecaster.safetensors", tensors)


if __name__ == "__main__":
    main()
