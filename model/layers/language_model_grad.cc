// SPDX-License-Identifier: Apache-2.0

#include "model/layers/language_model_grad.h"

#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"

namespace carousel {

LanguageModelGrad::LanguageModelGrad(const LanguageModelSizes& sizes, int steps,
                                     int rows,
                                     const LanguageModelDropout& dropout,
                                     Precision precision)
    : sizes_(sizes),
      cells_(int64_t{steps} * rows),
      dropout_(dropout),
      output_(sizes.vocabulary, sizes.embedding, precision),
      top_(precision),
      projection_(precision),
      dprojected_(precision) {
  size_t next = 1 + kWeightsOfCell * static_cast<size_t>(sizes.layers);
  if (sizes.projection) {
    places_.projection_weight = next++;
    places_.projection_bias = next++;
  }
  places_.adaptive = next;
  places_.output_weight = sizes.tied ? 0 : next;
  if (!sizes.tied) ++next;
  places_.output_bias = next;
  if (sizes.adaptive()) {
    adaptive_ = std::make_unique<AdaptiveSoftmaxLoss>(sizes.adaptive_softmax(),
                                                      precision);
  }
  if (dropout.embedding_rows > 0) {
    word_mask_.resize(static_cast<size_t>(sizes.vocabulary));
  }
  const auto cells = static_cast<size_t>(cells_);
  for (auto* buffer : {&x_, &dx_, &dfeatures_}) {
    buffer->resize(cells * static_cast<size_t>(sizes.embedding));
  }
  if (!sizes.projection) return;
  features_.resize(dfeatures_.size());
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
  GatherRows(
      Tensor::Borrow(DType::kF32, {sizes_.vocabulary, sizes_.embedding}, table),
      ids, x_.data());
  if (word_mask_.empty() || key == nullptr) return;
  // Words are the same for every row, so the key is that of no row.
  FillDropoutMask({.seed = key->seed,
                   .step = key->step,
                   .site = key->site + StackDropoutSites(sizes_.stack())},
                  dropout_.embedding_rows, sizes_.vocabulary,
                  absl::MakeSpan(word_mask_));
  DropWords(ids, x_.data());
}

// values (T, N, E): multiplies each cell's by the mask of its word.
void LanguageModelGrad::DropWords(absl::Span<const int32_t> ids,
                                  float* values) const {
  if (word_mask_.empty()) return;
  const int64_t width = sizes_.embedding;
#pragma omp parallel for schedule(static)
  for (int64_t cell = 0; cell < cells_; ++cell) {
    const auto id = static_cast<size_t>(ids[static_cast<size_t>(cell)]);
    float* x = values + cell * width;
    for (int64_t k = 0; k < width; ++k) x[k] *= word_mask_[id];
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

// p = y P^T + bias; without a projection the output layer reads y.
absl::Status LanguageModelGrad::Project(
    absl::Span<const float* const> weights) {
  if (!sizes_.projection) return absl::OkStatus();
  const int64_t hidden = sizes_.hidden;
  const int64_t width = sizes_.embedding;
  top_.Set(cells_ * hidden, stack_->y());
  projection_.Set(width * hidden, weights[places_.projection_weight]);
  return Multiply(
      {.m = cells_,
       .n = width,
       .k = hidden,
       .a = {.factor = &top_, .row_stride = hidden},
       .b = {.factor = &projection_, .row_stride = hidden, .transposed = true},
       .bias = weights[places_.projection_bias],
       .c = features_.data(),
       .c_row_stride = width},
      &executor_);
}

// dP += dp^T y, dbias += sum dp, dy = dp P.
absl::Status LanguageModelGrad::ProjectBackward(
    absl::Span<float* const> gradients) {
  if (!sizes_.projection) return absl::OkStatus();
  const int64_t hidden = sizes_.hidden;
  const int64_t width = sizes_.embedding;
  AddColumnSums(dfeatures_.data(), cells_, width,
                gradients[places_.projection_bias]);
  dprojected_.Set(cells_ * width, dfeatures_.data());
  RETURN_IF_ERROR(Multiply(
      {.m = width,
       .n = hidden,
       .k = cells_,
       .a = {.factor = &dprojected_, .row_stride = width, .transposed = true},
       .b = {.factor = &top_, .row_stride = hidden},
       .c = gradients[places_.projection_weight],
       .c_row_stride = hidden,
       .accumulate = true},
      &executor_));
  return Multiply({.m = cells_,
                   .n = hidden,
                   .k = width,
                   .a = {.factor = &dprojected_, .row_stride = width},
                   .b = {.factor = &projection_, .row_stride = hidden},
                   .c = dy_.data(),
                   .c_row_stride = hidden},
                  &executor_);
}

// (T, N, E): what the output layer reads.
const float* LanguageModelGrad::Features() const {
  return sizes_.projection ? features_.data() : stack_->y();
}

absl::StatusOr<double> LanguageModelGrad::AdaptiveLoss(
    absl::Span<const float* const> weights, absl::Span<const int32_t> targets,
    absl::Span<float* const> gradients) {
  std::vector<const float*> output_weights(
      weights.begin() + static_cast<ptrdiff_t>(places_.adaptive),
      weights.end());
  std::vector<float*> output_gradients;
  if (!gradients.empty()) {
    output_gradients.assign(
        gradients.begin() + static_cast<ptrdiff_t>(places_.adaptive),
        gradients.end());
  }
  if (sizes_.tied) {
    output_weights.insert(output_weights.begin(), weights[0]);
    if (!gradients.empty()) {
      output_gradients.insert(output_gradients.begin(), gradients[0]);
    }
  }
  return adaptive_->Run(output_weights, Features(), targets, output_gradients,
                        dfeatures_.data(), &executor_);
}

absl::StatusOr<double> LanguageModelGrad::OutputLoss(
    absl::Span<const float* const> weights, absl::Span<const int32_t> targets,
    absl::Span<float* const> gradients) {
  const bool backward = !gradients.empty();
  if (adaptive_ != nullptr) return AdaptiveLoss(weights, targets, gradients);
  OutputLayerGradients output_gradients = {};
  if (backward) {
    output_gradients = {.weight = gradients[places_.output_weight],
                        .bias = gradients[places_.output_bias],
                        .features = dfeatures_.data()};
  }
  return output_.Run({.weight = weights[places_.output_weight],
                      .bias = weights[places_.output_bias]},
                     Features(), targets, 1.0f,
                     backward ? &output_gradients : nullptr, &executor_);
}

absl::StatusOr<double> LanguageModelGrad::Loss(
    absl::Span<const float* const> weights, const LanguageModelStretch& stretch,
    RecurrentState* state) {
  RETURN_IF_ERROR(Forward(weights, stretch, nullptr, state));
  return OutputLoss(weights, stretch.targets, {});
}

absl::StatusOr<double> LanguageModelGrad::LossAndGradient(
    absl::Span<const float* const> weights, const LanguageModelStretch& stretch,
    const DropoutKey& key, RecurrentState* state,
    absl::Span<float* const> gradients) {
  RETURN_IF_ERROR(Forward(weights, stretch, &key, state));
  ASSIGN_OR_RETURN(const double loss,
                   OutputLoss(weights, stretch.targets, gradients));
  RETURN_IF_ERROR(ProjectBackward(gradients));
  RETURN_IF_ERROR(stack_->Backward(
      StackWeights(weights), stretch.resets,
      sizes_.projection ? dy_.data() : dfeatures_.data(), nullptr, dx_.data(),
      gradients.subspan(1, kWeightsOfCell * static_cast<size_t>(sizes_.layers)),
      &executor_));
  DropWords(stretch.inputs, dx_.data());
  AddRows(stretch.inputs, sizes_.embedding, dx_.data(), gradients[0]);
  return loss;
}

}  // namespace carousel
