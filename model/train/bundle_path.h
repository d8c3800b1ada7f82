// SPDX-License-Identifier: Apache-2.0
//
// Where bundles lie: .../NAME/VERSION.

#ifndef CAROUSEL_MODEL_TRAIN_BUNDLE_PATH_H_
#define CAROUSEL_MODEL_TRAIN_BUNDLE_PATH_H_

#include <string>

#include "absl/status/status.h"

namespace carousel {

// INVALID_ARGUMENT if `directory` does not end in NAME/VERSION with a positive
// VERSION; ALREADY_EXISTS if it is there.
absl::Status CheckBundlePath(const std::string& directory);

// Without a slash at its end: "a/NAME/1/" and "a/NAME/1" are the same.
std::string CanonicalBundlePath(const std::string& directory);

// "NAME".
std::string BundleName(const std::string& directory);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_BUNDLE_PATH_H_
