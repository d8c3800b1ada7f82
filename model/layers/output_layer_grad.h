// SPDX-License-Identifier: Apache-2.0
//
// The output layer in training: logits over the whole vocabulary, softmax
// cross-entropy, and the gradients of both, a stretch of rows at a time, so
// that memory does not grow with (rows x vocabulary).

#ifndef CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_GRAD_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/factor.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"

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

// In kBF16 the weights, the features and the gradient of the logits are rounded
// for the products; logits, softmax, loss and all that comes out are f32.
//
// Not thread-safe; computes with the OpenMP threads of the caller. Equal
// numbers of threads give equal bits.
class OutputLayerLoss {
 public:
  // REQUIRES: kF32, or SupportsBF16().
  OutputLayerLoss(int64_t vocabulary, int64_t embedding,
                  Precision precision = Precision::kF32);

  // Of the losses that are computed with their gradients (Szegedy et al. 2016,
  // section 7): a share of the target's probability is spread over the whole
  // vocabulary. 0 in the beginning. REQUIRES: in [0, 1); their scale is 1.
  void set_label_smoothing(float smoothing) { smoothing_ = smoothing; }

  // Sum over the rows of -log softmax(features weight^T + bias)[target];
  // `features` is (M, E) and `targets` (M), where a negative target is not
  // counted. With `gradients`, also the gradients of scale * the sum. REQUIRES:
  // targets < V. INTERNAL if oneDNN refuses.
  absl::StatusOr<double> Run(const OutputLayerWeights& weights,
                             const float* features,
                             absl::Span<const int32_t> targets, float scale,
                             const OutputLayerGradients* gradients,
                             Executor* executor);

 private:
  struct Call;  // the arguments of Run

  bool bf16() const { return weight_.bf16(); }
  int64_t ChunkRows(int64_t rows) const;
  absl::StatusOr<double> RunChunk(const Call& call, int64_t first,
                                  int64_t count);
  absl::Status ComputeLogits(const Call& call, int64_t first, int64_t count);
  double SoftmaxRows(const Call& call, int64_t first, int64_t count,
                     BFloat16* rounded);
  absl::Status AddGradients(const Call& call, int64_t first, int64_t count);
  void AddBiasGradient(float* bias);

  const int64_t vocabulary_;  // V
  const int64_t embedding_;   // E
  float smoothing_ = 0;

  Factor weight_;    // (V, E)
  Factor features_;  // (M, E)
  Factor dlogits_;   // (chunk, V)

  AlignedVector<float> logits_;       // (chunk, V); in bf16 (part of it, V)
  AlignedVector<float> row_loss_;     // (M)
  AlignedVector<float> column_sums_;  // (threads, V): of the logits' gradient
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_OUTPUT_LAYER_GRAD_H_
