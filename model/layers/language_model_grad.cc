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
namespace {

constexpr size_t kWeightsOfLayer = 4;  // weight_ih, weight_hh, bias_ih, bias_hh

}  // namespace

LanguageModelGrad::LanguageModelGrad(const LanguageModelSizes& sizes, int steps,
                                     int rows,
                                     const LanguageModelDropout& dropout)
    : sizes_(sizes),
      rows_(rows),
      cells_(int64_t{steps} * rows),
      dropout_(dropout),
      output_(sizes.vocabulary, sizes.embedding) {
  size_t next = 1 + kWeightsOfLayer * static_cast<size_t>(sizes.layers);
  if (sizes.projection) {
    places_.projection_weight = next++;
    places_.projection_bias = next++;
  }
  places_.output_weight = sizes.tied ? 0 : next++;
  places_.output_bias = next;
  for (int k = 0; k <= sizes.layers; ++k) {
    const auto size = static_cast<size_t>(cells_ * InputWidth(k));
    activations_.emplace_back(size);
    masks_.emplace_back(DropoutRate(k) > 0 ? size : 0);
  }
  const auto cells = static_cast<size_t>(cells_);
  features_.resize(cells * static_cast<size_t>(sizes.embedding));
  dfeatures_.resize(features_.size());
  dy_.resize(cells * static_cast<size_t>(sizes.hidden));
  dx_.resize(cells *
             static_cast<size_t>(std::max(sizes.hidden, sizes.embedding)));
}

absl::StatusOr<std::unique_ptr<LanguageModelGrad>> LanguageModelGrad::Create(
    const LanguageModelSizes& sizes, int steps, int rows,
    const LanguageModelDropout& dropout) {
  auto network =
      absl::WrapUnique(new LanguageModelGrad(sizes, steps, rows, dropout));
  for (int k = 0; k < sizes.layers; ++k) {
    ASSIGN_OR_RETURN(auto layer,
                     LstmTrainingLayer::Create(network->InputWidth(k),
                                               sizes.hidden, steps, rows));
    network->layers_.push_back(std::move(layer));
  }
  return network;
}

float LanguageModelGrad::DropoutRate(int k) const {
  if (k == 0) return dropout_.embedding;
  return k < sizes_.layers ? dropout_.layers : dropout_.output;
}

int64_t LanguageModelGrad::InputWidth(int k) const {
  return k == 0 ? sizes_.embedding : sizes_.hidden;
}

LstmWeights LanguageModelGrad::LayerWeights(
    absl::Span<const float* const> weights, int k) const {
  const auto h = static_cast<size_t>(sizes_.hidden);
  const auto inputs = static_cast<size_t>(InputWidth(k));
  const auto own =
      weights.subspan(1 + kWeightsOfLayer * static_cast<size_t>(k));
  return {.weight_ih = {own[0], 4 * h * inputs},
          .weight_hh = {own[1], 4 * h * h},
          .bias_ih = {own[2], 4 * h},
          .bias_hh = {own[3], 4 * h}};
}

void LanguageModelGrad::Drop(int k, std::vector<float>* activation,
                             DropoutKey key) {
  std::vector<float>& mask = masks_[static_cast<size_t>(k)];
  if (mask.empty()) return;
  key.site = k;
  FillDropoutMask(key, DropoutRate(k), InputWidth(k), absl::MakeSpan(mask));
  GetKernels().multiply(static_cast<int64_t>(mask.size()), mask.data(),
                        activation->data());
}

absl::Status LanguageModelGrad::Forward(absl::Span<const float* const> weights,
                                        const LanguageModelStretch& stretch,
                                        const DropoutKey* key,
                                        RecurrentState* state) {
  CAROUSEL_CHECK(static_cast<int64_t>(stretch.inputs.size()) == cells_);
  CAROUSEL_CHECK(static_cast<int64_t>(stretch.targets.size()) == cells_);
  CAROUSEL_CHECK(static_cast<int64_t>(stretch.resets.size()) == cells_);
  CAROUSEL_CHECK(state->rows == rows_);
  const Tensor table = Tensor::Borrow(
      DType::kF32, {sizes_.vocabulary, sizes_.embedding}, weights[0]);
  GatherRows(table, stretch.inputs, activations_[0].data());
  const int64_t layer_size = rows_ * sizes_.hidden;
  for (int k = 0; k < sizes_.layers; ++k) {
    std::vector<float>& x = activations_[static_cast<size_t>(k)];
    if (key != nullptr) Drop(k, &x, *key);
    LstmTrainingLayer& layer = *layers_[static_cast<size_t>(k)];
    RETURN_IF_ERROR(
        layer.Forward(LayerWeights(weights, k), x.data(), stretch.resets,
                      state->h.data() + k * layer_size,
                      state->c.data() + k * layer_size, &executor_));
    std::vector<float>& y = activations_[static_cast<size_t>(k) + 1];
    std::copy_n(layer.y(), y.size(), y.data());
  }
  if (key != nullptr) Drop(sizes_.layers, &activations_.back(), *key);
  return Project(weights);
}

// p = h P^T + bias, or p = h.
absl::Status LanguageModelGrad::Project(
    absl::Span<const float* const> weights) {
  const std::vector<float>& h = activations_.back();
  if (!sizes_.projection) {
    features_ = h;
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
                 .a = {.data = h.data(), .row_stride = sizes_.hidden},
                 .b = {.data = weights[places_.projection_weight],
                       .row_stride = sizes_.hidden,
                       .transposed = true},
                 .c = features_.data(),
                 .c_row_stride = width,
                 .accumulate = true},
                &executor_);
}

// dP += dp^T h, dbias += sum dp, dh = dp P.
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
  RETURN_IF_ERROR(Matmul(
      {.m = width,
       .n = sizes_.hidden,
       .k = cells_,
       .a = {.data = dfeatures_.data(),
             .row_stride = width,
             .transposed = true},
       .b = {.data = activations_.back().data(), .row_stride = sizes_.hidden},
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

absl::Status LanguageModelGrad::BackwardStack(
    absl::Span<const float* const> weights, const LanguageModelStretch& stretch,
    absl::Span<float* const> gradients) {
  const Kernels& kernels = GetKernels();
  const auto drop = [&](int k, std::vector<float>* gradient) {
    const std::vector<float>& mask = masks_[static_cast<size_t>(k)];
    kernels.multiply(static_cast<int64_t>(mask.size()), mask.data(),
                     gradient->data());
  };
  drop(sizes_.layers, &dy_);
  for (int k = sizes_.layers - 1; k >= 0; --k) {
    const auto own =
        gradients.subspan(1 + kWeightsOfLayer * static_cast<size_t>(k));
    RETURN_IF_ERROR(layers_[static_cast<size_t>(k)]->Backward(
        LayerWeights(weights, k), activations_[static_cast<size_t>(k)].data(),
        stretch.resets, dy_.data(), dx_.data(),
        {.weight_ih = own[0],
         .weight_hh = own[1],
         .bias_ih = own[2],
         .bias_hh = own[3]},
        &executor_));
    drop(k, &dx_);
    if (k > 0) std::copy_n(dx_.data(), dy_.size(), dy_.data());
  }
  // One thread: rows of the table repeat, and the order of sums must not
  // change.
  for (int64_t cell = 0; cell < cells_; ++cell) {
    const int64_t id = stretch.inputs[static_cast<size_t>(cell)];
    kernels.add(sizes_.embedding, dx_.data() + cell * sizes_.embedding,
                gradients[0] + id * sizes_.embedding);
  }
  return absl::OkStatus();
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
    DropoutKey key, float scale, RecurrentState* state,
    absl::Span<float* const> gradients) {
  RETURN_IF_ERROR(Forward(weights, stretch, &key, state));
  const OutputLayerGradients output_gradients = {
      .weight = gradients[places_.output_weight],
      .bias = gradients[places_.output_bias],
      .features = dfeatures_.data()};
  ASSIGN_OR_RETURN(const double loss,
                   output_.Run({.weight = weights[places_.output_weight],
                                .bias = weights[places_.output_bias]},
                               features_.data(), stretch.targets, scale,
                               &output_gradients, &executor_));
  RETURN_IF_ERROR(ProjectBackward(weights, gradients));
  RETURN_IF_ERROR(BackwardStack(weights, stretch, gradients));
  return loss;
}

}  // namespace carousel
