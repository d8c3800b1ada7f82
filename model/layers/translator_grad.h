// SPDX-License-Identifier: Apache-2.0
//
// The translator in training: the loss over pairs of texts and its gradient.
// Equations and names of the weights: translator.h and decoder.h.

#ifndef CAROUSEL_MODEL_LAYERS_TRANSLATOR_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_TRANSLATOR_GRAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/decoder_grad.h"
#include "model/layers/dropout.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/layers/translator.h"
#include "model/onednn/executor.h"

namespace carousel {

// Pairs of texts, time-major. Sources end in the last step (right-aligned),
// targets begin in the first. REQUIRES: each row has one reset.
struct TranslatorBatch {
  absl::Span<const int32_t> source;     // (S, N); before a row's text: any
  absl::Span<const uint8_t> resets;     // (S, N): 1 where a row's text begins
  absl::Span<const int32_t> target_in;  // (T, N): <eos>, then the target
  absl::Span<const int32_t> targets;    // (T, N); negative: not counted
};

// Not thread-safe; computes with the OpenMP threads of the caller.
class TranslatorGrad {
 public:
  // For batches of one shape. `training` is that of both stacks; its
  // `dropout.output` applies in front of the output layer only.
  // REQUIRES: WeightSpecs(sizes) is OK; rates in [0, 1). UNIMPLEMENTED if the
  // CPU has no products in this precision; INTERNAL if oneDNN refuses. `output`
  // is as in DecoderGrad.
  static absl::StatusOr<std::unique_ptr<TranslatorGrad>> Create(
      const TranslatorSizes& sizes, const DecoderShape& shape,
      const DecoderTraining& training,
      std::shared_ptr<OutputLayerLoss> output = nullptr);

  // Sum over the counted targets of their negative log-likelihood; `weights`
  // are in the order of WeightSpecs(sizes). No dropout, no label smoothing.
  absl::StatusOr<double> Loss(absl::Span<const float* const> weights,
                              const TranslatorBatch& batch, Executor* executor);

  // The same with both, masks by `key`, whose sites are filled in here. Adds
  // the gradient of the sum to `gradients`.
  absl::StatusOr<double> LossAndGradient(absl::Span<const float* const> weights,
                                         const TranslatorBatch& batch,
                                         const DropoutKey& key,
                                         absl::Span<float* const> gradients,
                                         Executor* executor);

  // Bytes of an instance without its output layer, roughly: for whoever keeps
  // several that share one.
  static size_t ApproximateBytes(const TranslatorSizes& sizes,
                                 const DecoderShape& shape);

 private:
  TranslatorGrad(const TranslatorSizes& sizes, const DecoderShape& shape);

  absl::Span<const float* const> EncoderOf(
      absl::Span<const float* const> weights) const;
  absl::Span<const float* const> DecoderOf(
      absl::Span<const float* const> weights) const;
  void ReadSource(const TranslatorBatch& batch, const float* embedding);
  absl::Status Forward(absl::Span<const float* const> weights,
                       const TranslatorBatch& batch, const DropoutKey* key,
                       Executor* executor);
  absl::Status Bridge(absl::Span<const float* const> weights,
                      Executor* executor);
  absl::Status BridgeBackward(absl::Span<const float* const> weights,
                              absl::Span<float* const> gradients,
                              Executor* executor);
  absl::Status EncoderBackward(absl::Span<const float* const> weights,
                               const TranslatorBatch& batch,
                               absl::Span<float* const> gradients,
                               Executor* executor);

  const TranslatorSizes sizes_;
  const TranslatorPlaces places_;
  const DecoderShape shape_;
  const int64_t source_cells_;  // S * N

  std::unique_ptr<RecurrentStackGrad> encoder_;
  std::unique_ptr<DecoderGrad> decoder_;

  std::vector<int32_t> source_;  // (S, N): as the encoder reads it
  std::vector<int32_t> first_;   // (N): where each row's text begins
  std::vector<float> x_;         // (S, N, E)
  RecurrentState encoder_state_;
  std::vector<float> summary_;  // (N, M): e, what the bridge reads
  std::vector<float> bridged_;  // (N, Z)
  RecurrentState decoder_state_;

  RecurrentState dencoder_state_;
  RecurrentState ddecoder_state_;
  std::vector<float> dbridged_;  // (N, Z)
  std::vector<float> dsummary_;  // (N, M)
  std::vector<float> dmemory_;   // (S, N, M)
  std::vector<float> dx_;        // (S, N, E)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_TRANSLATOR_GRAD_H_
