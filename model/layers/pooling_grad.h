// SPDX-License-Identifier: Apache-2.0
//
// Pooling in training: a forward pass that keeps what the backward pass needs,
// and that beside it. Equations, shapes and padding: pooling.h.

#ifndef CAROUSEL_MODEL_LAYERS_POOLING_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_POOLING_GRAD_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/layers/pooling.h"
#include "model/onednn/executor.h"

namespace carousel {

// Not thread-safe; computes with the OpenMP threads of the caller. `weights`
// and `gradients` are in the order of PoolingWeightSpecs.
class PoolingGrad {
 public:
  // For batches of `steps` (T) steps in `rows` (N) rows.
  PoolingGrad(const PoolingSizes& sizes, int64_t steps, int64_t rows);

  // `states` (T, N, W) and the weights must stay as they are until Backward();
  // `first` (N) is copied.
  absl::Status Forward(absl::Span<const float* const> weights,
                       const float* states, absl::Span<const int32_t> first,
                       Executor* executor);

  const float* pooled() const { return pooled_.data(); }  // (N, P)

  // From `dpooled` (N, P) writes `dstates` (T, N, W), zeros over padding, and
  // adds to the gradients.
  absl::Status Backward(absl::Span<const float* const> weights,
                        const float* dpooled, float* dstates,
                        absl::Span<float* const> gradients, Executor* executor);

 private:
  bool attention() const { return sizes_.kind == PoolingKind::kAttention; }
  PoolingInput input() const { return {states_, steps_, first_}; }
  absl::Status Project(absl::Span<const float* const> weights,
                       Executor* executor);
  void AttendRow(absl::Span<const float* const> weights, int64_t n);
  void AttendRowBackward(absl::Span<const float* const> weights, int64_t n,
                         const float* dpooled, float* dstates);
  absl::Status ProjectBackward(absl::Span<const float* const> weights,
                               float* dstates,
                               absl::Span<float* const> gradients,
                               Executor* executor);
  void PoolRowBackward(int64_t n, const float* dpooled, float* dstates) const;

  const PoolingSizes sizes_;
  const int64_t steps_;  // T
  const int64_t rows_;   // N

  // The batch, from Forward() on.
  const float* states_ = nullptr;  // (T, N, W)
  std::vector<int32_t> first_;     // (N)

  std::vector<float> pooled_;    // (N, P)
  std::vector<int32_t> places_;  // (N, W): steps of the maxima

  // Attention only.
  std::vector<float> keys_;     // (T, N, A): W h_t
  std::vector<float> weights_;  // (N, T): a
  std::vector<float> dscores_;  // (N, T)
  std::vector<float> dkeys_;    // (T, N, A)
  std::vector<float> dv_;       // (N, A): each row's share
  std::vector<float> dbias_;    // (N, A): each row's share
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_POOLING_GRAD_H_
