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
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void CompletionFeed::Request(std::string text) {
  absl::MutexLock lock(&mutex_);
  waiting_ = std::move(text);
}

std::optional<CompletionFeed::Answer> CompletionFeed::Take() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(answer_, std::nullopt);
}

std::optional<std::string> CompletionFeed::NextText() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &CompletionFeed::Due));
  if (stop_) return std::nullopt;
  return std::exchange(waiting_, std::nullopt);
}

void CompletionFeed::Run() {
  while (std::optional<std::string> text = NextText()) {
    const absl::Time start = absl::Now();
    absl::StatusOr<v1::CompleteResponse> response = ask_(*text);
    const absl::Duration latency = absl::Now() - start;
    {
      absl::MutexLock lock(&mutex_);
      answer_ = Answer{*std::move(text), std::move(response), latency};
    }
    notify_();
  }
}

}  // namespace carousel
