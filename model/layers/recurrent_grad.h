// SPDX-License-Identifier: Apache-2.0
//
// One recurrent layer in one direction, in training: a forward pass that keeps
// what the backward pass needs, and back-propagation through time beside it.
// Equations: model/onednn/cell.h; the matrix products are oneDNN's, the gates
// our own.

#ifndef CAROUSEL_MODEL_LAYERS_RECURRENT_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_RECURRENT_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/onednn/cell.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/onednn/precision.h"

namespace carousel {

// Where the gradients of one layer are added to; shapes as CellWeights.
struct CellGradients {
  float* weight_ih;
  float* weight_hh;
  float* bias_ih;
  float* bias_hh;
};

// Not thread-safe; computes with the OpenMP threads of the caller.
class RecurrentTrainingLayer {
 public:
  // For stretches of `steps` (T) steps of `rows` (N) rows. UNIMPLEMENTED if the
  // CPU has no products in this precision.
  static absl::StatusOr<std::unique_ptr<RecurrentTrainingLayer>> Create(
      Cell cell, int64_t inputs, int64_t hidden, int64_t steps, int64_t rows,
      Precision precision);

  // Runs forward from `h`, `c` (N, H), which receive the state after the last
  // step; c is null for a cell without memory. `resets` (T, N): 1 zeroes a
  // row's state before the step. The weights and `x` (T, N, I) must stay as
  // they are until Backward().
  absl::Status Forward(const CellWeights& weights, const float* x,
                       absl::Span<const uint8_t> resets, float* h, float* c,
                       Executor* executor);

  // h after every step of the last Forward(): (T, N, H).
  const float* y() const { return y_.data(); }

  // Adds the gradients of the weights to `gradients`. `dy` (T, N, H) is
  // dLoss/dy; `dx` (T, N, I) receives dLoss/dx, unless it is null.
  //
  // `dh`, `dc` (N, H; dc null without memory): in, the gradient with respect to
  // the state after the last step, zeros where back-propagation is truncated;
  // out, with respect to the state before the first step.
  //
  // `dh_steps`, unless null, receives the whole dLoss/dh_t of each step
  // (T, N, H): what comes from above and from the steps after.
  absl::Status Backward(const CellWeights& weights, const float* x,
                        absl::Span<const uint8_t> resets, const float* dy,
                        float* dh, float* dc, float* dx,
                        const CellGradients& gradients, float* dh_steps,
                        Executor* executor);

 private:
  RecurrentTrainingLayer(Cell cell, int64_t inputs, int64_t hidden,
                         int64_t steps, int64_t rows);
  absl::Status SumInputs(const CellWeights& weights, const float* x,
                         Executor* executor);
  void StartStep(int64_t step, const float* h, const float* c,
                 absl::Span<const uint8_t> resets);
  absl::Status SumRecurrent(int64_t step, Executor* executor);
  void ActivateRow(int64_t step, int64_t row, const float* bias_hh, float* c);
  void ActivateRowBackward(int64_t step, int64_t row, float* dh, float* dc);
  const float* RecurrentGradient() const;
  absl::Status AddWeightGradients(const float* x,
                                  const CellGradients& gradients,
                                  Executor* executor);

  const Cell cell_;
  const int64_t inputs_;  // I
  const int64_t hidden_;  // H
  const int64_t gates_;   // GH
  const int64_t steps_;   // T
  const int64_t rows_;    // N

  std::unique_ptr<PackedMatrix> forward_hh_;   // W_hh^T: (H, GH)
  std::unique_ptr<PackedMatrix> backward_hh_;  // W_hh: (GH, H)

  std::vector<float> sums_;    // (T, N, GH): sums, then activated gates
  std::vector<float> h_prev_;  // (T, N, H): h_{t-1}, after resets
  std::vector<float> y_;       // (T, N, H)
  std::vector<float> dsums_;   // (T, N, GH): of what W_ih x is added to

  // LSTM only.
  std::vector<float> c_prev_;  // (T, N, H): c_{t-1}, after resets
  std::vector<float> tanh_c_;  // (T, N, H)

  // GRU only, where r stands between the sums of x and those of h.
  std::vector<float> recurrent_;    // (N, GH): W_hh h of the step at hand
  std::vector<float> recurrent_n_;  // (T, N, H)
  std::vector<float> drecurrent_;   // (T, N, GH)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_RECURRENT_GRAD_H_
