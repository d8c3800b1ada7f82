# SPDX-License-Identifier: Apache-2.0
"""Writes the golden file that the translator in training is compared with.

  python3 tests/golden/make_translator_golden.py tests/golden

needs PyTorch (Debian: python3-torch). The file is committed; the tests do not
run this script. Everything is float32 on one thread, from a fixed seed.
"""

import json
import pathlib
import struct
import sys

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

VS, VT, E, H, L = 11, 13, 6, 8, 2
SOURCES = [5, 3, 1]  # lengths, the longest first
TARGETS = [3, 4, 2]


def write_safetensors(path, tensors):
    header, blob = {}, b""
    for name, tensor in tensors.items():
        dtype = {torch.float32: "F32", torch.int32: "I32"}[tensor.dtype]
        data = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(tensor.shape),
            "data_offsets": [len(blob), len(blob) + len(data)],
        }
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)


class Translator(torch.nn.Module):
    """Names as model/layers/translator.h. PyTorch's way: left-aligned, packed."""

    def __init__(self, attention):
        super().__init__()
        self.attends = attention
        self.source_embedding = torch.nn.Embedding(VS, E)
        self.encoder = torch.nn.LSTM(E, H // 2 if attention else H, L,
                                     bidirectional=attention)
        if attention:
            self.bridge = torch.nn.Linear(H, 2 * L * H)
        self.target_embedding = torch.nn.Embedding(VT, E)
        self.decoder = torch.nn.LSTM(E, H, L)
        if attention:
            self.attention = torch.nn.Linear(H, H, bias=False)
            self.combine = torch.nn.Linear(2 * H, H, bias=False)
        self.output = torch.nn.Linear(H, VT)

    def forward(self, sources, target_in):
        packed = pack_padded_sequence(self.source_embedding(sources),
                                      torch.tensor(SOURCES))
        memory, (h, c) = self.encoder(packed)
        memory, _ = pad_packed_sequence(memory)
        rows = len(SOURCES)
        if self.attends:
            summary = torch.cat([h[-2], h[-1]], dim=1)
            z = torch.tanh(self.bridge(summary)).view(rows, 2, L, H)
            h, c = (z[:, i].transpose(0, 1).contiguous() for i in (0, 1))
        y, _ = self.decoder(self.target_embedding(target_in), (h, c))
        if not self.attends:
            return self.output(y)
        # (N, T, S)
        scores = y.transpose(0, 1) @ self.attention(memory).permute(1, 2, 0)
        steps = torch.arange(memory.shape[0])
        scores = scores.masked_fill(
            (steps >= torch.tensor(SOURCES)[:, None])[:, None, :], -1e30)
        context = (scores.softmax(2) @ memory.transpose(0, 1)).transpose(0, 1)
        return self.output(torch.tanh(self.combine(torch.cat([context, y], 2))))


def case(attention):
    torch.manual_seed(3)
    model = Translator(attention)
    rows = len(SOURCES)
    sources = torch.randint(0, VS, (max(SOURCES), rows))
    targets = torch.randint(0, VT, (max(TARGETS), rows))
    for n, length in enumerate(TARGETS):
        targets[length:, n] = -1
    target_in = torch.cat([torch.ones(1, rows, dtype=torch.long),
                           targets[:-1].clamp(min=0)])
    # Right-aligned, as the network in training gets them.
    source, resets = torch.zeros_like(sources), torch.zeros_like(sources)
    for n, length in enumerate(SOURCES):
        source[max(SOURCES) - length:, n] = sources[:length, n]
        resets[max(SOURCES) - length, n] = 1
    loss = torch.nn.functional.cross_entropy(
        model(sources, target_in).reshape(-1, VT), targets.reshape(-1),
        ignore_index=-1, reduction="sum")
    loss.backward()
    golden = {"source": source.int(), "resets": resets.int(),
              "target_in": target_in.int(), "targets": targets.int(),
              "loss": loss.reshape(1)}
    for name, parameter in model.named_parameters():
        # The attention's matrix multiplies the memory: (Q, M).
        golden["weights." + name] = parameter.clone()
        golden["gradients." + name] = parameter.grad
    return golden


def main():
    torch.set_num_threads(1)
    golden = {}
    for name, attention in [("plain", False), ("attention", True)]:
        golden.update({f"{name}.{k}": v for k, v in case(attention).items()})
    write_safetensors(pathlib.Path(sys.argv[1]) / "translator.safetensors",
                      golden)


if __name__ == "__main__":
    main()
