// SPDX-License-Identifier: Apache-2.0
//
// How the directory of a bundle comes into being: whole, or not at all.

#ifndef CAROUSEL_MODEL_BUNDLE_BUNDLE_DIRECTORY_H_
#define CAROUSEL_MODEL_BUNDLE_BUNDLE_DIRECTORY_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "model/bundle/model.h"

namespace carousel {

// Makes `directory` (.../NAME/VERSION): `write` fills a neighbour, which is
// loaded once with `options` as a check, then renamed. ALREADY_EXISTS if
// `directory` is there; otherwise the errors of `write`, Model::Load and the
// file system.
absl::Status MakeBundleDirectory(
    const std::string& directory, const LoadOptions& options,
    const std::function<absl::Status(const std::string& neighbour)>& write);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_BUNDLE_DIRECTORY_H_
