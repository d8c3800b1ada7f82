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
    : sizes_(sizes), head_(sizes.head(), sizes.features, precision) {
  int most = sizes.head();
  for (int k = 0; k < sizes.clusters(); ++k) {
    const int words = sizes.ClusterWords(k);
    most = std::max(most, words);
    tail_.push_back(std::make_unique<OutputLayerLoss>(
        words, sizes.ClusterWidth(k), precision));
  }
  if (sizes.tied) {
    head_bias_.resize(static_cast<size_t>(sizes.head()));
    head_weight_.resize(head_bias_.size() *
                        static_cast<size_t>(sizes.features));
  } else {
    no_bias_.resize(static_cast<size_t>(most));
    unused_bias_gradient_.resize(no_bias_.size());
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
  ASSIGN_OR_RETURN(double loss, RunHead(weights, features, targets, gradients,
                                        dfeatures, executor));
  for (int k = 0; k < sizes_.clusters(); ++k) {
    ASSIGN_OR_RETURN(const double of_cluster,
                     RunCluster(k, weights, features, targets, gradients,
                                dfeatures, executor));
    loss += of_cluster;
  }
  return loss;
}

// Of a tied head: embedding[0, c_0) above clusters.weight, and its bias alike.
void AdaptiveSoftmaxLoss::GatherHead(absl::Span<const float* const> weights) {
  const int64_t frequent = sizes_.cutoffs[0];
  const int64_t width = sizes_.features;
  std::copy_n(weights[0], frequent * width, head_weight_.begin());
  std::copy_n(weights[2], sizes_.clusters() * width,
              head_weight_.begin() + frequent * width);
  std::copy_n(weights[1], frequent, head_bias_.begin());
  std::copy_n(weights[3], sizes_.clusters(), head_bias_.begin() + frequent);
}

// The inverse, for their gradients.
void AdaptiveSoftmaxLoss::AddHeadGradients(
    absl::Span<float* const> gradients) const {
  const Kernels& kernels = GetKernels();
  const int64_t frequent = sizes_.cutoffs[0];
  const int64_t width = sizes_.features;
  kernels.add(frequent * width, dhead_weight_.data(), gradients[0]);
  kernels.add(sizes_.clusters() * width,
              dhead_weight_.data() + frequent * width, gradients[2]);
  kernels.add(frequent, dhead_bias_.data(), gradients[1]);
  kernels.add(sizes_.clusters(), dhead_bias_.data() + frequent, gradients[3]);
}

absl::StatusOr<double> AdaptiveSoftmaxLoss::RunHead(
    absl::Span<const float* const> weights, const float* features,
    absl::Span<const int32_t> targets, absl::Span<float* const> gradients,
    float* dfeatures, Executor* executor) {
  targets_.clear();
  for (int32_t target : targets) {
    const int k = target < 0 ? -1 : ClusterOf(target);
    targets_.push_back(k < 0 ? target : sizes_.cutoffs[0] + k);
  }
  const bool training = !gradients.empty();
  OutputLayerWeights head = {.weight = weights[0], .bias = no_bias_.data()};
  OutputLayerGradients dhead = {.weight = training ? gradients[0] : nullptr,
                                .bias = unused_bias_gradient_.data(),
                                .features = dfeatures};
  if (sizes_.tied) {
    GatherHead(weights);
    head = {.weight = head_weight_.data(), .bias = head_bias_.data()};
    dhead_weight_.assign(training ? head_weight_.size() : 0, 0.0f);
    dhead_bias_.assign(training ? head_bias_.size() : 0, 0.0f);
    dhead.weight = dhead_weight_.data();
    dhead.bias = dhead_bias_.data();
  }
  ASSIGN_OR_RETURN(const double loss,
                   head_.Run(head, features, targets_, 1.0f,
                             training ? &dhead : nullptr, executor));
  if (training && sizes_.tied) AddHeadGradients(gradients);
  return loss;
}

OutputLayerWeights AdaptiveSoftmaxLoss::ClusterWeights(
    int k, absl::Span<const float* const> weights) const {
  if (!sizes_.tied) {
    return {.weight = weights[static_cast<size_t>(2 + 2 * k)],
            .bias = no_bias_.data()};
  }
  const int64_t begin = sizes_.ClusterBegin(k);
  return {.weight = weights[0] + begin * sizes_.features,
          .bias = weights[1] + begin};
}

OutputLayerGradients AdaptiveSoftmaxLoss::ClusterGradients(
    int k, absl::Span<float* const> gradients) {
  if (!sizes_.tied) {
    return {.weight = gradients[static_cast<size_t>(2 + 2 * k)],
            .bias = unused_bias_gradient_.data(),
            .features = dprojected_.data()};
  }
  const int64_t begin = sizes_.ClusterBegin(k);
  return {.weight = gradients[0] + begin * sizes_.features,
          .bias = gradients[1] + begin,
          .features = dgathered_.data()};
}

absl::StatusOr<double> AdaptiveSoftmaxLoss::RunCluster(
    int k, absl::Span<const float* const> weights, const float* features,
    absl::Span<const int32_t> targets, absl::Span<float* const> gradients,
    float* dfeatures, Executor* executor) {
  GatherCluster(k, features, targets);
  if (members_.empty()) return 0.0;
  const auto projection = static_cast<size_t>(1 + 2 * k);
  if (!sizes_.tied) {
    RETURN_IF_ERROR(Project(k, weights[projection], executor));
  }
  const bool training = !gradients.empty();
  OutputLayerGradients output = {};
  if (training) {
    dgathered_.resize(gathered_.size());
    output = ClusterGradients(k, gradients);
  }
  ASSIGN_OR_RETURN(const double loss,
                   tail_[static_cast<size_t>(k)]->Run(
                       ClusterWeights(k, weights),
                       sizes_.tied ? gathered_.data() : projected_.data(),
                       targets_, 1.0f, training ? &output : nullptr, executor));
  if (!training) return loss;
  if (!sizes_.tied) {
    RETURN_IF_ERROR(ProjectionBackward(k, weights[projection],
                                       gradients[projection], executor));
  }
  for (size_t i = 0; i < members_.size(); ++i) {
    GetKernels().add(
        sizes_.features,
        dgathered_.data() + static_cast<int64_t>(i) * sizes_.features,
        dfeatures + members_[i] * sizes_.features);
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

// p = f W^T.
absl::Status AdaptiveSoftmaxLoss::Project(int k, const float* weight,
                                          Executor* executor) {
  const auto rows = static_cast<int64_t>(targets_.size());
  const int64_t width = sizes_.ClusterWidth(k);
  projected_.resize(static_cast<size_t>(rows * width));
  dprojected_.resize(projected_.size());
  return Matmul(
      {.m = rows,
       .n = width,
       .k = sizes_.features,
       .a = {.data = gathered_.data(), .row_stride = sizes_.features},
       .b = {.data = weight, .row_stride = sizes_.features, .transposed = true},
       .c = projected_.data(),
       .c_row_stride = width},
      executor);
}

// dW += dp^T f, df = dp W.
absl::Status AdaptiveSoftmaxLoss::ProjectionBackward(int k, const float* weight,
                                                     float* gradient,
                                                     Executor* executor) {
  const auto rows = static_cast<int64_t>(targets_.size());
  const int64_t width = sizes_.ClusterWidth(k);
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
  return Matmul({.m = rows,
                 .n = sizes_.features,
                 .k = width,
                 .a = {.data = dprojected_.data(), .row_stride = width},
                 .b = {.data = weight, .row_stride = sizes_.features},
                 .c = dgathered_.data(),
                 .c_row_stride = sizes_.features},
                executor);
}

}  // namespace carousel
