// SPDX-License-Identifier: Apache-2.0
//
// Labels: names for versions of a model that requests may use in place of a
// number, declared beside the versions in NAME/labels.json:
//
//   {"stable": 3, "canary": 4}

#ifndef CAROUSEL_SERVER_REPOSITORY_LABELS_H_
#define CAROUSEL_SERVER_REPOSITORY_LABELS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carousel {

inline constexpr char kLabelsFile[] = "labels.json";

// Who names neither version nor label gets the version with this one.
inline constexpr char kStableLabel[] = "stable";

// Versions by label.
using Labels = std::map<std::string, int64_t>;

// A label has 1 to 63 of a-z, 0-9, '-' and '_', a letter first; a model has 64
// at most. INVALID_ARGUMENT, saying what was expected and found, for anything
// but an object of labels and positive integers, each label once.
absl::StatusOr<Labels> ParseLabels(absl::string_view json);

// Those of the model in `directory` (.../NAME); none without a file. Errors: as
// ParseLabels and ReadFile, with the path.
absl::StatusOr<Labels> ReadLabels(const std::string& directory);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_LABELS_H_
