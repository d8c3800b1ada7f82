// SPDX-License-Identifier: Apache-2.0
//
// Keeps typing and the network apart: texts go in without waiting, answers come
// out when they are there.

#ifndef CAROUSEL_CLIENT_CLI_COMPLETION_FEED_H_
#define CAROUSEL_CLIENT_CLI_COMPLETION_FEED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.pb.h"
#include "client/cpp/client.h"
#include "model/base/mutex.h"

namespace carousel {

// Asks for completions by one stream. The latest text wins: what it overtakes
// is not computed any more.
//
// Thread-safe.
class CompletionFeed {
 public:
  struct Answer {
    std::string text;
    absl::StatusOr<v1::CompleteResponse> response;
    absl::Duration latency;
  };

  // `notify` is called on a thread of the client's when there is an answer to
  // take; it must not block. `client` outlives the feed.
  CompletionFeed(Client& client, CompleteOptions options,
                 std::function<void()> notify);

  // Gives up what is asked, and waits for the last `notify`.
  ~CompletionFeed() = default;
  CompletionFeed(const CompletionFeed&) = delete;
  CompletionFeed& operator=(const CompletionFeed&) = delete;

  // Asks for `text`, in place of any text that is not answered yet. Does not
  // block.
  void Request(std::string text);

  // The newest answer that was not taken yet.
  std::optional<Answer> Take();

 private:
  struct Question {
    std::string text;
    absl::Time asked_at;
  };

  void OnAnswer(int64_t number, absl::StatusOr<v1::CompleteResponse> response);

  // Constant after construction.
  const CompleteOptions options_;
  const std::function<void()> notify_;

  // Guarded by mutex_.
  Mutex mutex_;
  std::map<int64_t, Question> open_
      ABSL_GUARDED_BY(mutex_);  // by their numbers
  std::optional<Answer> answer_ ABSL_GUARDED_BY(mutex_);

  // Last, to go first: it tells the rest.
  const std::unique_ptr<TypingStream> stream_;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_COMPLETION_FEED_H_
