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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/factor.h"
#include "model/onednn/cell.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"
#include "model/tensor/tensor.h"

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
  // CPU has no products in this precision; INTERNAL if oneDNN refuses.
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
  absl::Status Backward(const CellWeights& weights,
                        absl::Span<const uint8_t> resets, const float* dy,
                        float* dh, float* dc, float* dx,
                        const CellGradients& gradients, float* dh_steps,
                        Executor* executor);

 private:
  RecurrentTrainingLayer(Cell cell, int64_t inputs, int64_t hidden,
                         int64_t steps, int64_t rows, Precision precision);
  void ShareBuffers();
  absl::Status SumInputs(const CellWeights& weights, Executor* executor);
  void KeepRow(int64_t step, int64_t row, const float* h,
               absl::Span<const uint8_t> resets);
  absl::Status MultiplyStep(const PackedMatrix& matrix, const Factor& factor,
                            int64_t step, float* c, bool accumulate,
                            Executor* executor) const;
  absl::Status SumRecurrent(int64_t step, Executor* executor);
  void ActivateRow(int64_t step, int64_t row, const float* bias_hh);
  void ActivateRowBackward(int64_t step, int64_t row, float* dh, float* dc);
  void RoundRow(int64_t step, int64_t row);
  const Factor& RecurrentGradient() const;
  void AddBiasGradients(const CellGradients& gradients);
  absl::Status AddWeightGradients(const CellGradients& gradients,
                                  Executor* executor);

  const Cell cell_;
  const int64_t inputs_;  // I
  const int64_t hidden_;  // H
  const int64_t gates_;   // GH
  const int64_t steps_;   // T
  const int64_t rows_;    // N

  std::unique_ptr<PackedMatrix> forward_hh_;   // W_hh^T: (H, GH)
  std::unique_ptr<PackedMatrix> backward_hh_;  // W_hh: (GH, H)

  AlignedVector<float> bias_;    // (GH): of the inputs' sums
  AlignedVector<float> dbias_;   // (GH)
  AlignedVector<float> sums_;    // (T, N, GH): sums, then activated gates
  AlignedVector<float> h_prev_;  // (T, N, H): h_{t-1}, after resets; empty
                                 // where only the rounded copy is read
  AlignedVector<float> y_;       // (T, N, H)
  AlignedVector<float> dsums_;   // (T, N, GH): of what W_ih x is added to

  // LSTM only.
  AlignedVector<float> c_;       // (T + 1, N, H): c_{t-1}, after resets; c_T
  AlignedVector<float> tanh_c_;  // (T, N, H)

  // GRU only, where r stands between the sums of x and those of h.
  AlignedVector<float> recurrent_;    // (N, GH): W_hh h of the step at hand
  AlignedVector<float> recurrent_n_;  // (T, N, H)
  AlignedVector<float> drecurrent_;   // (T, N, GH)

  // What the products read.
  Factor weight_ih_factor_;   // (GH, I)
  Factor x_factor_;           // (T, N, I)
  Factor h_prev_factor_;      // (T, N, H)
  Factor dsums_factor_;       // (T, N, GH)
  Factor drecurrent_factor_;  // (T, N, GH)

  // The rounded copies of the last three; null in f32.
  BFloat16* h_prev_rounded_ = nullptr;
  BFloat16* dsums_rounded_ = nullptr;
  BFloat16* drecurrent_rounded_ = nullptr;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_RECURRENT_GRAD_H_
