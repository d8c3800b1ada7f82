// SPDX-License-Identifier: Apache-2.0

#include "model/layers/adaptive_softmax_grad.h"

#include <algorithm>

#include "model/base/status_macros.h"
#include "model/layers/kernels.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// The number of a cluster's targets differs from batch to batch, and oneDNN
// makes a primitive for every number of rows, so it is rounded up to one of
// four in each octave.
int64_t PaddedRows(int64_t rows) {
  int64_t step = 4;
  while (step * 8 <= rows) step *= 2;
  return (rows + step - 1) / step * step;
}

}  // namespace

AdaptiveSoftmaxLoss::AdaptiveSoftmaxLoss(const AdaptiveSoftmaxSizes& sizes,
                                         Precision precision)
    : sizes_(sizes) {
  parts_.push_back(
      std::make_unique<Part>(sizes.head(), sizes.features, precision));
  for (int k = 0; k < sizes.clusters(); ++k) {
    parts_.push_back(std::make_unique<Part>(sizes.ClusterWords(k),
                                            sizes.ClusterWidth(k), precision));
  }
}

// -1 for a word of the head.
int AdaptiveSoftmaxLoss::ClusterOf(int32_t word) const {
  int k = sizes_.clusters() - 1;
  while (k >= 0 && word < sizes_.ClusterBegin(k)) --k;
  return k;
}

absl::StatusOr<double> AdaptiveSoftmaxLoss::Run(
    absl::Span<const float* const> weights, const float* features,
    absl::Span<const int32_t> targets, absl::Span<float* const> gradients,
    float* dfeatures, Executor* executor) {
  targets_.clear();
  for (int32_t target : targets) {
    const int k = target < 0 ? -1 : ClusterOf(target);
    targets_.push_back(k < 0 ? target : sizes_.cutoffs[0] + k);
  }
  ASSIGN_OR_RETURN(
      double loss,
      RunPart(parts_[0].get(), weights[0], features, targets_,
              gradients.empty() ? nullptr : gradients[0], dfeatures, executor));
  for (int k = 0; k < sizes_.clusters(); ++k) {
    ASSIGN_OR_RETURN(const double of_cluster,
                     RunCluster(k, weights, features, targets, gradients,
                                dfeatures, executor));
    loss += of_cluster;
  }
  return loss;
}

absl::StatusOr<double> AdaptiveSoftmaxLoss::RunPart(
    Part* part, const float* weight, const float* features,
    absl::Span<const int32_t> targets, float* gradient, float* dfeatures,
    Executor* executor) {
  const OutputLayerGradients gradients = {
      .weight = gradient,
      .bias = part->unused_bias_gradient.data(),
      .features = dfeatures};
  return part->loss.Run({.weight = weight, .bias = part->no_bias.data()},
                        features, targets, 1.0f,
                        gradient != nullptr ? &gradients : nullptr, executor);
}

absl::StatusOr<double> AdaptiveSoftmaxLoss::RunCluster(
    int k, absl::Span<const float* const> weights, const float* features,
    absl::Span<const int32_t> targets, absl::Span<float* const> gradients,
    float* dfeatures, Executor* executor) {
  GatherCluster(k, features, targets);
  if (members_.empty()) return 0.0;
  const auto projection = static_cast<size_t>(1 + 2 * k);
  const auto rows = static_cast<int64_t>(targets_.size());
  const int64_t width = sizes_.ClusterWidth(k);
  projected_.resize(static_cast<size_t>(rows * width));
  dprojected_.resize(projected_.size());
  RETURN_IF_ERROR(
      Matmul({.m = rows,
              .n = width,
              .k = sizes_.features,
              .a = {.data = gathered_.data(), .row_stride = sizes_.features},
              .b = {.data = weights[projection],
                    .row_stride = sizes_.features,
                    .transposed = true},
              .c = projected_.data(),
              .c_row_stride = width},
             executor));
  const bool training = !gradients.empty();
  ASSIGN_OR_RETURN(const double loss,
                   RunPart(parts_[static_cast<size_t>(1 + k)].get(),
                           weights[projection + 1], projected_.data(), targets_,
                           training ? gradients[projection + 1] : nullptr,
                           dprojected_.data(), executor));
  if (training) {
    RETURN_IF_ERROR(ProjectionBackward(
        k, weights[projection], gradients[projection], dfeatures, executor));
  }
  return loss;
}

// Rows of padding are zeros whose target does not count.
void AdaptiveSoftmaxLoss::GatherCluster(int k, const float* features,
                                        absl::Span<const int32_t> targets) {
  members_.clear();
  targets_.clear();
  for (size_t m = 0; m < targets.size(); ++m) {
    if (targets[m] < 0 || ClusterOf(targets[m]) != k) continue;
    members_.push_back(static_cast<int64_t>(m));
    targets_.push_back(targets[m] - sizes_.ClusterBegin(k));
  }
  const int64_t width = sizes_.features;
  const int64_t rows = PaddedRows(static_cast<int64_t>(members_.size()));
  targets_.resize(static_cast<size_t>(rows), -1);
  gathered_.assign(static_cast<size_t>(rows * width), 0.0f);
  for (size_t i = 0; i < members_.size(); ++i) {
    std::copy_n(features + members_[i] * width, width,
                gathered_.data() + static_cast<int64_t>(i) * width);
  }
}

// For p = W f: dW += dp^T f, df += dp W.
absl::Status AdaptiveSoftmaxLoss::ProjectionBackward(int k, const float* weight,
                                                     float* gradient,
                                                     float* dfeatures,
                                                     Executor* executor) {
  const auto rows = static_cast<int64_t>(targets_.size());
  const int64_t width = sizes_.ClusterWidth(k);
  dgathered_.resize(gathered_.size());
  RETURN_IF_ERROR(
      Matmul({.m = width,
              .n = sizes_.features,
              .k = rows,
              .a = {.data = dprojected_.data(),
                    .row_stride = width,
                    .transposed = true},
              .b = {.data = gathered_.data(), .row_stride = sizes_.features},
              .c = gradient,
              .c_row_stride = sizes_.features,
              .accumulate = true},
             executor));
  RETURN_IF_ERROR(
      Matmul({.m = rows,
              .n = sizes_.features,
              .k = width,
              .a = {.data = dprojected_.data(), .row_stride = width},
              .b = {.data = weight, .row_stride = sizes_.features},
              .c = dgathered_.data(),
              .c_row_stride = sizes_.features},
             executor));
  for (size_t i = 0; i < members_.size(); ++i) {
    GetKernels().add(
        sizes_.features,
        dgathered_.data() + static_cast<int64_t>(i) * sizes_.features,
        dfeatures + members_[i] * sizes_.features);
  }
  return absl::OkStatus();
}

}  // namespace carousel
