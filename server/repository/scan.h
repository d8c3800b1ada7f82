// SPDX-License-Identifier: Apache-2.0
//
// Which bundles lie in a directory of models, and whether one has changed. What
// is inside a bundle is Model::Load's business.

#ifndef CAROUSEL_SERVER_REPOSITORY_SCAN_H_
#define CAROUSEL_SERVER_REPOSITORY_SCAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace carousel {

struct BundleLocation {
  std::string name;
  int64_t version = 0;
  std::string directory;
};

// Every NAME/VERSION below `directory`, sorted by name, newest version first.
// VERSION is a positive integer without leading zeros; anything else is passed
// over, and so are hidden entries (Kubernetes mounts its volumes through
// "..data") and names that no request could ask for (longer than 128 bytes, or
// not UTF-8).
//
// NOT_FOUND if `directory` does not exist or holds no bundle;
// FAILED_PRECONDITION if it is not a directory or cannot be read.
absl::StatusOr<std::vector<BundleLocation>> ScanBundles(
    const std::string& directory);

// Of the manifest of the bundle in `directory`, which has the checksums of all
// its other files: another one for another content. Empty if there is none, or
// it cannot be read.
std::string BundleFingerprint(const std::string& directory);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_SCAN_H_
