// SPDX-License-Identifier: Apache-2.0

#include "server/repository/scan.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxNameBytes = 128;

// Printable ASCII without '/', not hidden: safe in messages, labels and logs.
bool IsModelName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isgraph(static_cast<unsigned char>(c));
         });
}

std::optional<int64_t> ParseVersion(absl::string_view name) {
  int64_t version = 0;
  if (name.empty() || !absl::ascii_isdigit(name[0]) || name[0] == '0' ||
      !absl::SimpleAtoi(name, &version)) {
    return std::nullopt;
  }
  return version;
}

// Names of the directories in `directory`; links are followed.
absl::StatusOr<std::vector<std::string>> Subdirectories(
    const std::string& directory) {
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  std::vector<std::string> names;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (fs::is_directory(entry->path(), ignored)) {
      names.push_back(entry->path().filename().string());
    }
  }
  if (!error) return names;
  const std::string message =
      absl::StrCat("cannot list \"", directory, "\": ", error.message());
  if (error == std::errc::no_such_file_or_directory) {
    return absl::NotFoundError(message);
  }
  return absl::FailedPreconditionError(message);
}

}  // namespace

absl::StatusOr<std::vector<BundleLocation>> ScanBundles(
    const std::string& directory) {
  std::vector<BundleLocation> bundles;
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   Subdirectories(directory));
  for (const std::string& name : names) {
    if (!IsModelName(name)) continue;
    const std::string path = absl::StrCat(directory, "/", name);
    ASSIGN_OR_RETURN(const std::vector<std::string> versions,
                     Subdirectories(path));
    for (const std::string& version : versions) {
      if (const auto number = ParseVersion(version)) {
        bundles.push_back({name, *number, absl::StrCat(path, "/", version)});
      }
    }
  }
  if (bundles.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no bundle in \"", directory,
                     "\": expected NAME/VERSION/manifest.json with a positive "
                     "integer as VERSION"));
  }
  std::sort(bundles.begin(), bundles.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, b.version) < std::tie(b.name, a.version);
  });
  return bundles;
}

std::string BundleFingerprint(const std::string& directory) {
  return Sha256OfFile(JoinPath(directory, kManifestFile)).value_or("");
}

}  // namespace carousel
