// SPDX-License-Identifier: Apache-2.0
//
// A classifier in training for every shape of batch. All read the same weights.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_NETWORKS_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_NETWORKS_H_

#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/classifier_grad.h"
#include "model/train/example_stream.h"
#include "model/train/network_cache.h"
#include "model/train/trainer.h"

namespace carousel {

// Thread-compatible; computes with the OpenMP threads of the caller.
class ClassifierNetworks {
 public:
  ClassifierNetworks(const ClassifierSizes& sizes,
                     const ClassifierTraining& training, Precision precision)
      : sizes_(sizes), training_(training), precision_(precision) {}

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
  absl::StatusOr<ClassifierGrad*> For(const ExampleBatch& batch);

  const ClassifierSizes sizes_;
  const ClassifierTraining training_;
  const Precision precision_;
  // By steps and rows.
  NetworkCache<std::pair<int, int>, ClassifierGrad> cache_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_NETWORKS_H_
