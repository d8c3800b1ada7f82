// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_feed.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;

TEST(CompletionFeedTest, AnAnswerCarriesItsText) {
  absl::Notification answered;
  CompletionFeed feed(
      [](const std::string&) { return absl::UnavailableError("gone"); },
      [&] { answered.Notify(); });
  EXPECT_FALSE(feed.Take().has_value());

  feed.Request("a");
  answered.WaitForNotification();

  const auto answer = feed.Take();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->text, "a");
  EXPECT_THAT(answer->response, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(feed.Take().has_value());
}

// Who types faster than the server answers wants the last answer only.
TEST(CompletionFeedTest, OfTheTextsThatWaitOnlyTheLastIsAsked) {
  absl::Notification asked;
  absl::Notification release;
  absl::Notification finished;
  std::vector<std::string> texts;  // only touched by the feed's thread
  CompletionFeed feed(
      [&](const std::string& text) {
        texts.push_back(text);
        if (text == "a") {
          asked.Notify();
          release.WaitForNotification();
        }
        return v1::CompleteResponse();
      },
      [&] {
        if (texts.back() == "abc") finished.Notify();
      });
  feed.Request("a");
  asked.WaitForNotification();
  feed.Request("ab");
  feed.Request("abc");
  release.Notify();
  finished.WaitForNotification();

  EXPECT_THAT(texts, ElementsAre("a", "abc"));
  EXPECT_EQ(feed.Take()->text, "abc");
}

}  // namespace
}  // namespace carousel
