// SPDX-License-Identifier: Apache-2.0
//
// The recurrent cells that there are, and what their weights look like. With
// PyTorch's names, so that its weights load as they are:
//
//   rnn_tanh  h' = tanh(W_ih x + b_ih + W_hh h + b_hh)        (Elman 1990)
//   rnn_relu  h' = max(0, W_ih x + b_ih + W_hh h + b_hh)      (Le et al. 2015)
//   lstm      i, f, o = sigmoid(W_i. x + b_i. + W_h. h + b_h.)
//             g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
//             c' = f c + i g       (Hochreiter and Schmidhuber 1997; forget
//             h' = o tanh(c')       gate: Gers et al. 2000)
//   gru       r, z = sigmoid(W_i. x + b_i. + W_h. h + b_h.)
//             n  = tanh(W_in x + b_in + r (W_hn h + b_hn))
//             h' = (1 - z) n + z h                            (Cho et al. 2014)
//
// Shapes are T (time), N (batch), I (inputs), H (hidden), G (gates), row-major.

#ifndef CAROUSEL_MODEL_ONEDNN_CELL_H_
#define CAROUSEL_MODEL_ONEDNN_CELL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

enum class Cell { kTanhRnn, kReluRnn, kLstm, kGru };

// G: blocks of H rows in the weights. 1, 1, 4 (i, f, g, o), 3 (r, z, n).
int GateCount(Cell cell);

// Whether the state has a c beside h.
bool HasMemory(Cell cell);

// "rnn_tanh", "rnn_relu", "lstm", "gru".
absl::string_view CellName(Cell cell);

// INVALID_ARGUMENT, with the names that there are, for any other.
absl::StatusOr<Cell> ParseCell(absl::string_view name);

// PyTorch's tensors of one layer and direction.
struct CellWeights {
  absl::Span<const float> weight_ih;  // (GH, I)
  absl::Span<const float> weight_hh;  // (GH, H)
  absl::Span<const float> bias_ih;    // (GH)
  absl::Span<const float> bias_hh;    // (GH)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_ONEDNN_CELL_H_
