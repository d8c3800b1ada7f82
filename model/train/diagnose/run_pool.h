// SPDX-License-Identifier: Apache-2.0
//
// The training runs of an experiment, several at once: they do not depend on
// each other, and two runs of one thread each are faster than two threads in
// one small run.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_RUN_POOL_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_RUN_POOL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/base/clock.h"
#include "model/train/diagnose/run_store.h"
#include "model/train/progress.h"

namespace carousel {

// A run tells here how far it is.
class RunMonitor {
 public:
  virtual ~RunMonitor() = default;

  // `updates` are done, of the run's own; `state` says how it stands.
  virtual void Advance(int64_t updates, absl::string_view state) = 0;
};

struct ExperimentRun {
  // Everything that the result depends on, e.g. "adding lstm T=200 seed=1".
  std::string key = {};

  int64_t max_updates = 0;
  double update_cost = 1;  // against the updates of other runs

  std::function<absl::StatusOr<nlohmann::ordered_json>(RunMonitor*)> run = {};
};

struct RunPoolOptions {
  std::string experiment = {};  // before every line of progress
  int threads = 1;              // runs at once, each on one OpenMP thread
  RunStore* store = nullptr;
  Progress* progress = nullptr;
};

// The results, in the order of the runs; those that the store has are not
// computed again. Progress goes to `options.progress`. The first error ends
// what has not begun and is returned.
absl::StatusOr<std::vector<nlohmann::ordered_json>> RunAll(
    const RunPoolOptions& options, const std::vector<ExperimentRun>& runs,
    const Clock& clock = Clock::Real());

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_RUN_POOL_H_
