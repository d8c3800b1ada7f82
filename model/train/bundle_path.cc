// SPDX-License-Identifier: Apache-2.0
#include "model/train/bundle_path.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

std::filesystem::path Canonical(const std::string& directory) {
  std::filesystem::path path =
      std::filesystem::path(directory).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

std::string CanonicalBundlePath(const std::string& directory) {
  return Canonical(directory).string();
}

std::string BundleName(const std::string& directory) {
  return Canonical(directory).parent_path().filename().string();
}

absl::Status CheckBundlePath(const std::string& directory) {
  const std::filesystem::path path = Canonical(directory);
  const std::string version = path.filename().string();
  int64_t number = 0;
  if (!absl::SimpleAtoi(version, &number) || number <= 0 ||
      absl::StrCat(number) != version || BundleName(directory).empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bundle \"", directory,
        "\": expected .../NAME/VERSION with a positive number as VERSION"));
  }
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(directory, " exists; choose another version"));
  }
  return absl::OkStatus();
}

}  // namespace carousel
