// SPDX-License-Identifier: Apache-2.0
//
// What the runs of an experiment found, a JSON line for each that is finished:
// an experiment that was stopped goes on where it was.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_RUN_STORE_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_RUN_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "nlohmann/json.hpp"

namespace carousel {

// Thread-safe.
class RunStore {
 public:
  // Reads what there is in the file at `path`; a line that a crash cut off is
  // passed over.
  static absl::StatusOr<std::unique_ptr<RunStore>> Open(
      const std::string& path);

  // What was found under these settings, which the key spells out.
  std::optional<nlohmann::ordered_json> Find(const std::string& key) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Keeps a result, in the file too.
  absl::Status Add(const std::string& key, nlohmann::ordered_json result)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  explicit RunStore(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  mutable Mutex mutex_;
  std::map<std::string, nlohmann::ordered_json> results_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_RUN_STORE_H_
