// SPDX-License-Identifier: Apache-2.0
#include "model/train/initial_model.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"

namespace carousel {

absl::StatusOr<InitialModel> LoadInitialModel(const std::string& directory,
                                              Task task) {
  InitialModel initial;
  absl::StatusOr<std::shared_ptr<const Model>> model =
      Model::Load(directory, {.precision = Precision::kF32});
  if (!model.ok()) {
    return absl::Status(
        model.status().code(),
        absl::StrCat("setting model.init: ", model.status().message()));
  }
  initial.model = *std::move(model);
  if (initial.model->task() != task) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting model.init: ", directory, ": expected the bundle of a ",
        TaskName(task), ", found one of a ", TaskName(initial.model->task())));
  }
  ASSIGN_OR_RETURN(const auto file,
                   Safetensors::Open(JoinPath(directory, kWeightsFile)));
  initial.weights = file->tensors();
  return initial;
}

}  // namespace carousel
