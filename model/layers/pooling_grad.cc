// SPDX-License-Identifier: Apache-2.0

#include "model/layers/pooling_grad.h"

#include <algorithm>

#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/layers/head_kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {

PoolingGrad::PoolingGrad(const PoolingSizes& sizes, int64_t steps, int64_t rows)
    : sizes_(sizes), steps_(steps), rows_(rows) {
  pooled_.resize(static_cast<size_t>(rows * PooledWidth(sizes)));
  if (attention()) {
    keys_.resize(static_cast<size_t>(steps * rows * sizes.units));
    dkeys_.resize(keys_.size());
    weights_.resize(static_cast<size_t>(rows * steps));
    dscores_.resize(weights_.size());
    dv_.resize(static_cast<size_t>(rows * sizes.units));
    dbias_.resize(dv_.size());
  } else {
    places_.resize(static_cast<size_t>(rows * sizes.width));
  }
}

absl::Status PoolingGrad::Forward(absl::Span<const float* const> weights,
                                  const float* states,
                                  absl::Span<const int32_t> first,
                                  Executor* executor) {
  CAROUSEL_CHECK(static_cast<int64_t>(first.size()) == rows_);
  states_ = states;
  first_.assign(first.begin(), first.end());
  if (attention()) RETURN_IF_ERROR(Project(weights, executor));
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < rows_; ++n) {
    if (attention()) {
      AttendRow(weights, n);
    } else {
      PoolRow(sizes_, input(), n, pooled_.data() + n * PooledWidth(sizes_),
              places_.data() + n * sizes_.width);
    }
  }
  return absl::OkStatus();
}

// keys = states W^T; b joins them inside the tanh.
absl::Status PoolingGrad::Project(absl::Span<const float* const> weights,
                                  Executor* executor) {
  return Matmul({.m = steps_ * rows_,
                 .n = sizes_.units,
                 .k = sizes_.width,
                 .a = {.data = states_, .row_stride = sizes_.width},
                 .b = {.data = weights[0],
                       .row_stride = sizes_.width,
                       .transposed = true},
                 .c = keys_.data(),
                 .c_row_stride = sizes_.units},
                executor);
}

void PoolingGrad::AttendRow(absl::Span<const float* const> weights, int64_t n) {
  const HeadKernels& kernels = *GetKernels().heads;
  const int64_t first = first_[static_cast<size_t>(n)];
  float* a = weights_.data() + n * steps_;            // (T)
  float* pooled = pooled_.data() + n * sizes_.width;  // (W)
  std::fill_n(pooled, sizes_.width, 0.0f);
  std::fill_n(a, first, 0.0f);
  if (first == steps_) return;
  for (int64_t t = first; t < steps_; ++t) {
    a[t] = kernels.additive_score(
        sizes_.units, {.v = weights[2],
                       .key = keys_.data() + (t * rows_ + n) * sizes_.units,
                       .query = weights[1]});
  }
  kernels.softmax(steps_ - first, a + first);
  for (int64_t t = first; t < steps_; ++t) {
    kernels.add_scaled(sizes_.width, a[t],
                       states_ + (t * rows_ + n) * sizes_.width, pooled);
  }
}

absl::Status PoolingGrad::Backward(absl::Span<const float* const> weights,
                                   const float* dpooled, float* dstates,
                                   absl::Span<float* const> gradients,
                                   Executor* executor) {
  std::fill_n(dstates, steps_ * rows_ * sizes_.width, 0.0f);
  if (attention()) {
    for (auto* sums : {&dkeys_, &dv_, &dbias_}) {
      std::fill(sums->begin(), sums->end(), 0.0f);
    }
  }
#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < rows_; ++n) {
    const float* of_row = dpooled + n * PooledWidth(sizes_);
    if (attention()) {
      AttendRowBackward(weights, n, of_row, dstates);
    } else {
      PoolRowBackward(n, of_row, dstates);
    }
  }
  if (!attention()) return absl::OkStatus();
  return ProjectBackward(weights, dstates, gradients, executor);
}

// The mean spreads its gradient, the maximum and the last state hand theirs to
// the step that they came from.
void PoolingGrad::PoolRowBackward(int64_t n, const float* dpooled,
                                  float* dstates) const {
  const int64_t first = first_[static_cast<size_t>(n)];
  if (first == steps_) return;
  const int64_t width = sizes_.width;
  const auto dstate = [&](int64_t t) {
    return dstates + (t * rows_ + n) * width;
  };
  if (sizes_.kind != PoolingKind::kMaxMean) {
    const Kernels& kernels = GetKernels();
    const int64_t forward = sizes_.bidirectional ? width / 2 : width;
    kernels.add(forward, dpooled, dstate(steps_ - 1));
    kernels.add(width - forward, dpooled + forward, dstate(first) + forward);
    dpooled += width;
  }
  if (sizes_.kind == PoolingKind::kLast) return;
  const int32_t* places = places_.data() + n * width;
  for (int64_t k = 0; k < width; ++k) dstate(places[k])[k] += dpooled[k];
  const float share = 1.0f / static_cast<float>(steps_ - first);
  for (int64_t t = first; t < steps_; ++t) {
    GetKernels().heads->add_scaled(width, share, dpooled + width, dstate(t));
  }
}

// dh_t = a_t dpooled and, through the scores, what ProjectBackward() adds;
// da_t = dpooled . h_t.
void PoolingGrad::AttendRowBackward(absl::Span<const float* const> weights,
                                    int64_t n, const float* dpooled,
                                    float* dstates) {
  const HeadKernels& kernels = *GetKernels().heads;
  const int64_t first = first_[static_cast<size_t>(n)];
  const float* a = weights_.data() + n * steps_;  // (T)
  float* dscores = dscores_.data() + n * steps_;  // (T)
  for (int64_t t = first; t < steps_; ++t) {
    const int64_t state = (t * rows_ + n) * sizes_.width;
    dscores[t] = kernels.dot(sizes_.width, dpooled, states_ + state);
    kernels.add_scaled(sizes_.width, a[t], dpooled, dstates + state);
  }
  kernels.softmax_backward(steps_ - first, a + first, dscores + first);
  for (int64_t t = first; t < steps_; ++t) {
    const int64_t key = (t * rows_ + n) * sizes_.units;
    kernels.additive_score_backward(
        sizes_.units, dscores[t],
        {.v = weights[2], .key = keys_.data() + key, .query = weights[1]},
        {.v = dv_.data() + n * sizes_.units,
         .key = dkeys_.data() + key,
         .query = dbias_.data() + n * sizes_.units});
  }
}

// dstates += dkeys W, dW += dkeys^T states; b and v from each row's share.
absl::Status PoolingGrad::ProjectBackward(
    absl::Span<const float* const> weights, float* dstates,
    absl::Span<float* const> gradients, Executor* executor) {
  const int64_t cells = steps_ * rows_;
  AddColumnSums(dbias_.data(), rows_, sizes_.units, gradients[1]);
  AddColumnSums(dv_.data(), rows_, sizes_.units, gradients[2]);
  RETURN_IF_ERROR(
      Matmul({.m = cells,
              .n = sizes_.width,
              .k = sizes_.units,
              .a = {.data = dkeys_.data(), .row_stride = sizes_.units},
              .b = {.data = weights[0], .row_stride = sizes_.width},
              .c = dstates,
              .c_row_stride = sizes_.width,
              .accumulate = true},
             executor));
  return Matmul({.m = sizes_.units,
                 .n = sizes_.width,
                 .k = cells,
                 .a = {.data = dkeys_.data(),
                       .row_stride = sizes_.units,
                       .transposed = true},
                 .b = {.data = states_, .row_stride = sizes_.width},
                 .c = gradients[0],
                 .c_row_stride = sizes_.width,
                 .accumulate = true},
                executor);
}

}  // namespace carousel
