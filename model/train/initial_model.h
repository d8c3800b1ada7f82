// SPDX-License-Identifier: Apache-2.0
//
// --init: a model that begins with the weights of another.

#ifndef CAROUSEL_MODEL_TRAIN_INITIAL_MODEL_H_
#define CAROUSEL_MODEL_TRAIN_INITIAL_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/bundle/model.h"
#include "model/weights/safetensors.h"

namespace carousel {

// In the run's folder: what a run with model.init begins with, on every rank.
inline constexpr char kStartFile[] = "start.safetensors";

struct InitialModel {
  std::shared_ptr<const Model> model;
  std::vector<NamedTensor> weights;  // all of the bundle's, by PyTorch's names
};

// Loads the bundle that the setting model.init names. INVALID_ARGUMENT if it is
// of another task than `task`; errors of Model::Load with the setting's name.
absl::StatusOr<InitialModel> LoadInitialModel(const std::string& directory,
                                              Task task);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_INITIAL_MODEL_H_
