// SPDX-License-Identifier: Apache-2.0
//
// A network in training for every shape of batch. All read the same weights
// and share one output layer; what an instance holds is activations, of which
// those of the shapes used last are kept.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_NETWORKS_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_NETWORKS_H_

#include <cstddef>
#include <list>
#include <memory>

#include "absl/status/statusor.h"
#include "model/layers/translator_grad.h"
#include "model/onednn/executor.h"
#include "model/train/example_stream.h"
#include "model/train/trainer.h"

namespace carousel {

// Thread-compatible; computes with the OpenMP threads of the caller.
class TranslatorNetworks {
 public:
  // For the shapes of training and of dev: with less, networks of ordinary
  // sizes would be made anew in nearly every batch.
  static constexpr size_t kDefaultBytes = size_t{2} << 30;

  // At least one instance is kept, and more up to `max_bytes`.
  TranslatorNetworks(const TranslatorSizes& sizes,
                     const DecoderTraining& training,
                     size_t max_bytes = kDefaultBytes)
      : sizes_(sizes),
        training_(training),
        max_bytes_(max_bytes),
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

  size_t instances() const { return instances_.size(); }

 private:
  struct Instance {
    DecoderShape shape;
    size_t bytes;
    std::unique_ptr<TranslatorGrad> network;
  };

  absl::StatusOr<TranslatorGrad*> For(const ExampleBatch& batch);

  const TranslatorSizes sizes_;
  const DecoderTraining training_;
  const size_t max_bytes_;
  const std::shared_ptr<OutputLayerLoss> output_;
  Executor executor_;
  std::list<Instance> instances_;  // the one used last in front
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_NETWORKS_H_
