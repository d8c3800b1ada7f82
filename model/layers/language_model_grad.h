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
#include "model/layers/dropout.h"
#include "model/layers/language_model.h"
#include "model/layers/lstm_grad.h"
#include "model/layers/output_layer_grad.h"
#include "model/onednn/executor.h"

namespace carousel {

// Share of activations dropped; 0 for none.
struct LanguageModelDropout {
  float embedding = 0;  // what the first LSTM layer reads; site 0
  float layers = 0;     // what every further one reads; sites 1 to L - 1
  float output = 0;     // the top layer's h; site L
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
  static absl::StatusOr<std::unique_ptr<LanguageModelGrad>> Create(
      const LanguageModelSizes& sizes, int steps, int rows,
      const LanguageModelDropout& dropout);

  // Sum over the counted targets of their negative log-likelihood. `weights`
  // and `gradients` are in the order of WeightSpecs(sizes). `state` is moved on
  // to the end of the stretch. No dropout.
  absl::StatusOr<double> Loss(absl::Span<const float* const> weights,
                              const LanguageModelStretch& stretch,
                              RecurrentState* state);

  // The same with dropout (masks by `key`, whose site is filled in here), and
  // adds the gradient of scale * the sum to `gradients`.
  absl::StatusOr<double> LossAndGradient(absl::Span<const float* const> weights,
                                         const LanguageModelStretch& stretch,
                                         DropoutKey key, float scale,
                                         RecurrentState* state,
                                         absl::Span<float* const> gradients);

 private:
  // Where each weight stands in the order of WeightSpecs.
  struct Places {
    size_t projection_weight = 0;
    size_t projection_bias = 0;
    size_t output_weight = 0;
    size_t output_bias = 0;
  };

  LanguageModelGrad(const LanguageModelSizes& sizes, int steps, int rows,
                    const LanguageModelDropout& dropout);

  // What layer k reads; k == L is what comes after the top layer.
  float DropoutRate(int k) const;
  int64_t InputWidth(int k) const;
  LstmWeights LayerWeights(absl::Span<const float* const> weights, int k) const;

  void Drop(int k, std::vector<float>* activation, DropoutKey key);
  absl::Status Forward(absl::Span<const float* const> weights,
                       const LanguageModelStretch& stretch,
                       const DropoutKey* key, RecurrentState* state);
  absl::Status Project(absl::Span<const float* const> weights);
  absl::Status ProjectBackward(absl::Span<const float* const> weights,
                               absl::Span<float* const> gradients);
  absl::Status BackwardStack(absl::Span<const float* const> weights,
                             const LanguageModelStretch& stretch,
                             absl::Span<float* const> gradients);

  const LanguageModelSizes sizes_;
  const int64_t rows_;   // N
  const int64_t cells_;  // T * N
  const LanguageModelDropout dropout_;
  Places places_;
  Executor executor_;
  std::vector<std::unique_ptr<LstmTrainingLayer>> layers_;
  OutputLayerLoss output_;

  // [k] (T, N, width): what layer k reads, after dropout; [L]: the top layer's
  // h.
  std::vector<std::vector<float>> activations_;
  std::vector<std::vector<float>> masks_;  // as activations_; empty: no dropout
  std::vector<float> features_;            // (T, N, E): what the output reads
  std::vector<float> dfeatures_;           // (T, N, E)
  std::vector<float> dy_;                  // (T, N, H)
  std::vector<float> dx_;                  // (T, N, E or H)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_LANGUAGE_MODEL_GRAD_H_
