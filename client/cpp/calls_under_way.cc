// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/calls_under_way.h"

#include "absl/time/clock.h"

namespace carousel {

CallsUnderWay::Context::Hold::Hold(CallsUnderWay& calls) : calls_(calls) {
  MutexLock lock(&calls_.mutex_);
  ++calls_.count_;
}

CallsUnderWay::Context::Hold::~Hold() {
  MutexLock lock(&calls_.mutex_);
  if (--calls_.count_ == 0) calls_.ended_.NotifyAll();
}

CallsUnderWay::Context::Context(CallsUnderWay& calls, absl::Duration timeout)
    : hold_(calls), calls_(calls) {
  // Never overflows: an endless timeout is an endless deadline.
  context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  MutexLock lock(&calls_.mutex_);
  id_ = ++calls_.last_id_;
  calls_.contexts_[id_] = &context_;
  if (calls_.shut_down_) context_.TryCancel();
}

CallsUnderWay::Context::~Context() {
  MutexLock lock(&calls_.mutex_);
  calls_.contexts_.erase(id_);
}

void CallsUnderWay::Cancel(Client::CallId call) {
  MutexLock lock(&mutex_);
  const auto found = contexts_.find(call);
  if (found != contexts_.end()) found->second->TryCancel();
}

void CallsUnderWay::Shutdown() {
  MutexLock lock(&mutex_);
  shut_down_ = true;
  for (const auto& [id, context] : contexts_) context->TryCancel();
}

bool CallsUnderWay::is_shut_down() const {
  MutexLock lock(&mutex_);
  return shut_down_;
}

void CallsUnderWay::Wait() {
  MutexLock lock(&mutex_);
  while (count_ > 0) ended_.Wait(&mutex_);
}

}  // namespace carousel
