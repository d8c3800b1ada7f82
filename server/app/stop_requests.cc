// SPDX-License-Identifier: Apache-2.0

#include "server/app/stop_requests.h"

#include <pthread.h>

#include <utility>

#include "absl/time/clock.h"

namespace carousel {

void StopRequests::Add() {
  MutexLock lock(&mutex_);
  ++count_;
  added_.NotifyAll();
}

int StopRequests::count() const {
  MutexLock lock(&mutex_);
  return count_;
}

bool StopRequests::WaitFor(int count, absl::Duration timeout) const {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(&mutex_);
  while (count_ < count && added_.WaitUntil(&mutex_, deadline)) {
  }
  return count_ >= count;
}

SignalWatcher::SignalWatcher(StopRequests* requests) {
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this, requests] {
    int signal_number = 0;
    while (sigwait(&signals_, &signal_number) == 0 && !ended_) {
      if (signal_number == SIGHUP) {
        Hangup();
      } else {
        requests->Add();
      }
    }
  });
}

void SignalWatcher::SetOnHangup(std::function<void()> on_hangup) {
  MutexLock lock(&mutex_);
  on_hangup_ = std::move(on_hangup);
  if (on_hangup_ == nullptr || !hung_up_) return;
  hung_up_ = false;
  on_hangup_();
}

void SignalWatcher::Hangup() {
  MutexLock lock(&mutex_);
  hung_up_ = on_hangup_ == nullptr;
  if (on_hangup_ != nullptr) on_hangup_();
}

SignalWatcher::~SignalWatcher() {
  ended_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

}  // namespace carousel
