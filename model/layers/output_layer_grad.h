// SPDX-License-Identifier: Apache-2.0
//
// The output layer in training: logits over the whole vocabulary, softmax
// cross-entropy, and the gradients of both, a stretch of rows at a time, so
// that memory does not grow with (rows x vocabulary).

#ifndef CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_GRAD_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/onednn/executor.h"

namespace carousel {

struct OutputLayerWeights {
  const float* weight;  // (V, E)
  const float* bias;    // (V)
};

struct OutputLayerGradients {
  float* weight;    // (V, E), added to
  float* bias;      // (V), added to
  float* features;  // (M, E), written
};

// Not thread-safe; computes with the OpenMP threads of the caller.
class OutputLayerLoss {
 public:
  OutputLayerLoss(int64_t vocabulary, int64_t embedding);

  // Sum over the rows of -log softmax(features weight^T + bias)[target];
  // `features` is (M, E) and `targets` (M), where a negative target is not
  // counted. With `gradients`, also the gradients of scale * the sum.
  absl::StatusOr<double> Run(const OutputLayerWeights& weights,
                             const float* features,
                             absl::Span<const int32_t> targets, float scale,
                             const OutputLayerGradients* gradients,
                             Executor* executor);

 private:
  double SoftmaxRows(const float* bias, absl::Span<const int32_t> targets,
                     float scale);
  absl::Status AddGradients(const OutputLayerWeights& weights,
                            const float* features, int64_t rows,
                            float* dfeatures,
                            const OutputLayerGradients& gradients,
                            Executor* executor);

  const int64_t vocabulary_;     // V
  const int64_t embedding_;      // E
  std::vector<float> logits_;    // (chunk, V)
  std::vector<float> row_loss_;  // (chunk)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_GRAD_H_
