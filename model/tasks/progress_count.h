// SPDX-License-Identifier: Apache-2.0
//
// How much several threads have done together, told to whoever waits for them.

#ifndef CAROUSEL_MODEL_TASKS_PROGRESS_COUNT_H_
#define CAROUSEL_MODEL_TASKS_PROGRESS_COUNT_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "model/base/mutex.h"

namespace carousel {

// Thread-safe. `tell` is called from any of the threads that add, one call at a
// time and without a lock, with counts that rise; once all have added, it was
// told the last. While one thread tells, the others go on.
class ProgressCount {
 public:
  // `tell` may be empty.
  explicit ProgressCount(std::function<void(int64_t done)> tell)
      : tell_(std::move(tell)) {}

  void Add(int64_t more) {
    if (!tell_) return;
    {
      MutexLock lock(&mutex_);
      done_ += more;
      if (is_telling_) return;
      is_telling_ = true;
    }
    while (const int64_t done = TakeUntold()) tell_(done);
  }

 private:
  // 0 if all is told; then the next that adds tells.
  int64_t TakeUntold() {
    MutexLock lock(&mutex_);
    is_telling_ = told_ < done_;
    if (!is_telling_) return 0;
    return told_ = done_;
  }

  const std::function<void(int64_t)> tell_;

  Mutex mutex_;
  int64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t told_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_telling_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_PROGRESS_COUNT_H_
