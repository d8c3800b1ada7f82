// SPDX-License-Identifier: Apache-2.0

#include "model/layers/decoder_grad.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/embedding.h"
#include "model/layers/kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {

int DecoderDropoutSites(const DecoderSizes& sizes) {
  return StackDropoutSites(sizes.stack) + 1;
}

DecoderGrad::DecoderGrad(const DecoderSizes& sizes, const DecoderShape& shape,
                         const DecoderTraining& training,
                         std::shared_ptr<OutputLayerLoss> output)
    : sizes_(sizes),
      places_(sizes),
      training_(training),
      rows_(shape.rows),
      cells_(int64_t{shape.steps} * shape.rows),
      output_(output != nullptr ? std::move(output)
                                : std::make_shared<OutputLayerLoss>(
                                      sizes.vocabulary, sizes.features(),
                                      training.precision)) {
  output_->set_label_smoothing(training.label_smoothing);
  const auto size = [&](int64_t width) {
    return static_cast<size_t>(cells_ * width);
  };
  if (sizes.attention.has_value()) {
    attention_ = std::make_unique<AttentionGrad>(
        sizes.attention_sizes(), shape.source_steps, shape.rows, shape.steps);
    dcontext_.resize(size(sizes.memory));
    dquery_.resize(size(sizes.stack.outputs()));
  }
  if (training.dropout.output > 0) {
    mask_.resize(training.dropout.variational
                     ? static_cast<size_t>(rows_ * sizes.features())
                     : size(sizes.features()));
  }
  resets_.resize(size(1));
  x_.resize(size(sizes.embedding));
  combined_.resize(size(sizes.features()));
  features_.resize(size(sizes.features()));
  dfeatures_.resize(size(sizes.features()));
  dy_.resize(size(sizes.stack.outputs()));
  dx_.resize(size(sizes.embedding));
}

absl::StatusOr<std::unique_ptr<DecoderGrad>> DecoderGrad::Create(
    const DecoderSizes& sizes, const DecoderShape& shape,
    const DecoderTraining& training, std::shared_ptr<OutputLayerLoss> output) {
  auto decoder = absl::WrapUnique(
      new DecoderGrad(sizes, shape, training, std::move(output)));
  StackDropout dropout = training.dropout;
  dropout.output = 0;  // f_t is dropped instead
  ASSIGN_OR_RETURN(decoder->stack_, RecurrentStackGrad::Create(
                                        sizes.stack, shape.steps, shape.rows,
                                        dropout, training.precision));
  return decoder;
}

absl::Span<const float* const> DecoderGrad::StackOf(
    absl::Span<const float* const> weights) const {
  return weights.subspan(places_.stack, places_.stack_count);
}

absl::Span<const float* const> DecoderGrad::AttentionOf(
    absl::Span<const float* const> weights) const {
  return weights.subspan(places_.attention, places_.attention_count);
}

absl::Status DecoderGrad::Forward(absl::Span<const float* const> weights,
                                  const Batch& batch, const DropoutKey* key,
                                  RecurrentState* state, Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(batch.inputs.size()) == cells_);
  batch_ = batch;
  dropping_ = key != nullptr;
  const Tensor table =
      Tensor::Borrow(DType::kF32, {sizes_.vocabulary, sizes_.embedding},
                     weights[places_.embedding]);
  GatherRows(table, batch.inputs, x_.data());
  RETURN_IF_ERROR(stack_->Forward(StackOf(weights), x_.data(), resets_, key,
                                  state, executor));
  if (attention_ != nullptr) {
    RETURN_IF_ERROR(attention_->Begin(AttentionOf(weights), batch.memory,
                                      batch.first, executor));
    RETURN_IF_ERROR(attention_->Forward(
        AttentionOf(weights), {0, cells_ / rows_}, stack_->y(), executor));
  }
  RETURN_IF_ERROR(Combine(weights, executor));
  features_ = combined_;
  if (!dropping_ || mask_.empty()) return absl::OkStatus();
  DropoutKey own = *key;
  own.site += StackDropoutSites(sizes_.stack);
  FillDropoutMask(own, training_.dropout.output, sizes_.features(),
                  absl::MakeSpan(mask_));
  DropFeatures(&features_);
  return absl::OkStatus();
}

void DecoderGrad::DropFeatures(std::vector<float>* values) const {
  if (!dropping_ || mask_.empty()) return;
  for (size_t i = 0; i < values->size(); i += mask_.size()) {
    GetKernels().multiply(static_cast<int64_t>(mask_.size()), mask_.data(),
                          values->data() + i);
  }
}

// f = tanh([c; h] W^T), or f = h. W's columns for c and for h are multiplied
// where they lie.
absl::Status DecoderGrad::Combine(absl::Span<const float* const> weights,
                                  Executor* executor) {
  const int64_t hidden = sizes_.stack.outputs();
  const int64_t features = sizes_.features();
  if (!sizes_.combines()) {
    std::copy_n(stack_->y(), combined_.size(), combined_.data());
    return absl::OkStatus();
  }
  const int64_t memory = attention_ != nullptr ? sizes_.memory : 0;
  const float* weight = weights[places_.combine];  // (F, M + H)
  MatmulArgs product = {.m = cells_,
                        .n = features,
                        .k = hidden,
                        .a = {.data = stack_->y(), .row_stride = hidden},
                        .b = {.data = weight + memory,
                              .row_stride = memory + hidden,
                              .transposed = true},
                        .c = combined_.data(),
                        .c_row_stride = features};
  RETURN_IF_ERROR(Matmul(product, executor));
  if (attention_ != nullptr) {
    product.k = memory;
    product.a = {.data = attention_->context(), .row_stride = memory};
    product.b.data = weight;
    product.accumulate = true;
    RETURN_IF_ERROR(Matmul(product, executor));
  }
  GetKernels().tanh_forward(cells_ * features, combined_.data(),
                            combined_.data());
  return absl::OkStatus();
}

absl::StatusOr<double> DecoderGrad::Loss(absl::Span<const float* const> weights,
                                         absl::Span<const int32_t> targets,
                                         Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(targets.size()) == cells_);
  return output_->Run(
      {.weight = weights[places_.output], .bias = weights[places_.bias]},
      features_.data(), targets, 1.0f, nullptr, executor);
}

absl::StatusOr<double> DecoderGrad::LossAndBackward(
    absl::Span<const float* const> weights, absl::Span<const int32_t> targets,
    float* dmemory, RecurrentState* dstate, absl::Span<float* const> gradients,
    Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(targets.size()) == cells_);
  const OutputLayerGradients output_gradients = {
      .weight = gradients[places_.output],
      .bias = gradients[places_.bias],
      .features = dfeatures_.data()};
  ASSIGN_OR_RETURN(
      const double loss,
      output_->Run(
          {.weight = weights[places_.output], .bias = weights[places_.bias]},
          features_.data(), targets, 1.0f, &output_gradients, executor));
  DropFeatures(&dfeatures_);
  RETURN_IF_ERROR(CombineBackward(weights, gradients, executor));
  if (attention_ != nullptr) {
    RETURN_IF_ERROR(AttendBackward(weights, dmemory, gradients, executor));
  }
  *dstate = ZeroState(sizes_.stack, static_cast<int>(rows_));
  RETURN_IF_ERROR(stack_->Backward(
      StackOf(weights), resets_, dy_.data(), dstate, dx_.data(),
      gradients.subspan(places_.stack, places_.stack_count), executor));
  AddRows(batch_.inputs, sizes_.embedding, dx_.data(),
          gradients[places_.embedding]);
  return loss;
}

// With df/ds = 1 - f^2 for the sums s: dW += ds^T [c; h], d[c; h] = ds W.
absl::Status DecoderGrad::CombineBackward(
    absl::Span<const float* const> weights, absl::Span<float* const> gradients,
    Executor* executor) {
  if (!sizes_.combines()) {
    dy_ = dfeatures_;
    return absl::OkStatus();
  }
  const int64_t hidden = sizes_.stack.outputs();
  const int64_t features = sizes_.features();
  GetKernels().tanh_backward(cells_ * features, combined_.data(),
                             dfeatures_.data(), dfeatures_.data());
  const int64_t memory = attention_ != nullptr ? sizes_.memory : 0;
  const int64_t stride = memory + hidden;
  const auto backward = [&](const float* input, int64_t width, int64_t column,
                            float* dinput) -> absl::Status {
    const MatrixView ds = {.data = dfeatures_.data(), .row_stride = features};
    MatrixView turned = ds;
    turned.transposed = true;
    RETURN_IF_ERROR(Matmul({.m = features,
                            .n = width,
                            .k = cells_,
                            .a = turned,
                            .b = {.data = input, .row_stride = width},
                            .c = gradients[places_.combine] + column,
                            .c_row_stride = stride,
                            .accumulate = true},
                           executor));
    return Matmul(
        {.m = cells_,
         .n = width,
         .k = features,
         .a = ds,
         .b = {.data = weights[places_.combine] + column, .row_stride = stride},
         .c = dinput,
         .c_row_stride = width},
        executor);
  };
  RETURN_IF_ERROR(backward(stack_->y(), hidden, memory, dy_.data()));
  if (attention_ == nullptr) return absl::OkStatus();
  return backward(attention_->context(), memory, 0, dcontext_.data());
}

absl::Status DecoderGrad::AttendBackward(absl::Span<const float* const> weights,
                                         float* dmemory,
                                         absl::Span<float* const> gradients,
                                         Executor* executor) {
  const auto own = AttentionOf(weights);
  const auto own_gradients =
      gradients.subspan(places_.attention, places_.attention_count);
  RETURN_IF_ERROR(attention_->Backward(own, {0, cells_ / rows_}, stack_->y(),
                                       dcontext_.data(), dquery_.data(),
                                       own_gradients, executor));
  GetKernels().add(static_cast<int64_t>(dquery_.size()), dquery_.data(),
                   dy_.data());
  return attention_->End(own, dmemory, own_gradients, executor);
}

}  // namespace carousel
