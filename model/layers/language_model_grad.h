// SPDX-License-Identifier: Apache-2.0
//
// The language model in training: the loss over a stretch of text and its
// gradient by truncated back-propagation through time. Equations and names of
// the weights: language_model.h.

#ifndef CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/adaptive_softmax_grad.h"
#include "model/layers/dropout.h"
#include "model/layers/factor.h"
#include "model/layers/language_model.h"
#include "model/layers/output_layer_grad.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {

// Shares dropped, in [0, 1); 0 for none. See StackDropout.
struct LanguageModelDropout {
  float embedding = 0;  // elements of what the first layer reads
  float layers = 0;     // of what every further one reads
  float output = 0;     // of what comes out of the top layer
  bool variational = false;
  float weight_drop = 0;

  // Words whose whole embedding is zero for all of an update (Gal and
  // Ghahramani 2016; Merity et al. 2017); the output layer keeps them.
  float embedding_rows = 0;
};

// A stretch of text, time-major; all three are (T, N).
struct LanguageModelStretch {
  absl::Span<const int32_t> inputs;
  absl::Span<const int32_t> targets;  // negative: not counted
  absl::Span<const uint8_t> resets;   // 1: the row's state is zeroed before
};

// Not thread-safe; computes with the OpenMP threads of the caller, which must
// not change over its life.
class LanguageModelGrad {
 public:
  // REQUIRES: WeightSpecs(sizes) is OK; steps, rows >= 1; rates in [0, 1).
  // UNIMPLEMENTED if the CPU has no products in this precision; INTERNAL if
  // oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<LanguageModelGrad>> Create(
      const LanguageModelSizes& sizes, int steps, int rows,
      const LanguageModelDropout& dropout,
      Precision precision = Precision::kF32);

  // Of the losses with gradient (output_layer_grad.h); 0 in the beginning.
  void set_label_smoothing(float smoothing) {
    output_.set_label_smoothing(smoothing);
  }

  // Sum over the counted targets of their negative log-likelihood. `weights`
  // and `gradients` are in the order of WeightSpecs(sizes). `state` is moved on
  // to the end of the stretch. No dropout.
  absl::StatusOr<double> Loss(absl::Span<const float* const> weights,
                              const LanguageModelStretch& stretch,
                              RecurrentState* state);

  // The same with dropout (masks by `key`), and adds the gradient of the sum to
  // `gradients`.
  absl::StatusOr<double> LossAndGradient(absl::Span<const float* const> weights,
                                         const LanguageModelStretch& stretch,
                                         const DropoutKey& key,
                                         RecurrentState* state,
                                         absl::Span<float* const> gradients);

 private:
  // Where each weight stands in the order of WeightSpecs.
  struct Places {
    size_t projection_weight = 0;
    size_t projection_bias = 0;
    size_t output_weight = 0;
    size_t output_bias = 0;
    size_t adaptive = 0;  // the first of its own
  };

  LanguageModelGrad(const LanguageModelSizes& sizes, int steps, int rows,
                    const LanguageModelDropout& dropout, Precision precision);

  absl::Span<const float* const> StackWeights(
      absl::Span<const float* const> weights) const;
  void Embed(const float* table, absl::Span<const int32_t> ids,
             const DropoutKey* key);
  void DropWords(absl::Span<const int32_t> ids, float* values) const;
  absl::Status Forward(absl::Span<const float* const> weights,
                       const LanguageModelStretch& stretch,
                       const DropoutKey* key, RecurrentState* state);
  absl::Status Project(absl::Span<const float* const> weights);
  absl::Status ProjectBackward(absl::Span<float* const> gradients);
  const float* Features() const;
  absl::StatusOr<double> AdaptiveLoss(absl::Span<const float* const> weights,
                                      absl::Span<const int32_t> targets,
                                      absl::Span<float* const> gradients);
  // The loss, and with `gradients` theirs and dfeatures_; none: the loss alone.
  absl::StatusOr<double> OutputLoss(absl::Span<const float* const> weights,
                                    absl::Span<const int32_t> targets,
                                    absl::Span<float* const> gradients);

  const LanguageModelSizes sizes_;
  const int64_t cells_;  // T * N
  const LanguageModelDropout dropout_;
  Places places_;
  Executor executor_;
  std::unique_ptr<RecurrentStackGrad> stack_;
  OutputLayerLoss output_;
  std::unique_ptr<AdaptiveSoftmaxLoss> adaptive_;  // instead; null: none

  std::vector<float> word_mask_;    // (V), of embedding_rows; empty: none
  AlignedVector<float> x_;          // (T, N, E): what the stack reads
  AlignedVector<float> dx_;         // (T, N, E)
  AlignedVector<float> dfeatures_;  // (T, N, E)

  // With a projection only.
  AlignedVector<float> features_;  // (T, N, E)
  AlignedVector<float> dy_;        // (T, N, H)
  Factor top_;                     // (T, N, H): y of the stack
  Factor projection_;              // (E, H)
  Factor dprojected_;              // (T, N, E)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_GRAD_H_
