// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/bundle_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;

absl::Status CheckAbsent(const std::string& directory) {
  std::error_code error;
  const auto status = fs::symlink_status(directory, error);
  if (status.type() == fs::file_type::not_found) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      directory, ": expected nothing there, found ",
      status.type() == fs::file_type::directory ? "a directory" : "a file"));
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  // Somebody else has made it in the meantime.
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
    return absl::AlreadyExistsError(
        absl::StrCat(to, ": expected nothing there, found another's"));
  }
  return LastError("rename a bundle to", to);
}

}  // namespace

absl::Status MakeBundleDirectory(
    const std::string& directory, const LoadOptions& options,
    const std::function<absl::Status(const std::string& neighbour)>& write) {
  // Without a slash at the end, which would make an empty name.
  fs::path target = fs::absolute(directory).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  RETURN_IF_ERROR(CheckAbsent(target));
  const std::string parent = target.parent_path();
  RETURN_IF_ERROR(MakeDirectories(parent));

  const std::string temporary = JoinPath(
      parent, absl::StrCat(".", target.filename().string(), ".tmp.", getpid()));
  std::error_code ignored;
  fs::remove_all(temporary, ignored);  // of a dead process of the same number
  if (mkdir(temporary.c_str(), 0777) != 0) {
    return LastError("create directory", temporary);
  }
  absl::Cleanup remove = [&] { fs::remove_all(temporary, ignored); };

  RETURN_IF_ERROR(write(temporary));
  RETURN_IF_ERROR(Model::Load(temporary, options).status());
  RETURN_IF_ERROR(FlushDirectory(temporary));
  RETURN_IF_ERROR(Rename(temporary, target));
  std::move(remove).Cancel();
  return FlushDirectory(parent);
}

}  // namespace carousel
