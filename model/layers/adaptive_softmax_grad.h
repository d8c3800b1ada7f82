// SPDX-License-Identifier: Apache-2.0
//
// The adaptive softmax in training: cross-entropy and its gradients, computed
// over the head for all rows and over each cluster for its own targets only.
// Equations and weights: adaptive_softmax.h.

#ifndef CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/adaptive_softmax.h"
#include "model/layers/output_layer_grad.h"
#include "model/onednn/executor.h"

namespace carousel {

// Not thread-safe; computes with the OpenMP threads of the caller. `weights`
// and `gradients` are in the order of AdaptiveSoftmaxWeightSpecs, if tied after
// those of the embedding.
class AdaptiveSoftmaxLoss {
 public:
  // In kBF16 the products with the words are rounded as those of an output
  // layer are; the projections stay in f32. REQUIRES: kF32, or SupportsBF16().
  explicit AdaptiveSoftmaxLoss(const AdaptiveSoftmaxSizes& sizes,
                               Precision precision = Precision::kF32);

  // Sum over the rows of -log P(target | f); `features` is (M, E) and `targets`
  // (M), where a negative one is not counted. Unless `gradients` is empty, adds
  // the gradients of the sum to them, and writes that with respect to the
  // features to `dfeatures` (M, E). REQUIRES: targets < V. INTERNAL if oneDNN
  // refuses.
  absl::StatusOr<double> Run(absl::Span<const float* const> weights,
                             const float* features,
                             absl::Span<const int32_t> targets,
                             absl::Span<float* const> gradients,
                             float* dfeatures, Executor* executor);

 private:
  int ClusterOf(int32_t word) const;
  void GatherHead(absl::Span<const float* const> weights);
  void AddHeadGradients(absl::Span<float* const> gradients) const;
  absl::StatusOr<double> RunHead(absl::Span<const float* const> weights,
                                 const float* features,
                                 absl::Span<const int32_t> targets,
                                 absl::Span<float* const> gradients,
                                 float* dfeatures, Executor* executor);
  OutputLayerWeights ClusterWeights(
      int k, absl::Span<const float* const> weights) const;
  OutputLayerGradients ClusterGradients(int k,
                                        absl::Span<float* const> gradients);
  absl::StatusOr<double> RunCluster(int k,
                                    absl::Span<const float* const> weights,
                                    const float* features,
                                    absl::Span<const int32_t> targets,
                                    absl::Span<float* const> gradients,
                                    float* dfeatures, Executor* executor);
  void GatherCluster(int k, const float* features,
                     absl::Span<const int32_t> targets);
  absl::Status Project(int k, const float* weight, Executor* executor);
  absl::Status ProjectionBackward(int k, const float* weight, float* gradient,
                                  Executor* executor);

  const AdaptiveSoftmaxSizes sizes_;
  OutputLayerLoss head_;
  std::vector<std::unique_ptr<OutputLayerLoss>> tail_;  // (K)

  // Without a bias, zeros, and where its gradient is left: as many as the
  // largest part has words.
  std::vector<float> no_bias_, unused_bias_gradient_;

  // If tied: the head's rows gathered from the embedding and the clusters, and
  // their gradients.
  std::vector<float> head_weight_, dhead_weight_;  // (c_0 + K, E)
  std::vector<float> head_bias_, dhead_bias_;      // (c_0 + K)

  // Of the cluster at hand; M' rows, some of them padding.
  std::vector<int64_t> members_;   // rows of the batch
  std::vector<int32_t> targets_;   // (M'), within the head or cluster
  std::vector<float> gathered_;    // (M', E)
  std::vector<float> projected_;   // (M', E_k), not if tied
  std::vector<float> dprojected_;  // (M', E_k), not if tied
  std::vector<float> dgathered_;   // (M', E)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_GRAD_H_
