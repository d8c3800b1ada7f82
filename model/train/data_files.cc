// SPDX-License-Identifier: Apache-2.0

#include "model/train/data_files.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {

std::string DataPath(const std::string& directory, const std::string& name) {
  return absl::StartsWith(name, "/") ? name : JoinPath(directory, name);
}

std::string DataPaths(const std::string& directory,
                      const std::vector<TrainingFile>& files) {
  return absl::StrJoin(files, ", ",
                       [&](std::string* text, const TrainingFile& file) {
                         absl::StrAppend(text, DataPath(directory, file.path));
                       });
}

absl::Status RecordFile(const std::string& directory, const std::string& name,
                        const char* part, const FileCounts& counts,
                        nlohmann::ordered_json* record) {
  const std::string path = DataPath(directory, name);
  ASSIGN_OR_RETURN(std::string sha256, Sha256OfFile(path));
  std::error_code error;
  nlohmann::ordered_json file = {
      {"path", name},
      {"part", part},
      {"sha256", std::move(sha256)},
      {"size_bytes", std::filesystem::file_size(path, error)}};
  if (counts.lines > 0) file["lines"] = counts.lines;
  if (counts.tokens > 0) file["tokens"] = counts.tokens;
  if (counts.dropped > 0) file["dropped_lines"] = counts.dropped;
  if (counts.repeat > 1) file["repeat"] = counts.repeat;
  (*record)["files"].push_back(std::move(file));
  return absl::OkStatus();
}

}  // namespace carousel
