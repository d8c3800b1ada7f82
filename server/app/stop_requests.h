// SPDX-License-Identifier: Apache-2.0
//
// How the process learns that it shall stop, or look for models anew.

#ifndef CAROUSEL_SERVER_APP_STOP_REQUESTS_H_
#define CAROUSEL_SERVER_APP_STOP_REQUESTS_H_

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "model/base/mutex.h"

namespace carousel {

// Counts the requests to stop: the first starts the drain, a second one ends
// its pause. Thread-safe.
class StopRequests {
 public:
  void Add();
  int count() const;

  // Blocks until there are `count` requests or `timeout` has passed; whether
  // there are.
  bool WaitFor(int count, absl::Duration timeout) const;

 private:
  mutable Mutex mutex_;
  mutable CondVar added_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Turns SIGTERM and SIGINT into requests to stop, and SIGHUP into calls. Make
// it before any other thread: threads inherit that these signals are blocked,
// so that they reach the watcher only. A signal that arrives while models are
// being loaded is seen, too. SIGPIPE is ignored: a reader of our output that is
// gone is no reason to die.
class SignalWatcher {
 public:
  // `requests` must outlive the watcher.
  explicit SignalWatcher(StopRequests* requests);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  // What SIGHUP calls from here on, on the watcher's thread; called at once if
  // one has come before. Must not block. Null: SIGHUP waits. Once this returns
  // no call of an earlier one is under way.
  void SetOnHangup(std::function<void()> on_hangup);

 private:
  void Hangup();

  sigset_t signals_;
  Mutex mutex_;
  std::function<void()> on_hangup_ ABSL_GUARDED_BY(mutex_);
  bool hung_up_ ABSL_GUARDED_BY(mutex_) = false;  // and nobody was called
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_STOP_REQUESTS_H_
