// SPDX-License-Identifier: Apache-2.0
//
// How a person names a model and a version of it.

#ifndef CAROUSEL_CLIENT_CLI_MODEL_NAME_H_
#define CAROUSEL_CLIENT_CLI_MODEL_NAME_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carousel/v1/model.pb.h"

namespace carousel {

// NAME, NAME/VERSION or NAME@LABEL. INVALID_ARGUMENT, for people, for anything
// else.
absl::StatusOr<v1::ModelSpec> ParseModelName(absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_MODEL_NAME_H_
