// SPDX-License-Identifier: Apache-2.0

#include "model/layers/output_layer_grad.h"

#include <omp.h>

#include <algorithm>

#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/head_kernels.h"
#include "model/layers/kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// The gradients of so many bytes of logits are held at once, and of no fewer
// rows: every further chunk reads and writes the gradient of the weight matrix
// once more, and products over few rows are slow.
constexpr int64_t kChunkBytes = int64_t{96} << 20;
constexpr int64_t kFewestRows = 256;

// In kBF16 the logits themselves are gone as soon as their rounded gradient is
// there, so a few rows that stay in the cache are enough.
constexpr int64_t kLogitRows = 140;

template <typename T>
void GrowTo(int64_t size, AlignedVector<T>* buffer) {
  if (static_cast<int64_t>(buffer->size()) < size) {
    buffer->resize(static_cast<size_t>(size));
  }
}

}  // namespace

struct OutputLayerLoss::Call {
  const float* bias;
  absl::Span<const int32_t> targets;
  float scale;
  const OutputLayerGradients* gradients;
  Executor* executor;
};

OutputLayerLoss::OutputLayerLoss(int64_t vocabulary, int64_t embedding,
                                 Precision precision)
    : vocabulary_(vocabulary),
      embedding_(embedding),
      weight_(precision),
      features_(precision),
      dlogits_(precision) {}

// Chunks of about equal size: no small rest is left.
int64_t OutputLayerLoss::ChunkRows(int64_t rows) const {
  const int64_t row_bytes =
      vocabulary_ *
      static_cast<int64_t>(bf16() ? sizeof(BFloat16) : sizeof(float));
  const int64_t most = std::max(kFewestRows, kChunkBytes / row_bytes);
  const int64_t chunks = std::max<int64_t>((rows + most - 1) / most, 1);
  return (rows + chunks - 1) / chunks;
}

absl::StatusOr<double> OutputLayerLoss::Run(
    const OutputLayerWeights& weights, const float* features,
    absl::Span<const int32_t> targets, float scale,
    const OutputLayerGradients* gradients, Executor* executor) {
  const Call call = {weights.bias, targets, scale, gradients, executor};
  const auto rows = static_cast<int64_t>(targets.size());
  for (int32_t target : targets) CAROUSEL_CHECK(target < vocabulary_);
  weight_.Set(vocabulary_ * embedding_, weights.weight);
  features_.Set(rows * embedding_, features);
  if (gradients != nullptr) {
    column_sums_.assign(
        static_cast<size_t>(omp_get_max_threads() * vocabulary_), 0.0f);
  }
  GrowTo(rows, &row_loss_);
  double loss = 0;
  const int64_t chunk = ChunkRows(rows);
  for (int64_t first = 0; first < rows; first += chunk) {
    ASSIGN_OR_RETURN(const double chunk_loss,
                     RunChunk(call, first, std::min(chunk, rows - first)));
    loss += chunk_loss;
  }
  if (gradients != nullptr) AddBiasGradient(gradients->bias);
  return loss;
}

absl::StatusOr<double> OutputLayerLoss::RunChunk(const Call& call,
                                                 int64_t first, int64_t count) {
  const int64_t part = bf16() ? std::min(kLogitRows, count) : count;
  GrowTo(part * vocabulary_, &logits_);
  BFloat16* rounded = nullptr;
  if (call.gradients != nullptr && bf16()) {
    rounded = dlogits_.SetRounded(count * vocabulary_);
  }
  double loss = 0;
  for (int64_t done = 0; done < count; done += part) {
    const int64_t rows = std::min(part, count - done);
    RETURN_IF_ERROR(ComputeLogits(call, first + done, rows));
    loss += SoftmaxRows(
        call, first + done, rows,
        rounded == nullptr ? nullptr : rounded + done * vocabulary_);
  }
  if (call.gradients == nullptr) return loss;
  if (!bf16()) dlogits_.Set(count * vocabulary_, logits_.data());
  RETURN_IF_ERROR(AddGradients(call, first, count));
  return loss;
}

// logits = features weight^T, without the bias.
absl::Status OutputLayerLoss::ComputeLogits(const Call& call, int64_t first,
                                            int64_t count) {
  return Multiply(
      {.m = count,
       .n = vocabulary_,
       .k = embedding_,
       .a = {.factor = &features_,
             .offset = first * embedding_,
             .row_stride = embedding_},
       .b = {.factor = &weight_, .row_stride = embedding_, .transposed = true},
       .c = logits_.data(),
       .c_row_stride = vocabulary_},
      call.executor);
}

// The loss of the rows. The logits become their gradient, whose columns are
// summed and which is rounded while the row is in the cache.
double OutputLayerLoss::SoftmaxRows(const Call& call, int64_t first,
                                    int64_t count, BFloat16* rounded) {
  const Kernels& kernels = GetKernels();
  const int64_t width = vocabulary_;
  const bool smooth = smoothing_ > 0 && call.gradients != nullptr;
  CAROUSEL_CHECK(!smooth || call.scale == 1.0f);
#pragma omp parallel for schedule(static)
  for (int64_t row = 0; row < count; ++row) {
    float* values = logits_.data() + row * width;
    const int32_t target = call.targets[static_cast<size_t>(first + row)];
    float& loss = row_loss_[static_cast<size_t>(first + row)];
    loss = 0;
    if (target < 0) {
      std::fill_n(values, width, 0.0f);
    } else if (smooth) {
      loss = kernels.heads->smoothed_cross_entropy(width, values, call.bias,
                                                   target, smoothing_);
    } else {
      loss = kernels.softmax_cross_entropy(width, values, call.bias, target,
                                           call.scale);
    }
    if (call.gradients == nullptr) continue;
    kernels.add(width, values,
                column_sums_.data() + omp_get_thread_num() * width);
    if (rounded != nullptr) {
      kernels.to_bf16(width, values, &rounded[row * width].bits);
    }
  }
  double loss = 0;
  for (int64_t row = first; row < first + count; ++row) {
    loss += static_cast<double>(row_loss_[static_cast<size_t>(row)]);
  }
  return loss;
}

void OutputLayerLoss::AddBiasGradient(float* bias) {
  const auto size = static_cast<int64_t>(column_sums_.size());
  for (int64_t at = 0; at < size; at += vocabulary_) {
    GetKernels().add(vocabulary_, column_sums_.data() + at, bias);
  }
}

// dfeatures = dlogits weight, dweight += dlogits^T features.
absl::Status OutputLayerLoss::AddGradients(const Call& call, int64_t first,
                                           int64_t count) {
  const int64_t at = first * embedding_;
  RETURN_IF_ERROR(
      Multiply({.m = count,
                .n = embedding_,
                .k = vocabulary_,
                .a = {.factor = &dlogits_, .row_stride = vocabulary_},
                .b = {.factor = &weight_, .row_stride = embedding_},
                .c = call.gradients->features + at,
                .c_row_stride = embedding_},
               call.executor));
  return Multiply(
      {.m = vocabulary_,
       .n = embedding_,
       .k = count,
       .a = {.factor = &dlogits_,
             .row_stride = vocabulary_,
             .transposed = true},
       .b = {.factor = &features_, .offset = at, .row_stride = embedding_},
       .c = call.gradients->weight,
       .c_row_stride = embedding_,
       .accumulate = true},
      call.executor);
}

}  // namespace carousel
