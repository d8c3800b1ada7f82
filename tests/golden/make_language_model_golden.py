# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files that the layers and the trainer are compared with.

  python3 tests/golden/make_language_model_golden.py tests/golden

needs PyTorch (Debian: python3-torch). The files are committed; the tests do not
run this script. Everything is float32 on one thread, from a fixed seed.
"""

import json
import pathlib
import struct
import sys

import torch

V, E, H, L, T, N = 23, 6, 10, 2, 5, 3


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


class LanguageModel(torch.nn.Module):
    """Names as model/layers/language_model.h; the output is tied."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, E)
        self.rnn = torch.nn.LSTM(E, H, L)
        self.projection = torch.nn.Linear(H, E)
        self.output = torch.nn.Linear(E, V)
        self.output.weight = self.embedding.weight

    def forward(self, x, state):
        y, state = self.rnn(self.embedding(x), state)
        return self.output(self.projection(y)), state


def weights_of(model):
    return {
        name: value.clone()
        for name, value in model.state_dict().items()
        if name != "output.weight"
    }


def zero_state():
    return torch.zeros(L, N, H), torch.zeros(L, N, H)


def losses_of_training(make_optimiser, batches):
    """Ten updates, state carried over, gradient norm clipped."""
    torch.manual_seed(1)
    model = LanguageModel()
    optimiser = make_optimiser(model)
    state, losses = zero_state(), []
    for x, y in batches:
        optimiser.zero_grad()
        logits, state = model(x, tuple(s.detach() for s in state))
        loss = torch.nn.functional.cross_entropy(logits.view(-1, V), y.view(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimiser.step()
        losses.append(loss.item())
    return torch.tensor(losses)


def decaying(optimiser, **options):
    """The optimiser with a decay of 0.1 on matrices and none on biases."""
    def make(model):
        matrices = [p for p in model.parameters() if p.dim() > 1]
        biases = [p for p in model.parameters() if p.dim() == 1]
        return optimiser([{"params": matrices, "weight_decay": 0.1},
                          {"params": biases, "weight_decay": 0.0}], **options)
    return make


def losses_of_averages(batches):
    """Of batch 0 under the mean of the weights, after each of ten updates."""
    torch.manual_seed(1)
    model, average = LanguageModel(), LanguageModel()
    # lambd=0: no decay of the rate. t0=-1: the mean begins with the first step.
    optimiser = decaying(torch.optim.ASGD, lr=1.0, lambd=0.0, t0=-1)(model)
    state, losses = zero_state(), []
    for x, y in batches:
        optimiser.zero_grad()
        logits, state = model(x, tuple(s.detach() for s in state))
        torch.nn.functional.cross_entropy(logits.view(-1, V),
                                          y.view(-1)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimiser.step()
        with torch.no_grad():
            for mean, weight in zip(average.parameters(), model.parameters()):
                mean.copy_(optimiser.state[weight]["ax"])
            logits, _ = average(batches[0][0], zero_state())
            losses.append(torch.nn.functional.cross_entropy(
                logits.view(-1, V), batches[0][1].view(-1)).item())
    return torch.tensor(losses)


def language_model_golden():
    torch.manual_seed(1)
    model = LanguageModel()
    golden = {"weights." + k: v for k, v in weights_of(model).items()}
    batches = [(torch.randint(0, V, (T, N)), torch.randint(0, V, (T, N)))
               for _ in range(10)]
    for i, (x, y) in enumerate(batches):
        golden[f"batch{i}.inputs"] = x.int()
        golden[f"batch{i}.targets"] = y.int()
    x, y = batches[0]
    logits, state = model(x, zero_state())
    loss = torch.nn.functional.cross_entropy(logits.view(-1, V), y.view(-1))
    loss.backward()
    golden.update({"logits": logits, "h": state[0], "c": state[1],
                   "loss": loss.reshape(1)})
    for name, parameter in model.named_parameters():
        golden["gradients." + name] = parameter.grad
    golden["sgd_losses"] = losses_of_training(
        lambda m: torch.optim.SGD(m.parameters(), lr=1.0), batches)
    golden["adamw_losses"] = losses_of_training(
        decaying(torch.optim.AdamW, lr=0.01), batches)
    golden["adam_losses"] = losses_of_training(
        decaying(torch.optim.Adam, lr=0.01), batches)
    golden["momentum_losses"] = losses_of_training(
        decaying(torch.optim.SGD, lr=0.5, momentum=0.9), batches)
    golden["averaged_losses"] = losses_of_averages(batches)
    return golden


def lstm_golden():
    golden = {}
    for i, (t, n, inputs, hidden) in enumerate(
            [(1, 1, 1, 1), (1, 1, 16, 16), (7, 1, 5, 9), (3, 33, 8, 17)]):
        torch.manual_seed(i)
        layer = torch.nn.LSTM(inputs, hidden)
        x = torch.randn(t, n, inputs)
        h, c = torch.randn(1, n, hidden), torch.randn(1, n, hidden)
        y, (h_out, c_out) = layer(x, (h, c))
        golden.update({f"{i}.{k}": v for k, v in dict(
            x=x, h=h, c=c, y=y, h_out=h_out, c_out=c_out,
            weight_ih=layer.weight_ih_l0, weight_hh=layer.weight_hh_l0,
            bias_ih=layer.bias_ih_l0, bias_hh=layer.bias_hh_l0).items()})
    return golden


def main():
    torch.set_num_threads(1)
    folder = pathlib.Path(sys.argv[1])
    write_safetensors(folder / "language_model.safetensors",
                      language_model_golden())
    write_safetensors(folder / "lstm.safetensors", lstm_golden())


if __name__ == "__main__":
    main()
