// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_feed.h"

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

// The server suggests the text itself; "full" is refused, and the first "hang"
// is overtaken by what comes next.
class CompletionFeedTest : public testing::Test {
 protected:
  void Notify() {
    MutexLock lock(&mutex_);
    ++notified_;
    changed_.NotifyAll();
  }

  // The next answer.
  CompletionFeed::Answer Wait(CompletionFeed& feed) {
    while (true) {
      {
        MutexLock lock(&mutex_);
        while (notified_ == 0) changed_.Wait(&mutex_);
        --notified_;
      }
      std::optional<CompletionFeed::Answer> answer = feed.Take();
      if (answer.has_value()) return *std::move(answer);
    }
  }

  absl::Status Answer(const v1::CompleteRequest& request,
                      v1::CompleteResponse& response) {
    if (request.text() == "hang") {
      release_.WaitForNotification();
      return absl::CancelledError("superseded");
    }
    if (request.text() == "full") return absl::ResourceExhaustedError("full");
    *response.add_suggestions() = MakeSuggestion(request.text(), "", 0.5);
    response.mutable_model()->set_name(request.model().name());
    return absl::OkStatus();
  }

  absl::Notification release_;
  FakeServer server_{{.complete = [this](const auto& request, auto& response) {
    return Answer(request, response);
  }}};
  Mutex mutex_;
  CondVar changed_;
  int notified_ = 0;
  const std::unique_ptr<Client> client_ = *Client::Connect(server_.address());
};

TEST_F(CompletionFeedTest, AnAnswerCarriesItsText) {
  CompletionFeed feed(*client_, {.model = "m"}, [this] { Notify(); });
  EXPECT_FALSE(feed.Take().has_value());

  feed.Request("a");

  const auto answer = Wait(feed);
  EXPECT_EQ(answer.text, "a");
  ASSERT_THAT(answer.response, IsOk());
  EXPECT_EQ(answer.response->suggestions(0).word(), "a");
  EXPECT_EQ(answer.response->model().name(), "m");
  EXPECT_GT(answer.latency, absl::ZeroDuration());
  EXPECT_FALSE(feed.Take().has_value());
}

// A person types on.
TEST_F(CompletionFeedTest, AnErrorIsAnAnswerAndTheNextTextIsAsked) {
  CompletionFeed feed(*client_, {}, [this] { Notify(); });
  feed.Request("full");
  EXPECT_THAT(Wait(feed).response,
              StatusIs(absl::StatusCode::kResourceExhausted));
  feed.Request("a");
  EXPECT_EQ(Wait(feed).text, "a");
  EXPECT_EQ(server_.streams(), 1);
}

// Who types faster than the server answers wants the last answer only.
TEST_F(CompletionFeedTest, TheLastTextIsAnsweredUnderItsOwnName) {
  CompletionFeed feed(*client_, {}, [this] { Notify(); });
  for (const char* text : {"hang", "hang", "abc"}) feed.Request(text);
  release_.Notify();
  const auto answer = Wait(feed);
  EXPECT_EQ(answer.text, "abc");
  EXPECT_EQ(answer.response->suggestions(0).word(), "abc");
}

// Leaving must not wait for a server that hangs.
TEST_F(CompletionFeedTest, TheDestructorGivesUpWhatIsAsked) {
  auto feed = std::make_unique<CompletionFeed>(
      *client_, CompleteOptions{.timeout = absl::InfiniteDuration()},
      [this] { Notify(); });
  feed->Request("hang");
  feed.reset();
  release_.Notify();
}

}  // namespace
}  // namespace carousel
