// SPDX-License-Identifier: Apache-2.0
//
// The files that a run reads its data from, and what data.json says of them.

#ifndef CAROUSEL_MODEL_TRAIN_DATA_FILES_H_
#define CAROUSEL_MODEL_TRAIN_DATA_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/train/settings.h"
#include "nlohmann/json_fwd.hpp"

namespace carousel {

// Where the file that the settings call `name` lies: in data.directory, unless
// it has an absolute path.
std::string DataPath(const std::string& directory, const std::string& name);

// The paths of all, for people: "a, b".
std::string DataPaths(const std::string& directory,
                      const std::vector<TrainingFile>& files);

// What was read of a file.
struct FileCounts {
  int64_t lines = 0;
  int64_t tokens = 0;   // written; 0: not counted
  int64_t dropped = 0;  // lines, because they are held out
  int repeat = 1;       // how many times it is read in an epoch
};

// Adds the file to record["files"]: "path" (`name`), "part", "sha256",
// "size_bytes", and "lines", "tokens", "dropped_lines" and "repeat" where they
// say something. Errors as Sha256OfFile.
absl::Status RecordFile(const std::string& directory, const std::string& name,
                        const char* part, const FileCounts& counts,
                        nlohmann::ordered_json* record);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DATA_FILES_H_
