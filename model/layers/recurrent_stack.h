// SPDX-License-Identifier: Apache-2.0
//
// A stack of recurrent layers, in one or both directions: its sizes, weights
// and state, and its forward pass as it is served. The names and the order of
// the weights are those of PyTorch's nn.RNN, nn.LSTM and nn.GRU. Training:
// recurrent_stack_grad.h.
//
//   layer k, direction d:  y_kd = cell(x_k)      d = 1 reads x_k backwards
//   what layer k writes:   [y_k0, y_k1]          (T, N, D * H)
//                          + x_k                 with `residual`, k >= 1
//                                                (Prakash et al. 2016)

#ifndef CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_H_
#define CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/layers/served_layer.h"
#include "model/layers/weight_specs.h"
#include "model/onednn/cell.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"
#include "model/tensor/tensor.h"

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

// Numbers in its h; in its c as well, where the cell has one.
size_t StateFloats(const StackSizes& sizes, int rows);

// The state before the first step.
RecurrentState ZeroState(const StackSizes& sizes, int rows);

// What one thread needs to run stacks: activations, and the scratch memory of
// oneDNN's primitives. Grows to the largest call and is reused; may serve
// several stacks in turn.
struct StackWorkspace {
  Executor& executor() { return layer.products.executor; }

  ServedLayerScratch layer;
  std::vector<float> layers[2];  // (T, N, D * H): what layers write, by turns
  std::vector<float> ends;       // (2, N, H): of texts read backwards
  std::vector<float> sums;       // (U, GH): of inputs that repeat
};

// What a stack reads.
struct StackInput {
  const float* x = nullptr;  // (T, N, I)
  int steps = 0;             // T, at least 1

  // (N), each in [1, T], for whole texts of several lengths, laid to the right:
  // row n is in the steps [T - lengths[n], T). Empty: every row has T steps.
  absl::Span<const int> lengths = {};

  // Where inputs repeat: x (U, I) has each of them once, and `places` (T, N)
  // says which one a step has in a row. They are multiplied once each. Empty:
  // they do not.
  absl::Span<const int32_t> places = {};
  int64_t distinct = 0;  // U
};

// Immutable, so thread-safe; each thread brings a workspace of its own.
class RecurrentStack {
 public:
  // `weights` are in the order of StackWeightSpecs, F32 or BF16, and are copied
  // into the layout of the kernels. INVALID_ARGUMENT, naming the tensor as
  // PyTorch does, if a shape or type is not as it should be; INTERNAL if oneDNN
  // refuses. REQUIRES: the CPU has the precision.
  static absl::StatusOr<std::unique_ptr<const RecurrentStack>> Create(
      const StackSizes& sizes, absl::Span<const Tensor> weights,
      Precision precision = Precision::kF32);

  // Runs over the input from `*state`, whose rows are N and which is moved on
  // by T steps, and writes what comes out to `y` (T, N, D * H), apart from x.
  //
  // Where there are lengths all rows begin from zeros, and `*state` only
  // receives the end; y is not to be read before a row's first step.
  //
  // `look`, if there is one, is asked every few steps; its error ends the run
  // and is returned.
  using Look = absl::FunctionRef<absl::Status()>;
  absl::Status Run(const StackInput& input, RecurrentState* state, float* y,
                   StackWorkspace* workspace, const Look* look = nullptr) const;

  // As Run without lengths. Instead of x the sums (T, N, GH) that
  // `first_layer().InputSums` gives for it, which are overwritten.
  // REQUIRES: one direction.
  absl::Status RunSums(float* sums, int steps, RecurrentState* state, float* y,
                       StackWorkspace* workspace) const;

  const ServedLayer& first_layer() const { return *cells_.front(); }

  const StackSizes& sizes() const { return sizes_; }
  size_t memory_bytes() const;

  // E.g. "lstm own:avx512_core".
  std::string Implementation() const;

 private:
  struct Pass;  // through all layers, of one call

  explicit RecurrentStack(const StackSizes& sizes) : sizes_(sizes) {}

  // From layer k on, to which x is the input.
  absl::Status RunLayers(Pass pass, int k, const float* x, float* y) const;
  absl::Status RunLayer(const Pass& pass) const;
  absl::Status RunForwards(const Pass& pass) const;
  absl::Status RunBackwards(const Pass& pass) const;
  absl::Status RunSteps(const Pass& pass, int d, int64_t t,
                        int64_t steps) const;
  absl::Status SumRepeated(const Pass& pass, int d) const;
  int64_t StepsTogether(const Pass& pass, int64_t left) const;
  float* OutputOf(const Pass& pass, int k, float* y) const;

  // The part of a state that a layer has in one direction.
  struct Rows {
    float* h = nullptr;  // (N, H)
    float* c = nullptr;  // the same, or null
  };
  Rows RowsOf(int k, int d, RecurrentState* state) const;
  const ServedLayer& cell(int k, int d) const {
    return *cells_[static_cast<size_t>(int64_t{k} * sizes_.directions() + d)];
  }

  const StackSizes sizes_;
  std::vector<std::unique_ptr<const ServedLayer>> cells_;  // [k * D + d]
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_RECURRENT_STACK_H_
