// SPDX-License-Identifier: Apache-2.0

#include "model/layers/output_layer_grad.h"

#include <algorithm>

#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// Rows of logits held at once: enough for the products to run at full speed
// (each reads or writes the whole weight matrix), few enough to stay small.
// Half of 32 rows x 35 steps, a common batch, so that no small rest is left.
constexpr int64_t kChunkRows = 560;

}  // namespace

OutputLayerLoss::OutputLayerLoss(int64_t vocabulary, int64_t embedding)
    : vocabulary_(vocabulary), embedding_(embedding) {}

absl::StatusOr<double> OutputLayerLoss::Run(
    const OutputLayerWeights& weights, const float* features,
    absl::Span<const int32_t> targets, float scale,
    const OutputLayerGradients* gradients, Executor* executor) {
  const auto rows = static_cast<int64_t>(targets.size());
  double loss = 0;
  for (int64_t first = 0; first < rows; first += kChunkRows) {
    const int64_t count = std::min(kChunkRows, rows - first);
    const float* chunk = features + first * embedding_;
    logits_.resize(static_cast<size_t>(std::max<int64_t>(
        count * vocabulary_, static_cast<int64_t>(logits_.size()))));
    RETURN_IF_ERROR(Matmul({.m = count,
                            .n = vocabulary_,
                            .k = embedding_,
                            .a = {.data = chunk, .row_stride = embedding_},
                            .b = {.data = weights.weight,
                                  .row_stride = embedding_,
                                  .transposed = true},
                            .c = logits_.data(),
                            .c_row_stride = vocabulary_},
                           executor));
    loss += SoftmaxRows(
        weights.bias,
        targets.subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
        scale);
    if (gradients == nullptr) continue;
    RETURN_IF_ERROR(AddGradients(weights, chunk, count,
                                 gradients->features + first * embedding_,
                                 *gradients, executor));
  }
  return loss;
}

double OutputLayerLoss::SoftmaxRows(const float* bias,
                                    absl::Span<const int32_t> targets,
                                    float scale) {
  const Kernels& kernels = GetKernels();
  const auto rows = static_cast<int64_t>(targets.size());
  row_loss_.assign(targets.size(), 0.0f);
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < rows; ++row) {
    float* logits = logits_.data() + row * vocabulary_;
    const int32_t target = targets[static_cast<size_t>(row)];
    if (target < 0) {
      std::fill_n(logits, vocabulary_, 0.0f);
      continue;
    }
    row_loss_[static_cast<size_t>(row)] =
        kernels.softmax_cross_entropy(vocabulary_, logits, bias, target, scale);
  }
  double loss = 0;
  for (float row_loss : row_loss_) loss += static_cast<double>(row_loss);
  return loss;
}

absl::Status OutputLayerLoss::AddGradients(
    const OutputLayerWeights& weights, const float* features, int64_t rows,
    float* dfeatures, const OutputLayerGradients& gradients,
    Executor* executor) {
  AddColumnSums(logits_.data(), rows, vocabulary_, gradients.bias);
  RETURN_IF_ERROR(
      Matmul({.m = rows,
              .n = embedding_,
              .k = vocabulary_,
              .a = {.data = logits_.data(), .row_stride = vocabulary_},
              .b = {.data = weights.weight, .row_stride = embedding_},
              .c = dfeatures,
              .c_row_stride = embedding_},
             executor));
  return Matmul({.m = vocabulary_,
                 .n = embedding_,
                 .k = rows,
                 .a = {.data = logits_.data(),
                       .row_stride = vocabulary_,
                       .transposed = true},
                 .b = {.data = features, .row_stride = embedding_},
                 .c = gradients.weight,
                 .c_row_stride = embedding_,
                 .accumulate = true},
                executor);
}

}  // namespace carousel
