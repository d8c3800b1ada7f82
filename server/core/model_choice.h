// SPDX-License-Identifier: Apache-2.0
//
// Which model answers a request.

#ifndef CAROUSEL_SERVER_CORE_MODEL_CHOICE_H_
#define CAROUSEL_SERVER_CORE_MODEL_CHOICE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carousel/v1/model.pb.h"
#include "server/repository/repository.h"

namespace carousel {

// What a service asks of models.
struct ServiceModels {
  Task task;                    // of those that it can use
  absl::string_view preferred;  // the default, if there are several
};

// The model that `spec` names; if it names none the preferred one, or the only
// one for the task. INVALID_ARGUMENT about `model.name`: there are several and
// none is preferred, or the model is for another task. Otherwise as
// ChooseVersion.
absl::StatusOr<ModelHandle> ChooseModel(const ModelRepository& repository,
                                        const v1::ModelSpec& spec,
                                        const ServiceModels& models);

// The version of `name` that `spec` asks for: by number, by label, or the
// default. INVALID_ARGUMENT about `model.label` if it has both. NOT_FOUND as
// ModelRepository::Get and GetLabelled.
absl::StatusOr<ModelHandle> ChooseVersion(const ModelRepository& repository,
                                          const std::string& name,
                                          const v1::ModelSpec& spec);

// INVALID_ARGUMENT about `model.label` if `spec` has a version, too.
absl::Status CheckVersionOrLabel(const v1::ModelSpec& spec);

// INVALID_ARGUMENT about `field` if its `text` is longer than `most` bytes.
absl::Status CheckTextSize(absl::string_view text, size_t most,
                           absl::string_view field = "text");

// Sets the name, and the version that answered.
void SetModel(const ModelHandle& handle, v1::ModelSpec* spec);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_MODEL_CHOICE_H_
