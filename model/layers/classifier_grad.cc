// SPDX-License-Identifier: Apache-2.0

#include "model/layers/classifier_grad.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/embedding.h"
#include "model/layers/head_kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {

ClassifierGrad::ClassifierGrad(const ClassifierSizes& sizes, int steps,
                               int rows, const ClassifierTraining& training)
    : sizes_(sizes),
      steps_(steps),
      rows_(rows),
      pooled_(PooledWidth(sizes.pooling_sizes())),
      training_(training),
      pooling_(sizes.pooling_sizes(), steps, rows) {
  places_.rnn = 1;
  places_.pooling = 1 + StackWeightSpecs("", sizes.rnn).size();
  places_.output =
      places_.pooling + PoolingWeightSpecs(sizes.pooling_sizes())->size();
  const auto cells = static_cast<size_t>(steps_ * rows_);
  const auto features = static_cast<size_t>(rows_ * pooled_);
  x_.resize(cells * static_cast<size_t>(sizes.embedding));
  dx_.resize(x_.size());
  dy_.resize(cells * static_cast<size_t>(sizes.rnn.outputs()));
  features_.resize(features);
  dpooled_.resize(features);
  mask_.resize(training.pooled > 0 ? features : 0);
  logits_.resize(static_cast<size_t>(rows_ * sizes.labels));
}

absl::StatusOr<std::unique_ptr<ClassifierGrad>> ClassifierGrad::Create(
    const ClassifierSizes& sizes, int steps, int rows,
    const ClassifierTraining& training, Precision precision) {
  auto network =
      absl::WrapUnique(new ClassifierGrad(sizes, steps, rows, training));
  ASSIGN_OR_RETURN(network->stack_,
                   RecurrentStackGrad::Create(sizes.rnn, steps, rows,
                                              training.stack, precision));
  return network;
}

absl::Status ClassifierGrad::Forward(absl::Span<const float* const> weights,
                                     const LabelledTexts& batch,
                                     const DropoutKey* key) {
  CAROUSEL_CHECK(static_cast<int64_t>(batch.texts.tokens.size()) ==
                 steps_ * rows_);
  CAROUSEL_CHECK(static_cast<int64_t>(batch.texts.lengths.size()) == rows_);
  CAROUSEL_CHECK(batch.resets.size() == batch.texts.tokens.size());
  CAROUSEL_CHECK(batch.labels.size() == batch.texts.lengths.size());
  first_.clear();
  for (int32_t length : batch.texts.lengths) {
    first_.push_back(static_cast<int32_t>(steps_) - length);
  }
  const Tensor table = Tensor::Borrow(
      DType::kF32, {sizes_.vocabulary, sizes_.embedding}, weights[0]);
  GatherRows(table, batch.texts.tokens, x_.data());
  RecurrentState state = ZeroState(sizes_.rnn, static_cast<int>(rows_));
  RETURN_IF_ERROR(stack_->Forward(RnnOf(weights), x_.data(), batch.resets, key,
                                  &state, &executor_));
  RETURN_IF_ERROR(
      pooling_.Forward(PoolingOf(weights), stack_->y(), first_, &executor_));
  std::copy_n(pooling_.pooled(), features_.size(), features_.data());
  dropping_ = key != nullptr && !mask_.empty();
  if (dropping_) {
    DropoutKey own = *key;
    own.site += StackDropoutSites(sizes_.rnn);
    FillDropoutMask(own, training_.pooled, pooled_, absl::MakeSpan(mask_));
    GetKernels().multiply(rows_ * pooled_, mask_.data(), features_.data());
  }
  // logits = features W^T; the softmax adds the bias.
  return Matmul({.m = rows_,
                 .n = sizes_.labels,
                 .k = pooled_,
                 .a = {.data = features_.data(), .row_stride = pooled_},
                 .b = {.data = weights[places_.output],
                       .row_stride = pooled_,
                       .transposed = true},
                 .c = logits_.data(),
                 .c_row_stride = sizes_.labels},
                &executor_);
}

// The logits become the gradient of the loss.
ClassifierFigures ClassifierGrad::SoftmaxRows(const float* bias,
                                              const LabelledTexts& batch,
                                              float smoothing) {
  const HeadKernels& kernels = *GetKernels().heads;
  const int64_t labels = sizes_.labels;
  ClassifierFigures figures;
  for (int64_t n = 0; n < rows_; ++n) {
    float* logits = logits_.data() + n * labels;
    const int32_t label = batch.labels[static_cast<size_t>(n)];
    if (label < 0) {
      std::fill_n(logits, labels, 0.0f);
      continue;
    }
    CAROUSEL_CHECK(label < labels);
    int64_t best = 0;
    for (int64_t k = 1; k < labels; ++k) {
      if (logits[k] + bias[k] > logits[best] + bias[best]) best = k;
    }
    figures.correct += best == label;
    ++figures.texts;
    figures.loss += static_cast<double>(
        kernels.smoothed_cross_entropy(labels, logits, bias, label, smoothing));
  }
  return figures;
}

absl::StatusOr<ClassifierFigures> ClassifierGrad::Loss(
    absl::Span<const float* const> weights, const LabelledTexts& batch) {
  RETURN_IF_ERROR(Forward(weights, batch, nullptr));
  return SoftmaxRows(weights[places_.output + 1], batch, 0);
}

absl::StatusOr<ClassifierFigures> ClassifierGrad::LossAndGradient(
    absl::Span<const float* const> weights, const LabelledTexts& batch,
    DropoutKey key, absl::Span<float* const> gradients) {
  RETURN_IF_ERROR(Forward(weights, batch, &key));
  const ClassifierFigures figures = SoftmaxRows(
      weights[places_.output + 1], batch, training_.label_smoothing);
  RETURN_IF_ERROR(Backward(weights, batch, gradients));
  return figures;
}

// dW += dlogits^T features, dbias += sum dlogits, dfeatures = dlogits W, and on
// through dropout, pooling and stack.
absl::Status ClassifierGrad::Backward(absl::Span<const float* const> weights,
                                      const LabelledTexts& batch,
                                      absl::Span<float* const> gradients) {
  const int64_t labels = sizes_.labels;
  AddColumnSums(logits_.data(), rows_, labels, gradients[places_.output + 1]);
  RETURN_IF_ERROR(Matmul(
      {.m = labels,
       .n = pooled_,
       .k = rows_,
       .a = {.data = logits_.data(), .row_stride = labels, .transposed = true},
       .b = {.data = features_.data(), .row_stride = pooled_},
       .c = gradients[places_.output],
       .c_row_stride = pooled_,
       .accumulate = true},
      &executor_));
  RETURN_IF_ERROR(
      Matmul({.m = rows_,
              .n = pooled_,
              .k = labels,
              .a = {.data = logits_.data(), .row_stride = labels},
              .b = {.data = weights[places_.output], .row_stride = pooled_},
              .c = dpooled_.data(),
              .c_row_stride = pooled_},
             &executor_));
  if (dropping_) {
    GetKernels().multiply(rows_ * pooled_, mask_.data(), dpooled_.data());
  }
  RETURN_IF_ERROR(pooling_.Backward(PoolingOf(weights), dpooled_.data(),
                                    dy_.data(), PoolingOf(gradients),
                                    &executor_));
  RETURN_IF_ERROR(stack_->Backward(RnnOf(weights), batch.resets, dy_.data(),
                                   nullptr, dx_.data(), RnnOf(gradients),
                                   &executor_));
  // In the padding dx is 0.
  AddRows(batch.texts.tokens, sizes_.embedding, dx_.data(), gradients[0]);
  return absl::OkStatus();
}

}  // namespace carousel
