// SPDX-License-Identifier: Apache-2.0
//
// A translator in training for every shape of batch. All read the same weights
// and share one output layer.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_NETWORKS_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_NETWORKS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "model/layers/output_layer_grad.h"
#include "model/layers/translator_grad.h"
#include "model/onednn/executor.h"
#include "model/train/example_stream.h"
#include "model/train/network_cache.h"
#include "model/train/trainer.h"

namespace carousel {

// Thread-compatible; computes with the OpenMP threads of the caller.
class TranslatorNetworks {
 public:
  TranslatorNetworks(const TranslatorSizes& sizes,
                     const DecoderTraining& training)
      : sizes_(sizes),
        training_(training),
        output_(std::make_shared<OutputLayerLoss>(
            sizes.target_vocabulary, sizes.decoder_sizes().features(),
            training.precision)) {}

  // The loss of a batch.
  absl::StatusOr<BatchLoss> Loss(absl::Span<const float* const> weights,
                                 const ExampleBatch& batch);

  // A Pass of the trainer (trainer.h): which rows of the whole batch these are
  // is filled into the key here.
  absl::StatusOr<BatchLoss> LossAndGradient(
      absl::Span<const float* const> weights,
      absl::Span<float* const> gradients, DropoutKey key,
      const ExampleBatch& batch);

 private:
  absl::StatusOr<TranslatorGrad*> For(const ExampleBatch& batch);

  const TranslatorSizes sizes_;
  const DecoderTraining training_;
  const std::shared_ptr<OutputLayerLoss> output_;
  Executor executor_;
  NetworkCache<DecoderShape, TranslatorGrad> cache_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_NETWORKS_H_
