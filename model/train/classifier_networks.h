// SPDX-License-Identifier: Apache-2.0
//
// A classifier in training for every shape of batch. All read the same weights;
// what an instance holds is activations, of which those of the shapes used
// last are kept.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_NETWORKS_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_NETWORKS_H_

#include <cstddef>
#include <list>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/classifier_grad.h"
#include "model/train/example_stream.h"
#include "model/train/trainer.h"

namespace carousel {

// Thread-compatible; computes with the OpenMP threads of the caller.
class ClassifierNetworks {
 public:
  static constexpr size_t kDefaultBytes = size_t{256} << 20;

  // At least one instance is kept, and more up to `max_bytes`.
  ClassifierNetworks(const ClassifierSizes& sizes,
                     const ClassifierTraining& training, Precision precision,
                     size_t max_bytes = kDefaultBytes)
      : sizes_(sizes),
        training_(training),
        precision_(precision),
        max_bytes_(max_bytes) {}

  // The loss of a batch, and how many labels are right.
  absl::StatusOr<ClassifierFigures> Loss(absl::Span<const float* const> weights,
                                         const ExampleBatch& batch);

  // A Pass of the trainer (trainer.h): which rows of the whole batch these are
  // is filled into the key here.
  absl::StatusOr<BatchLoss> LossAndGradient(
      absl::Span<const float* const> weights,
      absl::Span<float* const> gradients, DropoutKey key,
      const ExampleBatch& batch);

 private:
  struct Instance {
    int steps;
    int rows;
    size_t bytes;
    std::unique_ptr<ClassifierGrad> network;
  };

  absl::StatusOr<ClassifierGrad*> For(const ExampleBatch& batch);

  const ClassifierSizes sizes_;
  const ClassifierTraining training_;
  const Precision precision_;
  const size_t max_bytes_;
  std::list<Instance> instances_;  // the one used last in front
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_NETWORKS_H_
