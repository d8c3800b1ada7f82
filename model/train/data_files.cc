// SPDX-License-Identifier: Apache-2.0

#include "model/train/data_files.h"

#include "absl/strings/match.h"
#include "model/base/files.h"

namespace carousel {

std::string DataPath(const std::string& directory, const std::string& name) {
  return absl::StartsWith(name, "/") ? name : JoinPath(directory, name);
}

}  // namespace carousel
