// SPDX-License-Identifier: Apache-2.0
#include "model/train/new_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;

// The outermost of the directories that `path` still lacks; empty: none.
fs::path FirstMissing(const std::string& path) {
  std::error_code error;
  fs::path missing;
  for (fs::path p = fs::absolute(path, error).lexically_normal();
       p.has_relative_path() && !fs::exists(p, error); p = p.parent_path()) {
    missing = p;
  }
  return missing;
}

}  // namespace

absl::StatusOr<NewFolder> NewFolder::Make(const std::string& path) {
  NewFolder folder(FirstMissing(path).string());
  RETURN_IF_ERROR(MakeDirectories(path));
  return folder;
}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : made_(std::exchange(other.made_, "")) {}

NewFolder::~NewFolder() {
  if (made_.empty()) return;
  std::error_code ignored;
  fs::remove_all(made_, ignored);
}

}  // namespace carousel
