// SPDX-License-Identifier: Apache-2.0
//
// A stack of recurrent layers, in one or both directions: its sizes, weights
// and state. The names and the order of the weights are those of PyTorch's
// nn.RNN, nn.LSTM and nn.GRU. Training: recurrent_stack_grad.h.
//
//   layer k, direction d:  y_kd = cell(x_k)      d = 1 reads x_k backwards
//   what layer k writes:   [y_k0, y_k1]          (T, N, D * H)
//                          + x_k                 with `residual`, k >= 1
//                                                (Prakash et al. 2016)

#ifndef CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_H_
#define CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/layers/weight_specs.h"
#include "model/onednn/cell.h"

namespace carousel {

struct StackSizes {
  Cell cell = Cell::kLstm;
  int inputs = 0;              // I
  int hidden = 0;              // H, of each direction
  int layers = 0;              // L
  bool bidirectional = false;  // D is 2, else 1
  bool residual = false;

  int directions() const { return bidirectional ? 2 : 1; }
  int outputs() const { return directions() * hidden; }

  // What layer k reads; k == L: what comes out.
  int InputWidth(int k) const { return k == 0 ? inputs : outputs(); }

  bool operator==(const StackSizes&) const = default;
};

// INVALID_ARGUMENT, naming the size, unless each is in [1, 2^24].
absl::Status CheckStackSizes(const StackSizes& sizes);

// Per layer and direction, names begun with `prefix` ("rnn.", or nothing):
//   weight_ih_l{k} (GH, I_k), weight_hh_l{k} (GH, H),
//   bias_ih_l{k} (GH), bias_hh_l{k} (GH)
// and the same with "_reverse" at the end.
//
// Matrices begin from U(-1/sqrt(H), 1/sqrt(H)), but a ReLU cell's weight_hh
// from the identity; biases from 0, but an LSTM's forget gate from 1.
std::vector<WeightSpec> StackWeightSpecs(absl::string_view prefix,
                                         const StackSizes& sizes);

// Weights of one layer and direction in the list.
inline constexpr size_t kWeightsOfCell = 4;

// h and c of every layer and direction after a step, for N rows. A plain value.
struct RecurrentState {
  int rows = 0;          // N
  std::vector<float> h;  // (L * D, N, H); PyTorch's order: l0, l0_reverse, l1
  std::vector<float> c;  // the same; empty for a cell without memory
};

// The state before the first step.
RecurrentState ZeroState(const StackSizes& sizes, int rows);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_H_
