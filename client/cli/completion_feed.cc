// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_feed.h"

#include <utility>

#include "absl/time/clock.h"

namespace carousel {

CompletionFeed::CompletionFeed(Ask ask, std::function<void()> notify)
    : ask_(std::move(ask)),
      notify_(std::move(notify)),
      thread_([this] { Run(); }) {}

CompletionFeed::~CompletionFeed() {
  {
    MutexLock lock(&mutex_);
    stop_ = true;
    due_.NotifyOne();
  }
  thread_.join();
}

void CompletionFeed::Request(std::string text) {
  MutexLock lock(&mutex_);
  waiting_ = std::move(text);
  due_.NotifyOne();
}

std::optional<CompletionFeed::Answer> CompletionFeed::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(answer_, std::nullopt);
}

std::optional<std::string> CompletionFeed::NextText() {
  MutexLock lock(&mutex_);
  while (!stop_ && !waiting_.has_value()) due_.Wait(&mutex_);
  if (stop_) return std::nullopt;
  return std::exchange(waiting_, std::nullopt);
}

void CompletionFeed::Run() {
  while (std::optional<std::string> text = NextText()) {
    const absl::Time start = absl::Now();
    absl::StatusOr<v1::CompleteResponse> response = ask_(*text);
    const absl::Duration latency = absl::Now() - start;
    {
      MutexLock lock(&mutex_);
      answer_ = Answer{*std::move(text), std::move(response), latency};
    }
    notify_();
  }
}

}  // namespace carousel
