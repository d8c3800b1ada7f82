// SPDX-License-Identifier: Apache-2.0

#include "model/layers/attention_grad.h"

#include <algorithm>

#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/head_kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {

AttentionGrad::AttentionGrad(const AttentionSizes& sizes, int64_t source_steps,
                             int64_t rows, int64_t steps)
    : sizes_(sizes),
      key_width_(AttentionKeyWidth(sizes)),
      source_steps_(source_steps),
      rows_(rows),
      steps_(steps) {
  weights_.resize(static_cast<size_t>(rows * steps * source_steps));
  dscores_.resize(weights_.size());
  context_.resize(static_cast<size_t>(steps * rows * sizes.memory));
  dmemory_.resize(static_cast<size_t>(source_steps * rows * sizes.memory));
  if (has_keys()) {
    keys_.resize(static_cast<size_t>(source_steps * rows * key_width_));
    dkeys_.resize(keys_.size());
  }
  if (additive()) {
    queries_.resize(static_cast<size_t>(steps * rows * key_width_));
    dqueries_.resize(queries_.size());
    dv_.resize(static_cast<size_t>(rows * key_width_));
  }
}

// keys = memory W^T, for all steps at once.
absl::Status AttentionGrad::Begin(absl::Span<const float* const> weights,
                                  const float* memory,
                                  absl::Span<const int32_t> first,
                                  Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(first.size()) == rows_);
  memory_ = memory;
  first_.assign(first.begin(), first.end());
  for (auto* sums : {&dmemory_, &dkeys_, &dv_}) {
    std::fill(sums->begin(), sums->end(), 0.0f);
  }
  if (!has_keys()) return absl::OkStatus();
  return Matmul({.m = source_steps_ * rows_,
                 .n = key_width_,
                 .k = sizes_.memory,
                 .a = {.data = memory, .row_stride = sizes_.memory},
                 .b = {.data = weights[key_weight()],
                       .row_stride = sizes_.memory,
                       .transposed = true},
                 .c = keys_.data(),
                 .c_row_stride = key_width_},
                executor);
}

absl::Status AttentionGrad::Forward(absl::Span<const float* const> weights,
                                    AttentionSteps steps, const float* queries,
                                    Executor* executor) {
  RETURN_IF_ERROR(Scores(weights, steps, queries, executor));
  SoftmaxOverRealSteps(steps);
  // context_n (count, M) = a_n (count, S) memory_n (S, M)
  const int64_t width = sizes_.memory;
  for (int64_t n = 0; n < rows_; ++n) {
    RETURN_IF_ERROR(Matmul(
        {.m = steps.count,
         .n = width,
         .k = source_steps_,
         .a = {.data = WeightsOf(n, steps.begin), .row_stride = source_steps_},
         .b = {.data = memory_ + n * width, .row_stride = rows_ * width},
         .c = context_.data() + (steps.begin * rows_ + n) * width,
         .c_row_stride = rows_ * width},
        executor));
  }
  return absl::OkStatus();
}

// scores_n (count, S) = queries_n (count, K) keys_n^T (K, S)
absl::Status AttentionGrad::Scores(absl::Span<const float* const> weights,
                                   AttentionSteps steps, const float* queries,
                                   Executor* executor) {
  if (additive()) {
    RETURN_IF_ERROR(
        Matmul({.m = steps.count * rows_,
                .n = key_width_,
                .k = sizes_.query,
                .a = {.data = queries, .row_stride = sizes_.query},
                .b = {.data = weights[0],
                      .row_stride = sizes_.query,
                      .transposed = true},
                .c = queries_.data() + steps.begin * rows_ * key_width_,
                .c_row_stride = key_width_},
               executor));
    AdditiveScores(weights[2], steps);
    return absl::OkStatus();
  }
  const int64_t stride = rows_ * key_width_;
  for (int64_t n = 0; n < rows_; ++n) {
    RETURN_IF_ERROR(
        Matmul({.m = steps.count,
                .n = source_steps_,
                .k = key_width_,
                .a = {.data = queries + n * key_width_, .row_stride = stride},
                .b = {.data = keys() + n * key_width_,
                      .row_stride = stride,
                      .transposed = true},
                .c = WeightsOf(n, steps.begin),
                .c_row_stride = source_steps_},
               executor));
  }
  return absl::OkStatus();
}

// The tanh of each (t, s) is made anew in the backward pass: keeping it would
// take T x S x N x A floats.
void AttentionGrad::AdditiveScores(const float* v, AttentionSteps steps) {
  const HeadKernels& kernels = *GetKernels().heads;
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < rows_; ++n) {
    for (int64_t t = steps.begin; t < steps.begin + steps.count; ++t) {
      const float* query = queries_.data() + (t * rows_ + n) * key_width_;
      for (int64_t s = first_[static_cast<size_t>(n)]; s < source_steps_; ++s) {
        const float* key = keys_.data() + (s * rows_ + n) * key_width_;
        WeightsOf(n, t)[s] = kernels.additive_score(
            key_width_, {.v = v, .key = key, .query = query});
      }
    }
  }
}

void AttentionGrad::SoftmaxOverRealSteps(AttentionSteps steps) {
  const HeadKernels& kernels = *GetKernels().heads;
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < rows_; ++n) {
    const int64_t first = first_[static_cast<size_t>(n)];
    for (int64_t t = steps.begin; t < steps.begin + steps.count; ++t) {
      float* row = WeightsOf(n, t);
      std::fill_n(row, first, 0.0f);
      if (first < source_steps_) {
        kernels.softmax(source_steps_ - first, row + first);
      }
    }
  }
}

absl::Status AttentionGrad::Backward(absl::Span<const float* const> weights,
                                     AttentionSteps steps, const float* queries,
                                     const float* dcontext, float* dqueries,
                                     absl::Span<float* const> gradients,
                                     Executor* executor) {
  RETURN_IF_ERROR(ContextBackward(steps, dcontext, executor));
  const HeadKernels& kernels = *GetKernels().heads;
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < rows_; ++n) {
    for (int64_t t = steps.begin; t < steps.begin + steps.count; ++t) {
      kernels.softmax_backward(
          source_steps_, WeightsOf(n, t),
          dscores_.data() + (n * steps_ + t) * source_steps_);
    }
  }
  if (additive()) {
    return AdditiveScoresBackward(weights, steps, queries, dqueries, gradients,
                                  executor);
  }
  return ScoresBackward(steps, queries, dqueries, executor);
}

// da_n (count, S) = dcontext_n (count, M) memory_n^T
// dmemory_n (S, M) += a_n^T (S, count) dcontext_n
absl::Status AttentionGrad::ContextBackward(AttentionSteps steps,
                                            const float* dcontext,
                                            Executor* executor) {
  const int64_t width = sizes_.memory;
  const int64_t stride = rows_ * width;
  for (int64_t n = 0; n < rows_; ++n) {
    const MatrixView dcontext_n = {.data = dcontext + n * width,
                                   .row_stride = stride};
    RETURN_IF_ERROR(Matmul(
        {.m = steps.count,
         .n = source_steps_,
         .k = width,
         .a = dcontext_n,
         .b = {.data = memory_ + n * width,
               .row_stride = stride,
               .transposed = true},
         .c = dscores_.data() + (n * steps_ + steps.begin) * source_steps_,
         .c_row_stride = source_steps_},
        executor));
    RETURN_IF_ERROR(Matmul({.m = source_steps_,
                            .n = width,
                            .k = steps.count,
                            .a = {.data = WeightsOf(n, steps.begin),
                                  .row_stride = source_steps_,
                                  .transposed = true},
                            .b = dcontext_n,
                            .c = dmemory_.data() + n * width,
                            .c_row_stride = stride,
                            .accumulate = true},
                           executor));
  }
  return absl::OkStatus();
}

// dqueries_n (count, K) = dscores_n (count, S) keys_n
// dkeys_n (S, K) += dscores_n^T (S, count) queries_n
absl::Status AttentionGrad::ScoresBackward(AttentionSteps steps,
                                           const float* queries,
                                           float* dqueries,
                                           Executor* executor) {
  const int64_t stride = rows_ * key_width_;
  float* dkeys = has_keys() ? dkeys_.data() : dmemory_.data();
  for (int64_t n = 0; n < rows_; ++n) {
    const float* dscores =
        dscores_.data() + (n * steps_ + steps.begin) * source_steps_;
    RETURN_IF_ERROR(
        Matmul({.m = steps.count,
                .n = key_width_,
                .k = source_steps_,
                .a = {.data = dscores, .row_stride = source_steps_},
                .b = {.data = keys() + n * key_width_, .row_stride = stride},
                .c = dqueries + n * key_width_,
                .c_row_stride = stride},
               executor));
    RETURN_IF_ERROR(
        Matmul({.m = source_steps_,
                .n = key_width_,
                .k = steps.count,
                .a = {.data = dscores,
                      .row_stride = source_steps_,
                      .transposed = true},
                .b = {.data = queries + n * key_width_, .row_stride = stride},
                .c = dkeys + n * key_width_,
                .c_row_stride = stride,
                .accumulate = true},
               executor));
  }
  return absl::OkStatus();
}

// Through v and tanh, then dq = d(Wq) W and dW += d(Wq)^T q. v's gradient is
// summed row by row, so that it does not depend on the number of threads.
absl::Status AttentionGrad::AdditiveScoresBackward(
    absl::Span<const float* const> weights, AttentionSteps steps,
    const float* queries, float* dqueries, absl::Span<float* const> gradients,
    Executor* executor) {
  const HeadKernels& kernels = *GetKernels().heads;
  float* dprojected = dqueries_.data() + steps.begin * rows_ * key_width_;
  std::fill_n(dprojected, steps.count * rows_ * key_width_, 0.0f);
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < rows_; ++n) {
    for (int64_t t = steps.begin; t < steps.begin + steps.count; ++t) {
      const int64_t query = (t * rows_ + n) * key_width_;
      for (int64_t s = first_[static_cast<size_t>(n)]; s < source_steps_; ++s) {
        const int64_t key = (s * rows_ + n) * key_width_;
        kernels.additive_score_backward(
            key_width_,
            dscores_[static_cast<size_t>((n * steps_ + t) * source_steps_ + s)],
            {.v = weights[2],
             .key = keys_.data() + key,
             .query = queries_.data() + query},
            {.v = dv_.data() + n * key_width_,
             .key = dkeys_.data() + key,
             .query = dqueries_.data() + query});
      }
    }
  }
  RETURN_IF_ERROR(Matmul({.m = steps.count * rows_,
                          .n = sizes_.query,
                          .k = key_width_,
                          .a = {.data = dprojected, .row_stride = key_width_},
                          .b = {.data = weights[0], .row_stride = sizes_.query},
                          .c = dqueries,
                          .c_row_stride = sizes_.query},
                         executor));
  return Matmul(
      {.m = key_width_,
       .n = sizes_.query,
       .k = steps.count * rows_,
       .a = {.data = dprojected, .row_stride = key_width_, .transposed = true},
       .b = {.data = queries, .row_stride = sizes_.query},
       .c = gradients[0],
       .c_row_stride = sizes_.query,
       .accumulate = true},
      executor);
}

// Through keys = memory W^T: dmemory += dkeys W, dW += dkeys^T memory.
absl::Status AttentionGrad::End(absl::Span<const float* const> weights,
                                float* dmemory,
                                absl::Span<float* const> gradients,
                                Executor* executor) {
  const int64_t cells = source_steps_ * rows_;
  GetKernels().add(cells * sizes_.memory, dmemory_.data(), dmemory);
  if (additive()) AddColumnSums(dv_.data(), rows_, key_width_, gradients[2]);
  if (!has_keys()) return absl::OkStatus();
  RETURN_IF_ERROR(
      Matmul({.m = cells,
              .n = sizes_.memory,
              .k = key_width_,
              .a = {.data = dkeys_.data(), .row_stride = key_width_},
              .b = {.data = weights[key_weight()], .row_stride = sizes_.memory},
              .c = dmemory,
              .c_row_stride = sizes_.memory,
              .accumulate = true},
             executor));
  return Matmul({.m = key_width_,
                 .n = sizes_.memory,
                 .k = cells,
                 .a = {.data = dkeys_.data(),
                       .row_stride = key_width_,
                       .transposed = true},
                 .b = {.data = memory_, .row_stride = sizes_.memory},
                 .c = gradients[key_weight()],
                 .c_row_stride = sizes_.memory,
                 .accumulate = true},
                executor);
}

}  // namespace carousel
