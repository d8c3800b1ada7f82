// SPDX-License-Identifier: Apache-2.0

#include "server/app/stop_requests.h"

#include <pthread.h>

namespace carousel {

void StopRequests::Add() {
  absl::MutexLock lock(&mutex_);
  ++count_;
}

int StopRequests::count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

bool StopRequests::WaitFor(int count, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto enough = [this, count]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return count_ >= count;
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&enough), timeout);
}

SignalWatcher::SignalWatcher(StopRequests* requests) {
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this, requests] {
    int signal_number = 0;
    while (sigwait(&signals_, &signal_number) == 0 && !ended_) requests->Add();
  });
}

SignalWatcher::~SignalWatcher() {
  ended_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

}  // namespace carousel
