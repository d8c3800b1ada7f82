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
// and `gradients` are in the order of AdaptiveSoftmaxWeightSpecs.
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
  // An output layer without bias: of the head, or of a cluster.
  struct Part {
    Part(int words, int width, Precision precision)
        : loss(words, width, precision),
          no_bias(static_cast<size_t>(words)),
          unused_bias_gradient(no_bias.size()) {}

    OutputLayerLoss loss;
    std::vector<float> no_bias;  // zeros, which the output layer wants
    std::vector<float> unused_bias_gradient;  // which it adds to
  };

  int ClusterOf(int32_t word) const;
  absl::StatusOr<double> RunPart(Part* part, const float* weight,
                                 const float* features,
                                 absl::Span<const int32_t> targets,
                                 float* gradient, float* dfeatures,
                                 Executor* executor);
  absl::StatusOr<double> RunCluster(int k,
                                    absl::Span<const float* const> weights,
                                    const float* features,
                                    absl::Span<const int32_t> targets,
                                    absl::Span<float* const> gradients,
                                    float* dfeatures, Executor* executor);
  void GatherCluster(int k, const float* features,
                     absl::Span<const int32_t> targets);
  absl::Status ProjectionBackward(int k, const float* weight, float* gradient,
                                  float* dfeatures, Executor* executor);

  const AdaptiveSoftmaxSizes sizes_;
  std::vector<std::unique_ptr<Part>> parts_;  // the head, then the clusters

  // Of the cluster at hand; M' rows, some of them padding.
  std::vector<int64_t> members_;   // rows of the batch
  std::vector<int32_t> targets_;   // (M'), within the head or cluster
  std::vector<float> gathered_;    // (M', E)
  std::vector<float> projected_;   // (M', E_k)
  std::vector<float> dprojected_;  // (M', E_k)
  std::vector<float> dgathered_;   // (M', E)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_ADAPTIVE_SOFTMAX_GRAD_H_
