// SPDX-License-Identifier: Apache-2.0
//
// metrics.jsonl: what a run measured, one JSON object a line.

#ifndef CAROUSEL_MODEL_TRAIN_METRICS_LOG_H_
#define CAROUSEL_MODEL_TRAIN_METRICS_LOG_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"

namespace carousel {

// Thread-compatible.
class MetricsLog {
 public:
  // Opens for appending, after dropping lines of steps past `keep_up_to_step`
  // (which the run is going to write again). 0: begins a new file.
  static absl::StatusOr<std::unique_ptr<MetricsLog>> Open(
      const std::string& path, int64_t keep_up_to_step);
  ~MetricsLog();

  // Writes and flushes an object that has a "step". RESOURCE_EXHAUSTED if the
  // disk is full.
  absl::Status Write(const nlohmann::ordered_json& metrics);

 private:
  MetricsLog(std::string path, std::FILE* file);
  const std::string path_;
  std::FILE* const file_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_METRICS_LOG_H_
