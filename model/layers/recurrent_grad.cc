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
                                               int64_t rows,
                                               Precision precision)
    : cell_(cell),
      inputs_(inputs),
      hidden_(hidden),
      gates_(GateCount(cell) * hidden),
      steps_(steps),
      rows_(rows),
      bias_(static_cast<size_t>(gates_)),
      dbias_(static_cast<size_t>(gates_)),
      weight_ih_factor_(precision),
      x_factor_(precision),
      h_prev_factor_(precision),
      dsums_factor_(precision),
      drecurrent_factor_(precision) {
  const auto states = static_cast<size_t>(steps * rows * hidden);
  const auto sums = static_cast<size_t>(steps * rows * gates_);
  sums_.resize(sums);
  dsums_.resize(sums);
  y_.resize(states);
  if (precision == Precision::kF32 || cell == Cell::kGru) {
    h_prev_.resize(states);
  }
  if (HasMemory(cell)) {
    c_.resize(states + static_cast<size_t>(rows * hidden));
    tanh_c_.resize(states);
  }
  if (cell == Cell::kGru) {
    recurrent_.resize(static_cast<size_t>(rows * gates_));
    recurrent_n_.resize(states);
    drecurrent_.resize(sums);
  }
  ShareBuffers();
}

// The products read the buffers themselves or rounded copies, which are filled
// in row by row.
void RecurrentTrainingLayer::ShareBuffers() {
  const auto share = [](const AlignedVector<float>& buffer, int64_t size,
                        Factor* factor, BFloat16** rounded) {
    if (factor->bf16()) {
      *rounded = factor->SetRounded(size);
    } else {
      factor->Set(size, buffer.data());
    }
  };
  const int64_t cells = steps_ * rows_;
  share(h_prev_, cells * hidden_, &h_prev_factor_, &h_prev_rounded_);
  share(dsums_, cells * gates_, &dsums_factor_, &dsums_rounded_);
  if (cell_ != Cell::kGru) return;
  share(drecurrent_, cells * gates_, &drecurrent_factor_, &drecurrent_rounded_);
}

absl::StatusOr<std::unique_ptr<RecurrentTrainingLayer>>
RecurrentTrainingLayer::Create(Cell cell, int64_t inputs, int64_t hidden,
                               int64_t steps, int64_t rows,
                               Precision precision) {
  if (precision == Precision::kBF16 && !SupportsBF16()) {
    return absl::UnimplementedError(
        "this CPU has no bfloat16 instructions (AVX512_BF16)");
  }
  auto layer = absl::WrapUnique(
      new RecurrentTrainingLayer(cell, inputs, hidden, steps, rows, precision));
  ASSIGN_OR_RETURN(layer->forward_hh_,
                   PackedMatrix::Create(hidden, layer->gates_, precision));
  ASSIGN_OR_RETURN(layer->backward_hh_,
                   PackedMatrix::Create(layer->gates_, hidden, precision));
  return layer;
}

// The inputs' part of the sums, for all steps at once, with the biases. In a
// GRU b_hn is multiplied by r, so its b_hh waits for the gates.
absl::Status RecurrentTrainingLayer::SumInputs(const CellWeights& weights,
                                               Executor* executor) {
  std::copy_n(weights.bias_ih.data(), gates_, bias_.data());
  if (cell_ != Cell::kGru) {
    GetKernels().add(gates_, weights.bias_hh.data(), bias_.data());
  }
  return Multiply({.m = steps_ * rows_,
                   .n = gates_,
                   .k = inputs_,
                   .a = {.factor = &x_factor_, .row_stride = inputs_},
                   .b = {.factor = &weight_ih_factor_,
                         .row_stride = inputs_,
                         .transposed = true},
                   .bias = bias_.data(),
                   .c = sums_.data(),
                   .c_row_stride = gates_},
                  executor);
}

// Keeps what a row's step starts from for the products and the backward pass:
// `h` (H) and the c that is there already, or zeros where the row starts
// afresh.
void RecurrentTrainingLayer::KeepRow(int64_t step, int64_t row, const float* h,
                                     absl::Span<const uint8_t> resets) {
  const int64_t cell = step * rows_ + row;
  const int64_t at = cell * hidden_;
  if (resets[static_cast<size_t>(cell)] != 0) {
    if (!h_prev_.empty()) std::fill_n(h_prev_.data() + at, hidden_, 0.0f);
    if (HasMemory(cell_)) std::fill_n(c_.data() + at, hidden_, 0.0f);
    if (h_prev_rounded_ != nullptr) {
      std::fill_n(h_prev_rounded_ + at, hidden_, BFloat16{});
    }
    return;
  }
  if (!h_prev_.empty()) std::copy_n(h, hidden_, h_prev_.data() + at);
  if (h_prev_rounded_ != nullptr) {
    GetKernels().to_bf16(hidden_, h, &h_prev_rounded_[at].bits);
  }
}

// c = [c +] the rows of one step of `factor` times the matrix.
absl::Status RecurrentTrainingLayer::MultiplyStep(const PackedMatrix& matrix,
                                                  const Factor& factor,
                                                  int64_t step, float* c,
                                                  bool accumulate,
                                                  Executor* executor) const {
  const int64_t at = step * rows_ * matrix.k();
  if (factor.bf16()) {
    return matrix.Multiply(rows_, factor.rounded() + at, matrix.k(), c,
                           matrix.n(), accumulate, executor);
  }
  return matrix.Multiply(rows_, factor.values() + at, matrix.k(), c, matrix.n(),
                         accumulate, executor);
}

absl::Status RecurrentTrainingLayer::SumRecurrent(int64_t step,
                                                  Executor* executor) {
  const bool apart = cell_ == Cell::kGru;
  float* sums =
      apart ? recurrent_.data() : sums_.data() + step * rows_ * gates_;
  return MultiplyStep(*forward_hh_, h_prev_factor_, step, sums, !apart,
                      executor);
}

void RecurrentTrainingLayer::ActivateRow(int64_t step, int64_t row,
                                         const float* bias_hh) {
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
      return kernels.lstm_forward(hidden_,
                                  {.gates = sums,
                                   .c_prev = c_.data() + at,
                                   .c = c_.data() + at + rows_ * hidden_,
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
  const int64_t step_size = rows_ * hidden_;
  RETURN_IF_ERROR(forward_hh_->Pack({.data = weights.weight_hh.data(),
                                     .row_stride = hidden_,
                                     .transposed = true},
                                    executor));
  weight_ih_factor_.Set(gates_ * inputs_, weights.weight_ih.data());
  x_factor_.Set(steps_ * rows_ * inputs_, x);
  RETURN_IF_ERROR(SumInputs(weights, executor));
  if (HasMemory(cell_)) std::copy_n(c, step_size, c_.data());
  for (int64_t n = 0; n < rows_; ++n) KeepRow(0, n, h + n * hidden_, resets);
  for (int64_t t = 0; t < steps_; ++t) {
    RETURN_IF_ERROR(SumRecurrent(t, executor));
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      ActivateRow(t, n, weights.bias_hh.data());
      if (t + 1 == steps_) continue;
      KeepRow(t + 1, n, y_.data() + t * step_size + n * hidden_, resets);
    }
  }
  const int64_t last = (steps_ - 1) * step_size;
  std::copy_n(y_.data() + last, step_size, h);
  if (HasMemory(cell_)) std::copy_n(c_.data() + last + step_size, step_size, c);
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
                                             .c_prev = c_.data() + at,
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

void RecurrentTrainingLayer::RoundRow(int64_t step, int64_t row) {
  const int64_t at = (step * rows_ + row) * gates_;
  const Kernels& kernels = GetKernels();
  if (dsums_rounded_ != nullptr) {
    kernels.to_bf16(gates_, dsums_.data() + at, &dsums_rounded_[at].bits);
  }
  if (drecurrent_rounded_ != nullptr) {
    kernels.to_bf16(gates_, drecurrent_.data() + at,
                    &drecurrent_rounded_[at].bits);
  }
}

// (T, N, GH): of what W_hh h is added to.
const Factor& RecurrentTrainingLayer::RecurrentGradient() const {
  return cell_ == Cell::kGru ? drecurrent_factor_ : dsums_factor_;
}

absl::Status RecurrentTrainingLayer::Backward(
    const CellWeights& weights, absl::Span<const uint8_t> resets,
    const float* dy, float* dh, float* dc, float* dx,
    const CellGradients& gradients, float* dh_steps, Executor* executor) {
  const Kernels& kernels = GetKernels();
  const int64_t step_size = rows_ * hidden_;
  RETURN_IF_ERROR(backward_hh_->Pack(
      {.data = weights.weight_hh.data(), .row_stride = hidden_}, executor));
  for (int64_t t = steps_ - 1; t >= 0; --t) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      const int64_t at = n * hidden_;
      kernels.add(hidden_, dy + t * step_size + at, dh + at);
      if (dh_steps != nullptr) {
        std::copy_n(dh + at, hidden_, dh_steps + t * step_size + at);
      }
      ActivateRowBackward(t, n, dh + at, dc == nullptr ? nullptr : dc + at);
      RoundRow(t, n);
    }
    // dLoss/dh_{t-1} through the recurrence.
    RETURN_IF_ERROR(MultiplyStep(*backward_hh_, RecurrentGradient(), t, dh,
                                 cell_ == Cell::kGru, executor));
    for (int64_t n = 0; n < rows_; ++n) {
      if (resets[static_cast<size_t>(t * rows_ + n)] == 0) continue;
      std::fill_n(dh + n * hidden_, hidden_, 0.0f);
      if (HasMemory(cell_)) std::fill_n(dc + n * hidden_, hidden_, 0.0f);
    }
  }
  AddBiasGradients(gradients);
  RETURN_IF_ERROR(AddWeightGradients(gradients, executor));
  if (dx == nullptr) return absl::OkStatus();
  return Multiply({.m = steps_ * rows_,
                   .n = inputs_,
                   .k = gates_,
                   .a = {.factor = &dsums_factor_, .row_stride = gates_},
                   .b = {.factor = &weight_ih_factor_, .row_stride = inputs_},
                   .c = dx,
                   .c_row_stride = inputs_},
                  executor);
}

// Both biases are added to the same sums, but in a GRU.
void RecurrentTrainingLayer::AddBiasGradients(const CellGradients& gradients) {
  const Kernels& kernels = GetKernels();
  const int64_t cells = steps_ * rows_;
  std::fill(dbias_.begin(), dbias_.end(), 0.0f);
  AddColumnSums(dsums_.data(), cells, gates_, dbias_.data());
  kernels.add(gates_, dbias_.data(), gradients.bias_ih);
  if (cell_ == Cell::kGru) {
    AddColumnSums(drecurrent_.data(), cells, gates_, gradients.bias_hh);
  } else {
    kernels.add(gates_, dbias_.data(), gradients.bias_hh);
  }
}

absl::Status RecurrentTrainingLayer::AddWeightGradients(
    const CellGradients& gradients, Executor* executor) {
  // weight (GH, width) += dsums^T inputs
  const auto add = [&](const Factor& dsums, const Factor& inputs, int64_t width,
                       float* weight) {
    return Multiply(
        {.m = gates_,
         .n = width,
         .k = steps_ * rows_,
         .a = {.factor = &dsums, .row_stride = gates_, .transposed = true},
         .b = {.factor = &inputs, .row_stride = width},
         .c = weight,
         .c_row_stride = width,
         .accumulate = true},
        executor);
  };
  RETURN_IF_ERROR(add(dsums_factor_, x_factor_, inputs_, gradients.weight_ih));
  return add(RecurrentGradient(), h_prev_factor_, hidden_, gradients.weight_hh);
}

}  // namespace carousel
