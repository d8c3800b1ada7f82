// SPDX-License-Identifier: Apache-2.0

#include "model/layers/recurrent_grad.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/kernels.h"

namespace carousel {

RecurrentTrainingLayer::RecurrentTrainingLayer(Cell cell, int64_t inputs,
                                               int64_t hidden, int64_t steps,
                                               int64_t rows)
    : cell_(cell),
      inputs_(inputs),
      hidden_(hidden),
      gates_(GateCount(cell) * hidden),
      steps_(steps),
      rows_(rows) {
  const auto states = static_cast<size_t>(steps * rows * hidden);
  const auto sums = static_cast<size_t>(steps * rows * gates_);
  sums_.resize(sums);
  dsums_.resize(sums);
  h_prev_.resize(states);
  y_.resize(states);
  if (HasMemory(cell)) {
    c_prev_.resize(states);
    tanh_c_.resize(states);
  }
  if (cell == Cell::kGru) {
    recurrent_.resize(static_cast<size_t>(rows * gates_));
    recurrent_n_.resize(states);
    drecurrent_.resize(sums);
  }
}

absl::StatusOr<std::unique_ptr<RecurrentTrainingLayer>>
RecurrentTrainingLayer::Create(Cell cell, int64_t inputs, int64_t hidden,
                               int64_t steps, int64_t rows,
                               Precision precision) {
  if (precision != Precision::kF32) {
    return absl::UnimplementedError("recurrent layers train in f32 only");
  }
  auto layer = absl::WrapUnique(
      new RecurrentTrainingLayer(cell, inputs, hidden, steps, rows));
  ASSIGN_OR_RETURN(layer->forward_hh_,
                   PackedMatrix::Create(hidden, layer->gates_));
  ASSIGN_OR_RETURN(layer->backward_hh_,
                   PackedMatrix::Create(layer->gates_, hidden));
  return layer;
}

// The inputs' part of the sums, for all steps at once, on top of the biases. In
// a GRU b_hn is multiplied by r, so its b_hh waits for the gates.
absl::Status RecurrentTrainingLayer::SumInputs(const CellWeights& weights,
                                               const float* x,
                                               Executor* executor) {
  const Kernels& kernels = GetKernels();
  const int64_t cells = steps_ * rows_;
#pragma omp parallel for schedule(static)
  for (int64_t cell = 0; cell < cells; ++cell) {
    float* sums = sums_.data() + cell * gates_;
    std::copy_n(weights.bias_ih.data(), gates_, sums);
    if (cell_ != Cell::kGru) kernels.add(gates_, weights.bias_hh.data(), sums);
  }
  return Matmul({.m = cells,
                 .n = gates_,
                 .k = inputs_,
                 .a = {.data = x, .row_stride = inputs_},
                 .b = {.data = weights.weight_ih.data(),
                       .row_stride = inputs_,
                       .transposed = true},
                 .c = sums_.data(),
                 .c_row_stride = gates_,
                 .accumulate = true},
                executor);
}

// h_{t-1} and c_{t-1} of step t, kept for the backward pass; zero where the row
// starts afresh.
void RecurrentTrainingLayer::StartStep(int64_t step, const float* h,
                                       const float* c,
                                       absl::Span<const uint8_t> resets) {
  const auto keep = [&](int64_t n, const float* from, float* to) {
    to += (step * rows_ + n) * hidden_;
    if (resets[static_cast<size_t>(step * rows_ + n)] != 0) {
      std::fill_n(to, hidden_, 0.0f);
    } else {
      std::copy_n(from + n * hidden_, hidden_, to);
    }
  };
  for (int64_t n = 0; n < rows_; ++n) {
    keep(n, h, h_prev_.data());
    if (HasMemory(cell_)) keep(n, c, c_prev_.data());
  }
}

absl::Status RecurrentTrainingLayer::SumRecurrent(int64_t step,
                                                  Executor* executor) {
  const float* h = h_prev_.data() + step * rows_ * hidden_;
  const bool apart = cell_ == Cell::kGru;
  float* sums =
      apart ? recurrent_.data() : sums_.data() + step * rows_ * gates_;
  return forward_hh_->Multiply(rows_, h, hidden_, sums, gates_, !apart,
                               executor);
}

void RecurrentTrainingLayer::ActivateRow(int64_t step, int64_t row,
                                         const float* bias_hh, float* c) {
  const Kernels& kernels = GetKernels();
  const int64_t cell = step * rows_ + row;
  const int64_t at = cell * hidden_;
  float* sums = sums_.data() + cell * gates_;
  float* h = y_.data() + at;
  switch (cell_) {
    case Cell::kTanhRnn:
      return kernels.tanh_forward(hidden_, sums, h);
    case Cell::kReluRnn:
      return kernels.relu_forward(hidden_, sums, h);
    case Cell::kLstm:
      return kernels.lstm_forward(hidden_, {.gates = sums,
                                            .c_prev = c_prev_.data() + at,
                                            .c = c + row * hidden_,
                                            .tanh_c = tanh_c_.data() + at,
                                            .h = h});
    case Cell::kGru:
      return kernels.gru_forward(hidden_,
                                 {.gates = sums,
                                  .recurrent = recurrent_.data() + row * gates_,
                                  .bias_hh = bias_hh,
                                  .h_prev = h_prev_.data() + at,
                                  .recurrent_n = recurrent_n_.data() + at,
                                  .h = h});
  }
}

absl::Status RecurrentTrainingLayer::Forward(const CellWeights& weights,
                                             const float* x,
                                             absl::Span<const uint8_t> resets,
                                             float* h, float* c,
                                             Executor* executor) {
  const MatrixView hh = {.data = weights.weight_hh.data(),
                         .row_stride = hidden_};
  RETURN_IF_ERROR(forward_hh_->Pack(
      {.data = hh.data, .row_stride = hidden_, .transposed = true}, executor));
  RETURN_IF_ERROR(backward_hh_->Pack(hh, executor));
  RETURN_IF_ERROR(SumInputs(weights, x, executor));
  const float* h_before = h;
  for (int64_t t = 0; t < steps_; ++t) {
    StartStep(t, h_before, c, resets);
    RETURN_IF_ERROR(SumRecurrent(t, executor));
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      ActivateRow(t, n, weights.bias_hh.data(), c);
    }
    h_before = y_.data() + t * rows_ * hidden_;
  }
  std::copy_n(h_before, rows_ * hidden_, h);
  return absl::OkStatus();
}

// From dLoss/dh_t of a row to the gradients of its sums. What reaches h_{t-1}
// not by way of W_hh is left in dh.
void RecurrentTrainingLayer::ActivateRowBackward(int64_t step, int64_t row,
                                                 float* dh, float* dc) {
  const Kernels& kernels = GetKernels();
  const int64_t cell = step * rows_ + row;
  const int64_t at = cell * hidden_;
  const float* gates = sums_.data() + cell * gates_;
  float* dsums = dsums_.data() + cell * gates_;
  switch (cell_) {
    case Cell::kTanhRnn:
      return kernels.tanh_backward(hidden_, y_.data() + at, dh, dsums);
    case Cell::kReluRnn:
      return kernels.relu_backward(hidden_, y_.data() + at, dh, dsums);
    case Cell::kLstm:
      return kernels.lstm_backward(hidden_, {.gates = gates,
                                             .c_prev = c_prev_.data() + at,
                                             .tanh_c = tanh_c_.data() + at,
                                             .dh = dh,
                                             .dc = dc,
                                             .dgates = dsums});
    case Cell::kGru:
      return kernels.gru_backward(
          hidden_, {.gates = gates,
                    .h_prev = h_prev_.data() + at,
                    .recurrent_n = recurrent_n_.data() + at,
                    .dh = dh,
                    .dgates = dsums,
                    .drecurrent = drecurrent_.data() + cell * gates_});
  }
}

// (T, N, GH): of what W_hh h is added to.
const float* RecurrentTrainingLayer::RecurrentGradient() const {
  return cell_ == Cell::kGru ? drecurrent_.data() : dsums_.data();
}

absl::Status RecurrentTrainingLayer::Backward(
    const CellWeights& weights, const float* x,
    absl::Span<const uint8_t> resets, const float* dy, float* dh, float* dc,
    float* dx, const CellGradients& gradients, float* dh_steps,
    Executor* executor) {
  const Kernels& kernels = GetKernels();
  const int64_t step_size = rows_ * hidden_;
  for (int64_t t = steps_ - 1; t >= 0; --t) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      const int64_t at = n * hidden_;
      kernels.add(hidden_, dy + t * step_size + at, dh + at);
      if (dh_steps != nullptr) {
        std::copy_n(dh + at, hidden_, dh_steps + t * step_size + at);
      }
      ActivateRowBackward(t, n, dh + at, dc == nullptr ? nullptr : dc + at);
    }
    // dLoss/dh_{t-1} through the recurrence.
    RETURN_IF_ERROR(backward_hh_->Multiply(
        rows_, RecurrentGradient() + t * rows_ * gates_, gates_, dh, hidden_,
        cell_ == Cell::kGru, executor));
    for (int64_t n = 0; n < rows_; ++n) {
      if (resets[static_cast<size_t>(t * rows_ + n)] == 0) continue;
      std::fill_n(dh + n * hidden_, hidden_, 0.0f);
      if (HasMemory(cell_)) std::fill_n(dc + n * hidden_, hidden_, 0.0f);
    }
  }
  RETURN_IF_ERROR(AddWeightGradients(x, gradients, executor));
  if (dx == nullptr) return absl::OkStatus();
  return Matmul({.m = steps_ * rows_,
                 .n = inputs_,
                 .k = gates_,
                 .a = {.data = dsums_.data(), .row_stride = gates_},
                 .b = {.data = weights.weight_ih.data(), .row_stride = inputs_},
                 .c = dx,
                 .c_row_stride = inputs_},
                executor);
}

absl::Status RecurrentTrainingLayer::AddWeightGradients(
    const float* x, const CellGradients& gradients, Executor* executor) {
  const int64_t cells = steps_ * rows_;
  // weight (GH, width) += dsums^T inputs
  const auto add = [&](const float* dsums, const float* inputs, int64_t width,
                       float* weight) {
    return Matmul(
        {.m = gates_,
         .n = width,
         .k = cells,
         .a = {.data = dsums, .row_stride = gates_, .transposed = true},
         .b = {.data = inputs, .row_stride = width},
         .c = weight,
         .c_row_stride = width,
         .accumulate = true},
        executor);
  };
  AddColumnSums(dsums_.data(), cells, gates_, gradients.bias_ih);
  AddColumnSums(RecurrentGradient(), cells, gates_, gradients.bias_hh);
  RETURN_IF_ERROR(add(dsums_.data(), x, inputs_, gradients.weight_ih));
  return add(RecurrentGradient(), h_prev_.data(), hidden_, gradients.weight_hh);
}

}  // namespace carousel
