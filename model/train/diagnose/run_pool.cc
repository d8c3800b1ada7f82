// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/run_pool.h"

#include <omp.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/mutex.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBarCells = 20;

// What is done and left of all runs; draws it. Thread-safe.
class PoolProgress {
 public:
  PoolProgress(const RunPoolOptions& options, double total_cost,
               const Clock& clock)
      : options_(options),
        total_cost_(std::max(1e-9, total_cost)),
        clock_(clock),
        start_(clock.Now()) {}

  void Advance(double cost, int64_t updates, absl::string_view line) {
    MutexLock lock(&mutex_);
    done_cost_ += cost;
    updates_ += updates;
    if (options_.progress->due()) options_.progress->Show(Line(line));
  }

  // A run ended, perhaps before it had used what it might.
  void End(double unused_cost, absl::string_view note) {
    MutexLock lock(&mutex_);
    total_cost_ -= unused_cost;
    options_.progress->Note(absl::StrCat(options_.experiment, ": ", note));
  }

 private:
  std::string Line(absl::string_view line) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const double share = done_cost_ / total_cost_;
    const absl::Duration spent = clock_.Now() - start_;
    const absl::Duration left =
        share > 0 ? spent * ((1 - share) / share) : absl::InfiniteDuration();
    return absl::StrFormat("%s  %s  %.1f updates/s  at most %s left  %s",
                           options_.experiment, FormatBar(share, kBarCells),
                           static_cast<double>(updates_) /
                               std::max(1e-3, absl::ToDoubleSeconds(spent)),
                           FormatTimeLeft(left), line);
  }

  const RunPoolOptions& options_;
  Mutex mutex_;
  double total_cost_ ABSL_GUARDED_BY(mutex_);
  double done_cost_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t updates_ ABSL_GUARDED_BY(mutex_) = 0;
  const Clock& clock_;
  const absl::Time start_;
};

class PoolMonitor : public RunMonitor {
 public:
  PoolMonitor(const ExperimentRun& run, PoolProgress* progress)
      : run_(run), progress_(progress) {}

  void Advance(int64_t updates, absl::string_view state) override {
    const int64_t more = updates - updates_;
    updates_ = updates;
    progress_->Advance(static_cast<double>(more) * run_.update_cost, more,
                       absl::StrCat(run_.key, ": ", state));
  }

  double unused_cost() const {
    return static_cast<double>(run_.max_updates - updates_) * run_.update_cost;
  }

 private:
  const ExperimentRun& run_;
  PoolProgress* const progress_;
  int64_t updates_ = 0;
};

class Pool {
 public:
  Pool(const RunPoolOptions& options, const std::vector<ExperimentRun>& runs,
       const Clock& clock)
      : options_(options), runs_(runs), clock_(clock), results_(runs.size()) {
    double cost = 0;
    for (size_t i = 0; i < runs.size(); ++i) {
      results_[i] = options.store->Find(runs[i].key);
      if (results_[i].has_value()) continue;
      todo_.push_back(i);
      cost += static_cast<double>(runs[i].max_updates) * runs[i].update_cost;
    }
    progress_.emplace(options_, cost, clock_);
  }

  absl::StatusOr<std::vector<Json>> Run() {
    const size_t workers =
        std::min(todo_.size(), static_cast<size_t>(options_.threads));
    std::vector<std::thread> threads;
    for (size_t i = 0; i < workers; ++i) {
      threads.emplace_back([this] { Work(); });
    }
    for (std::thread& thread : threads) thread.join();
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(first_error_);
    std::vector<Json> results;
    for (std::optional<Json>& result : results_) {
      results.push_back(*std::move(result));
    }
    return results;
  }

 private:
  void Work() {
    omp_set_num_threads(1);
    while (true) {
      size_t index = 0;
      {
        MutexLock lock(&mutex_);
        if (!first_error_.ok() || next_ == todo_.size()) return;
        index = todo_[next_++];
      }
      absl::StatusOr<Json> result = RunOne(runs_[index]);
      MutexLock lock(&mutex_);
      if (!result.ok()) {
        first_error_.Update(result.status());
      } else {
        results_[index] = *std::move(result);
      }
    }
  }

  absl::StatusOr<Json> RunOne(const ExperimentRun& run) {
    const absl::Time start = clock_.Now();
    PoolMonitor monitor(run, &*progress_);
    ASSIGN_OR_RETURN(Json result, run.run(&monitor));
    const double seconds = absl::ToDoubleSeconds(clock_.Now() - start);
    result["seconds"] = seconds;
    RETURN_IF_ERROR(options_.store->Add(run.key, result));
    progress_->End(monitor.unused_cost(),
                   absl::StrFormat("%s: done in %.1f s", run.key, seconds));
    return result;
  }

  const RunPoolOptions& options_;
  const std::vector<ExperimentRun>& runs_;
  const Clock& clock_;
  std::vector<size_t> todo_;
  std::optional<PoolProgress> progress_;

  Mutex mutex_;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);

  std::vector<std::optional<Json>> results_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::vector<Json>> RunAll(const RunPoolOptions& options,
                                         const std::vector<ExperimentRun>& runs,
                                         const Clock& clock) {
  return Pool(options, runs, clock).Run();
}

}  // namespace carousel
