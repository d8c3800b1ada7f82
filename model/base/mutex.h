// SPDX-License-Identifier: Apache-2.0
//
// A mutex and a condition variable of the standard library under the names and
// with the annotations of Abseil's: clang's -Wthread-safety checks who holds
// what, and ThreadSanitizer sees locking and waking. (Distributions ship Abseil
// without ThreadSanitizer's annotations; to it, absl::Mutex orders nothing.)

#ifndef CAROUSEL_MODEL_BASE_MUTEX_H_
#define CAROUSEL_MODEL_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace carousel {

// Not to be locked by the thread that holds it.
class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex)
      : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

// Waits may end early, so wait in a loop that looks at the condition. Notify
// while holding the mutex if whoever waits may destroy both.
//
//   MutexLock lock(&mutex_);
//   while (jobs_.empty()) changed_.Wait(&mutex_);
class CondVar {
 public:
  void Wait(Mutex* mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    changed_.wait(lock);
    lock.release();
  }

  // False once `deadline` has passed.
  bool WaitUntil(Mutex* mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (absl::Now() >= deadline) return false;
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    changed_.wait_until(lock, absl::ToChronoTime(deadline));
    lock.release();
    return true;
  }

  void NotifyOne() { changed_.notify_one(); }
  void NotifyAll() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_MUTEX_H_
