// SPDX-License-Identifier: Apache-2.0
//
// The decoder in training: the loss over target texts that are given whole
// (teacher forcing), and its gradient, also with respect to the memory and the
// initial state. Equations and names of the weights: decoder.h.

#ifndef CAROUSEL_MODEL_LAYERS_DECODER_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_DECODER_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/attention_grad.h"
#include "model/layers/decoder.h"
#include "model/layers/dropout.h"
#include "model/layers/output_layer_grad.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"

namespace carousel {

// Of one batch.
struct DecoderShape {
  int steps = 0;         // T
  int rows = 0;          // N
  int source_steps = 0;  // S; with attention

  bool operator==(const DecoderShape&) const = default;
};

struct DecoderTraining {
  // Its `output` is the share of f_t that is dropped, in front of the output
  // layer, at the site behind those of the stack.
  StackDropout dropout;
  float label_smoothing = 0;
  // Of the recurrent layers and the output layer.
  Precision precision = Precision::kF32;
};

// Sites that a decoder uses, from its key's own on.
int DecoderDropoutSites(const DecoderSizes& sizes);

// Not thread-safe; computes with the OpenMP threads of the caller.
//
//   decoder.Forward(weights, batch, &key, &state, executor);
//   loss = decoder.LossAndBackward(weights, targets, dmemory, &dstate, ...);
class DecoderGrad {
 public:
  // What a batch of texts is decoded from and read as. All must stay as they
  // are until LossAndBackward().
  struct Batch {
    absl::Span<const int32_t> inputs;  // (T, N)
    const float* memory = nullptr;     // (S, N, M); with attention
    absl::Span<const int32_t> first;   // (N): each memory's first step
  };

  // REQUIRES: DecoderWeightSpecs(sizes) is OK; rates in [0, 1). UNIMPLEMENTED
  // if the CPU has no products in this precision; INTERNAL if oneDNN refuses.
  //
  // `output`, unless null, computes the output layer: decoders of one size that
  // are used in turn may share one, since it holds memory for many logits.
  static absl::StatusOr<std::unique_ptr<DecoderGrad>> Create(
      const DecoderSizes& sizes, const DecoderShape& shape,
      const DecoderTraining& training,
      std::shared_ptr<OutputLayerLoss> output = nullptr);

  // Runs forward from `*state`, which is moved on to the end. `weights` are in
  // the order of DecoderWeightSpecs. Null `key`: nothing is dropped.
  absl::Status Forward(absl::Span<const float* const> weights,
                       const Batch& batch, const DropoutKey* key,
                       RecurrentState* state, Executor* executor);

  // The sum over the `targets` (T, N) that are not negative of their negative
  // log-likelihood, after Forward(). No label smoothing.
  absl::StatusOr<double> Loss(absl::Span<const float* const> weights,
                              absl::Span<const int32_t> targets,
                              Executor* executor);

  // The same with label smoothing, and adds the gradients: of the weights to
  // `gradients`, of the memory to `dmemory` (null without attention). `dstate`
  // receives that of the initial state.
  absl::StatusOr<double> LossAndBackward(absl::Span<const float* const> weights,
                                         absl::Span<const int32_t> targets,
                                         float* dmemory, RecurrentState* dstate,
                                         absl::Span<float* const> gradients,
                                         Executor* executor);

 private:
  DecoderGrad(const DecoderSizes& sizes, const DecoderShape& shape,
              const DecoderTraining& training,
              std::shared_ptr<OutputLayerLoss> output);

  absl::Span<const float* const> StackOf(
      absl::Span<const float* const> weights) const;
  absl::Span<const float* const> AttentionOf(
      absl::Span<const float* const> weights) const;
  void DropFeatures(std::vector<float>* values) const;
  absl::Status Combine(absl::Span<const float* const> weights,
                       Executor* executor);
  absl::Status CombineBackward(absl::Span<const float* const> weights,
                               absl::Span<float* const> gradients,
                               Executor* executor);
  absl::Status AttendBackward(absl::Span<const float* const> weights,
                              float* dmemory,
                              absl::Span<float* const> gradients,
                              Executor* executor);

  const DecoderSizes sizes_;
  const DecoderPlaces places_;
  const DecoderTraining training_;
  const int64_t rows_;   // N
  const int64_t cells_;  // T * N

  std::unique_ptr<RecurrentStackGrad> stack_;
  std::unique_ptr<AttentionGrad> attention_;  // null if there is none
  const std::shared_ptr<OutputLayerLoss> output_;

  Batch batch_;
  bool dropping_ = false;         // in the last Forward()
  std::vector<uint8_t> resets_;   // (T, N): zeros, the state comes from outside
  std::vector<float> x_;          // (T, N, E)
  std::vector<float> combined_;   // (T, N, F): f_t before dropout
  std::vector<float> features_;   // (T, N, F): after
  std::vector<float> mask_;       // (T, N, F), or (N, F) if variational
  std::vector<float> dfeatures_;  // (T, N, F)
  std::vector<float> dcontext_;   // (T, N, M)
  std::vector<float> dquery_;     // (T, N, H)
  std::vector<float> dy_;         // (T, N, H)
  std::vector<float> dx_;         // (T, N, E)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_DECODER_GRAD_H_
