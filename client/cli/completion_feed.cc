// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_feed.h"

#include <utility>

#include "absl/time/clock.h"

namespace carousel {

CompletionFeed::CompletionFeed(Client& client, CompleteOptions options,
                               std::function<void()> notify)
    : options_(std::move(options)),
      notify_(std::move(notify)),
      stream_(client.CompleteStream([this](int64_t number, auto response) {
        OnAnswer(number, std::move(response));
      })) {}

void CompletionFeed::Request(std::string text) {
  const absl::Time asked_at = absl::Now();
  // The answer waits for the lock, and so finds its question.
  MutexLock lock(&mutex_);
  const int64_t number = stream_->Send(text, options_);
  open_[number] = {std::move(text), asked_at};
}

std::optional<CompletionFeed::Answer> CompletionFeed::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(answer_, std::nullopt);
}

void CompletionFeed::OnAnswer(int64_t number,
                              absl::StatusOr<v1::CompleteResponse> response) {
  {
    MutexLock lock(&mutex_);
    auto found = open_.find(number);
    answer_ = Answer{std::move(found->second.text), std::move(response),
                     absl::Now() - found->second.asked_at};
    open_.erase(open_.begin(), ++found);  // with what it superseded
  }
  notify_();
}

}  // namespace carousel
