// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model_grad.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {

LanguageModelGrad::LanguageModelGrad(const LanguageModelSizes& sizes, int steps,
                                     int rows,
                                     const LanguageModelDropout& dropout,
                                     Precision precision)
    : sizes_(sizes),
      cells_(int64_t{steps} * rows),
      dropout_(dropout),
      output_(sizes.vocabulary, sizes.embedding, precision) {
  size_t next = 1 + kWeightsOfCell * static_cast<size_t>(sizes.layers);
  if (sizes.projection) {
    places_.projection_weight = next++;
    places_.projection_bias = next++;
  }
  places_.output_weight = sizes.tied ? 0 : next++;
  places_.output_bias = next;
  if (dropout.embedding_rows > 0) {
    word_mask_.resize(static_cast<size_t>(sizes.vocabulary));
  }
  const auto cells = static_cast<size_t>(cells_);
  for (auto* buffer : {&x_, &dx_, &features_, &dfeatures_}) {
    buffer->resize(cells * static_cast<size_t>(sizes.embedding));
  }
  dy_.resize(cells * static_cast<size_t>(sizes.hidden));
}

absl::StatusOr<std::unique_ptr<LanguageModelGrad>> LanguageModelGrad::Create(
    const LanguageModelSizes& sizes, int steps, int rows,
    const LanguageModelDropout& dropout, Precision precision) {
  auto network = absl::WrapUnique(
      new LanguageModelGrad(sizes, steps, rows, dropout, precision));
  const StackDropout stack_dropout = {.input = dropout.embedding,
                                      .layers = dropout.layers,
                                      .output = dropout.output,
                                      .variational = dropout.variational,
                                      .weight_drop = dropout.weight_drop};
  ASSIGN_OR_RETURN(network->stack_,
                   RecurrentStackGrad::Create(sizes.stack(), steps, rows,
                                              stack_dropout, precision));
  return network;
}

absl::Span<const float* const> LanguageModelGrad::StackWeights(
    absl::Span<const float* const> weights) const {
  return weights.subspan(1,
                         kWeightsOfCell * static_cast<size_t>(sizes_.layers));
}

void LanguageModelGrad::Embed(const float* table, absl::Span<const int32_t> ids,
                              const DropoutKey* key) {
  const int64_t width = sizes_.embedding;
  GatherRows(
      Tensor::Borrow(DType::kF32, {sizes_.vocabulary, sizes_.embedding}, table),
      ids, x_.data());
  if (word_mask_.empty()) return;
  if (key == nullptr) {
    std::fill(word_mask_.begin(), word_mask_.end(), 1.0f);
    return;
  }
  // Words are the same for every row, so the key is that of no row.
  FillDropoutMask({.seed = key->seed,
                   .step = key->step,
                   .site = key->site + StackDropoutSites(sizes_.stack())},
                  dropout_.embedding_rows, sizes_.vocabulary,
                  absl::MakeSpan(word_mask_));
  for (int64_t cell = 0; cell < cells_; ++cell) {
    const auto id = static_cast<size_t>(ids[static_cast<size_t>(cell)]);
    float* x = x_.data() + cell * width;
    for (int64_t k = 0; k < width; ++k) x[k] *= word_mask_[id];
  }
}

// On one thread: rows of the table repeat, and the order of sums must not
// change.
void LanguageModelGrad::EmbedBackward(absl::Span<const int32_t> ids,
                                      float* gradient) {
  const Kernels& kernels = GetKernels();
  const int64_t width = sizes_.embedding;
  for (int64_t cell = 0; cell < cells_; ++cell) {
    const int64_t id = ids[static_cast<size_t>(cell)];
    float* dx = dx_.data() + cell * width;
    if (!word_mask_.empty()) {
      const float factor = word_mask_[static_cast<size_t>(id)];
      for (int64_t k = 0; k < width; ++k) dx[k] *= factor;
    }
    kernels.add(width, dx, gradient + id * width);
  }
}

absl::Status LanguageModelGrad::Forward(absl::Span<const float* const> weights,
                                        const LanguageModelStretch& stretch,
                                        const DropoutKey* key,
                                        RecurrentState* state) {
  CAROUSEL_CHECK(static_cast<int64_t>(stretch.inputs.size()) == cells_);
  CAROUSEL_CHECK(static_cast<int64_t>(stretch.targets.size()) == cells_);
  Embed(weights[0], stretch.inputs, key);
  RETURN_IF_ERROR(stack_->Forward(StackWeights(weights), x_.data(),
                                  stretch.resets, key, state, &executor_));
  return Project(weights);
}

// p = y P^T + bias, or p = y.
absl::Status LanguageModelGrad::Project(
    absl::Span<const float* const> weights) {
  const float* y = stack_->y();
  if (!sizes_.projection) {
    std::copy_n(y, features_.size(), features_.data());
    return absl::OkStatus();
  }
  const int64_t width = sizes_.embedding;
  for (int64_t cell = 0; cell < cells_; ++cell) {
    std::copy_n(weights[places_.projection_bias], width,
                features_.data() + cell * width);
  }
  return Matmul({.m = cells_,
                 .n = width,
                 .k = sizes_.hidden,
                 .a = {.data = y, .row_stride = sizes_.hidden},
                 .b = {.data = weights[places_.projection_weight],
                       .row_stride = sizes_.hidden,
                       .transposed = true},
                 .c = features_.data(),
                 .c_row_stride = width,
                 .accumulate = true},
                &executor_);
}

// dP += dp^T y, dbias += sum dp, dy = dp P.
absl::Status LanguageModelGrad::ProjectBackward(
    absl::Span<const float* const> weights,
    absl::Span<float* const> gradients) {
  if (!sizes_.projection) {
    dy_ = dfeatures_;
    return absl::OkStatus();
  }
  const int64_t width = sizes_.embedding;
  AddColumnSums(dfeatures_.data(), cells_, width,
                gradients[places_.projection_bias]);
  RETURN_IF_ERROR(
      Matmul({.m = width,
              .n = sizes_.hidden,
              .k = cells_,
              .a = {.data = dfeatures_.data(),
                    .row_stride = width,
                    .transposed = true},
              .b = {.data = stack_->y(), .row_stride = sizes_.hidden},
              .c = gradients[places_.projection_weight],
              .c_row_stride = sizes_.hidden,
              .accumulate = true},
             &executor_));
  return Matmul({.m = cells_,
                 .n = sizes_.hidden,
                 .k = width,
                 .a = {.data = dfeatures_.data(), .row_stride = width},
                 .b = {.data = weights[places_.projection_weight],
                       .row_stride = sizes_.hidden},
                 .c = dy_.data(),
                 .c_row_stride = sizes_.hidden},
                &executor_);
}

absl::StatusOr<double> LanguageModelGrad::Loss(
    absl::Span<const float* const> weights, const LanguageModelStretch& stretch,
    RecurrentState* state) {
  RETURN_IF_ERROR(Forward(weights, stretch, nullptr, state));
  return output_.Run({.weight = weights[places_.output_weight],
                      .bias = weights[places_.output_bias]},
                     features_.data(), stretch.targets, 1.0f, nullptr,
                     &executor_);
}

absl::StatusOr<double> LanguageModelGrad::LossAndGradient(
    absl::Span<const float* const> weights, const LanguageModelStretch& stretch,
    const DropoutKey& key, RecurrentState* state,
    absl::Span<float* const> gradients) {
  RETURN_IF_ERROR(Forward(weights, stretch, &key, state));
  const OutputLayerGradients output_gradients = {
      .weight = gradients[places_.output_weight],
      .bias = gradients[places_.output_bias],
      .features = dfeatures_.data()};
  ASSIGN_OR_RETURN(const double loss,
                   output_.Run({.weight = weights[places_.output_weight],
                                .bias = weights[places_.output_bias]},
                               features_.data(), stretch.targets, 1.0f,
                               &output_gradients, &executor_));
  RETURN_IF_ERROR(ProjectBackward(weights, gradients));
  RETURN_IF_ERROR(stack_->Backward(
      StackWeights(weights), stretch.resets, dy_.data(), nullptr, dx_.data(),
      gradients.subspan(1, kWeightsOfCell * static_cast<size_t>(sizes_.layers)),
      &executor_));
  EmbedBackward(stretch.inputs, gradients[0]);
  return loss;
}

}  // namespace carousel
