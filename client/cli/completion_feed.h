// SPDX-License-Identifier: Apache-2.0
//
// Keeps typing and the network apart: texts go in without waiting, answers come
// out when they are there.

#ifndef CAROUSEL_CLIENT_CLI_COMPLETION_FEED_H_
#define CAROUSEL_CLIENT_CLI_COMPLETION_FEED_H_

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.pb.h"
#include "model/base/mutex.h"

namespace carousel {

// Asks for completions on a thread of its own, one call at a time. The latest
// text wins: while a call is under way only the newest text waits, so a slow
// server is asked less often, not later and later.
//
// Thread-safe.
class CompletionFeed {
 public:
  // Blocks; called on the feed's thread only.
  using Ask = std::function<absl::StatusOr<v1::CompleteResponse>(
      const std::string& text)>;

  struct Answer {
    std::string text;
    absl::StatusOr<v1::CompleteResponse> response;
    absl::Duration latency;
  };

  // `notify` is called on the feed's thread when there is an answer to take.
  CompletionFeed(Ask ask, std::function<void()> notify);

  // Waits for the call under way.
  ~CompletionFeed();
  CompletionFeed(const CompletionFeed&) = delete;
  CompletionFeed& operator=(const CompletionFeed&) = delete;

  // Asks for `text` next, in place of any text that still waits.
  void Request(std::string text);

  // The newest answer that was not taken yet.
  std::optional<Answer> Take();

 private:
  void Run();

  // Blocks until there is a text to ask for; nothing: the feed ends.
  std::optional<std::string> NextText();

  // Constant after construction.
  const Ask ask_;
  const std::function<void()> notify_;

  // Guarded by mutex_.
  Mutex mutex_;
  CondVar due_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::string> waiting_ ABSL_GUARDED_BY(mutex_);
  std::optional<Answer> answer_ ABSL_GUARDED_BY(mutex_);

  // Last, so that it starts when the rest is there.
  std::thread thread_;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_COMPLETION_FEED_H_
