// SPDX-License-Identifier: Apache-2.0

#include "model/layers/lstm_grad.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/kernels.h"

namespace carousel {

LstmTrainingLayer::LstmTrainingLayer(int64_t inputs, int64_t hidden,
                                     int64_t steps, int64_t rows)
    : inputs_(inputs), hidden_(hidden), steps_(steps), rows_(rows) {
  const auto cells = static_cast<size_t>(steps * rows * hidden);
  const auto row_cells = static_cast<size_t>(rows * hidden);
  for (auto* buffer : {&h_prev_, &c_prev_, &tanh_c_, &y_}) {
    buffer->resize(cells);
  }
  for (auto* buffer : {&gates_, &dgates_}) buffer->resize(4 * cells);
  for (auto* buffer : {&c_, &dh_, &dc_}) buffer->resize(row_cells);
}

absl::StatusOr<std::unique_ptr<LstmTrainingLayer>> LstmTrainingLayer::Create(
    int64_t inputs, int64_t hidden, int64_t steps, int64_t rows) {
  auto layer =
      absl::WrapUnique(new LstmTrainingLayer(inputs, hidden, steps, rows));
  ASSIGN_OR_RETURN(layer->forward_hh_,
                   PackedMatrix::Create(hidden, 4 * hidden));
  ASSIGN_OR_RETURN(layer->backward_hh_,
                   PackedMatrix::Create(4 * hidden, hidden));
  return layer;
}

// h_{t-1} and c_{t-1} of step t, kept for the backward pass; zero where the row
// starts afresh.
void LstmTrainingLayer::StartStep(int64_t step, const float* h, const float* c,
                                  absl::Span<const uint8_t> resets) {
  const int64_t offset = step * rows_ * hidden_;
  for (int64_t n = 0; n < rows_; ++n) {
    float* h_to = h_prev_.data() + offset + n * hidden_;
    float* c_to = c_prev_.data() + offset + n * hidden_;
    if (resets[static_cast<size_t>(step * rows_ + n)] != 0) {
      std::fill_n(h_to, hidden_, 0.0f);
      std::fill_n(c_to, hidden_, 0.0f);
    } else {
      std::copy_n(h + n * hidden_, hidden_, h_to);
      std::copy_n(c + n * hidden_, hidden_, c_to);
    }
  }
}

absl::Status LstmTrainingLayer::Forward(const LstmWeights& weights,
                                        const float* x,
                                        absl::Span<const uint8_t> resets,
                                        float* h, float* c,
                                        Executor* executor) {
  const Kernels& kernels = GetKernels();
  const int64_t gates = 4 * hidden_;
  const int64_t cells = steps_ * rows_;
  const MatrixView hh = {.data = weights.weight_hh.data(),
                         .row_stride = hidden_};
  RETURN_IF_ERROR(forward_hh_->Pack(
      {.data = hh.data, .row_stride = hidden_, .transposed = true}, executor));
  RETURN_IF_ERROR(backward_hh_->Pack(hh, executor));

  // The inputs' part of the sums, for all steps at once, on top of the biases.
#pragma omp parallel for schedule(static)
  for (int64_t cell = 0; cell < cells; ++cell) {
    float* sums = gates_.data() + cell * gates;
    std::copy_n(weights.bias_ih.data(), gates, sums);
    kernels.add(gates, weights.bias_hh.data(), sums);
  }
  RETURN_IF_ERROR(Matmul({.m = cells,
                          .n = gates,
                          .k = inputs_,
                          .a = {.data = x, .row_stride = inputs_},
                          .b = {.data = weights.weight_ih.data(),
                                .row_stride = inputs_,
                                .transposed = true},
                          .c = gates_.data(),
                          .c_row_stride = gates,
                          .accumulate = true},
                         executor));

  std::copy_n(c, rows_ * hidden_, c_.data());
  const float* h_before = h;
  for (int64_t t = 0; t < steps_; ++t) {
    StartStep(t, h_before, c_.data(), resets);
    const int64_t offset = t * rows_ * hidden_;
    RETURN_IF_ERROR(forward_hh_->Multiply(rows_, h_prev_.data() + offset,
                                          hidden_, gates_.data() + 4 * offset,
                                          gates, true, executor));
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      const int64_t at = offset + n * hidden_;
      kernels.lstm_forward(hidden_, {.gates = gates_.data() + 4 * at,
                                     .c_prev = c_prev_.data() + at,
                                     .c = c_.data() + n * hidden_,
                                     .tanh_c = tanh_c_.data() + at,
                                     .h = y_.data() + at});
    }
    h_before = y_.data() + offset;
  }
  std::copy_n(h_before, rows_ * hidden_, h);
  std::copy_n(c_.data(), rows_ * hidden_, c);
  return absl::OkStatus();
}

absl::Status LstmTrainingLayer::Backward(const LstmWeights& weights,
                                         const float* x,
                                         absl::Span<const uint8_t> resets,
                                         const float* dy, float* dx,
                                         const LstmGradients& gradients,
                                         Executor* executor) {
  const Kernels& kernels = GetKernels();
  std::fill(dh_.begin(), dh_.end(), 0.0f);
  std::fill(dc_.begin(), dc_.end(), 0.0f);
  for (int64_t t = steps_ - 1; t >= 0; --t) {
    const int64_t offset = t * rows_ * hidden_;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < rows_; ++n) {
      const int64_t at = offset + n * hidden_;
      float* dh = dh_.data() + n * hidden_;
      float* dc = dc_.data() + n * hidden_;
      kernels.add(hidden_, dy + at, dh);
      kernels.lstm_backward(hidden_, {.gates = gates_.data() + 4 * at,
                                      .c_prev = c_prev_.data() + at,
                                      .tanh_c = tanh_c_.data() + at,
                                      .dh = dh,
                                      .dc = dc,
                                      .dgates = dgates_.data() + 4 * at});
    }
    // dLoss/dh_{t-1} through the recurrence.
    RETURN_IF_ERROR(backward_hh_->Multiply(rows_, dgates_.data() + 4 * offset,
                                           4 * hidden_, dh_.data(), hidden_,
                                           false, executor));
    for (int64_t n = 0; n < rows_; ++n) {
      if (resets[static_cast<size_t>(t * rows_ + n)] == 0) continue;
      std::fill_n(dh_.data() + n * hidden_, hidden_, 0.0f);
      std::fill_n(dc_.data() + n * hidden_, hidden_, 0.0f);
    }
  }
  RETURN_IF_ERROR(AddWeightGradients(x, gradients, executor));
  return Matmul({.m = steps_ * rows_,
                 .n = inputs_,
                 .k = 4 * hidden_,
                 .a = {.data = dgates_.data(), .row_stride = 4 * hidden_},
                 .b = {.data = weights.weight_ih.data(), .row_stride = inputs_},
                 .c = dx,
                 .c_row_stride = inputs_},
                executor);
}

absl::Status LstmTrainingLayer::AddWeightGradients(
    const float* x, const LstmGradients& gradients, Executor* executor) {
  const MatrixView dgates_transposed = {
      .data = dgates_.data(), .row_stride = 4 * hidden_, .transposed = true};
  const int64_t cells = steps_ * rows_;
  AddColumnSums(dgates_.data(), cells, 4 * hidden_, gradients.bias_ih);
  AddColumnSums(dgates_.data(), cells, 4 * hidden_, gradients.bias_hh);
  RETURN_IF_ERROR(Matmul({.m = 4 * hidden_,
                          .n = inputs_,
                          .k = cells,
                          .a = dgates_transposed,
                          .b = {.data = x, .row_stride = inputs_},
                          .c = gradients.weight_ih,
                          .c_row_stride = inputs_,
                          .accumulate = true},
                         executor));
  return Matmul({.m = 4 * hidden_,
                 .n = hidden_,
                 .k = cells,
                 .a = dgates_transposed,
                 .b = {.data = h_prev_.data(), .row_stride = hidden_},
                 .c = gradients.weight_hh,
                 .c_row_stride = hidden_,
                 .accumulate = true},
                executor);
}

}  // namespace carousel
