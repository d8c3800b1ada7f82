// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/bundle_files.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;

// Checks that `path`, all links followed, is a regular file below `root`.
absl::Status CheckPlace(const fs::path& root, const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    return absl::NotFoundError(
        absl::StrCat(path, ": expected a file, found none"));
  }
  if (error)
    return absl::DataLossError(absl::StrCat(path, ": ", error.message()));
  const fs::path relative = real.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") {
    return absl::DataLossError(
        absl::StrCat(path, ": expected a file in the bundle, found a link to ",
                     real.string()));
  }
  if (!fs::is_regular_file(real, error)) {
    return absl::DataLossError(
        absl::StrCat(path, ": expected a regular file, found another kind"));
  }
  return absl::OkStatus();
}

absl::Status CheckFile(const std::string& path, const FileRecord& expected) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error)
    return absl::DataLossError(absl::StrCat(path, ": ", error.message()));
  // Before the checksum: a file that was cut off is told as such.
  if (size != static_cast<uintmax_t>(expected.size_bytes)) {
    return absl::DataLossError(absl::StrCat(
        path, ": expected ", expected.size_bytes, " bytes, found ", size));
  }
  ASSIGN_OR_RETURN(const std::string sha256, Sha256OfFile(path));
  if (sha256 != expected.sha256) {
    return absl::DataLossError(absl::StrCat(
        path, ": expected SHA-256 ", expected.sha256, ", found ", sha256));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Manifest> ReadManifest(const std::string& directory) {
  const std::string path = JoinPath(directory, kManifestFile);
  ASSIGN_OR_RETURN(const std::string json, ReadFile(path, kMaxManifestBytes));
  absl::StatusOr<Manifest> manifest = ParseManifest(json);
  if (!manifest.ok()) return Annotate(manifest.status(), path);
  return manifest;
}

absl::Status CheckFiles(const std::string& directory,
                        const std::map<std::string, FileRecord>& files) {
  std::error_code error;
  const fs::path root = fs::canonical(directory, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat(directory, ": ", error.message()));
  }
  for (const auto& [name, record] : files) {
    const std::string path = JoinPath(directory, name);
    RETURN_IF_ERROR(CheckPlace(root, path));
    RETURN_IF_ERROR(CheckFile(path, record));
  }
  return absl::OkStatus();
}

absl::StatusOr<FileRecord> MakeFileRecord(const std::string& path) {
  FileRecord record;
  std::error_code error;
  record.size_bytes = static_cast<int64_t>(fs::file_size(path, error));
  if (error) {
    return absl::InternalError(absl::StrCat(path, ": ", error.message()));
  }
  ASSIGN_OR_RETURN(record.sha256, Sha256OfFile(path));
  return record;
}

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  return absl::Status(status.code(),
                      absl::StrCat(context, ": ", status.message()));
}

}  // namespace carousel
