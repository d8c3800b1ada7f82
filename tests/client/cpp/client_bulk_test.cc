// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/client_fixture.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// Gives "0", "1" ... and then nothing.
std::function<std::optional<std::string>()> Numbers(int count) {
  return [count, next = 0]() mutable -> std::optional<std::string> {
    if (next == count) return std::nullopt;
    return std::to_string(next++);
  };
}

// A load balancer, or a server that drains, ends streams of any length.
TEST(ClientBulkTest, TextsOfABrokenStreamGoOnInAnother) {
  std::atomic<int> calls = 0;
  FakeServer server({.score = [&](const v1::ScoreRequest& request,
                                  v1::ScoreResponse& response) {
    if (++calls % 5 == 0) return absl::UnavailableError("draining");
    response.set_label(request.text());
    return absl::OkStatus();
  }});
  std::map<int64_t, int> answers;
  EXPECT_THAT(
      ConnectTo(server.address())
          ->ScoreAll(
              Numbers(20),
              [&](int64_t place, absl::StatusOr<v1::ScoreResponse> response) {
                EXPECT_THAT(response, IsOk());
                EXPECT_EQ(response->label(), std::to_string(place));
                ++answers[place];
                return true;
              },
              {}),
      IsOk());
  EXPECT_EQ(answers.size(), 20u);
  for (const auto& [place, times] : answers) EXPECT_EQ(times, 1) << place;
  EXPECT_GT(server.streams(), 3);
}

// One after the other would never end.
TEST(ClientBulkTest, StreamsThatBringNothingAreGivenUp) {
  FakeServer server({.score = [](const auto&, auto&) {
    return absl::UnavailableError("draining");
  }});
  int answers = 0;
  EXPECT_THAT(
      ConnectTo(server.address())
          ->ScoreAll(Numbers(3),
                     [&](int64_t, const auto&) { return ++answers > 0; }, {}),
      StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(answers, 0);
}

TEST(ClientBulkTest, TextThatIsNotUtf8IsAnsweredAloneAmongMany) {
  FakeServer server({.score = [](const auto&, v1::ScoreResponse& response) {
    response.set_label("positive");
    return absl::OkStatus();
  }});
  std::vector<std::string> texts = {"c", "caf\xe9", "a"};
  std::map<int64_t, absl::Status> answers;
  EXPECT_THAT(ConnectTo(server.address())
                  ->ScoreAll(
                      [&]() -> std::optional<std::string> {
                        if (texts.empty()) return std::nullopt;
                        std::string text = texts.back();
                        texts.pop_back();
                        return text;
                      },
                      [&](int64_t place, const auto& response) {
                        answers[place] = response.status();
                        return true;
                      },
                      {}),
              IsOk());
  EXPECT_THAT(answers[0], IsOk());
  EXPECT_THAT(answers[1], StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("at byte 3")));
  EXPECT_THAT(answers[2], IsOk());
}

TEST(ClientBulkTest, AllTextsAreTranslatedByTheirPlaces) {
  FakeServer server({.translate = Echo});
  const auto client = ConnectTo(server.address());
  const std::vector<std::string> texts = {"one", "error", "\xff", "four"};
  size_t next = 0;
  std::map<int64_t, std::string> answers;
  EXPECT_THAT(client->TranslateAll(
                  [&]() -> std::optional<std::string> {
                    if (next == texts.size()) return std::nullopt;
                    return texts[next++];
                  },
                  [&](int64_t place,
                      const absl::StatusOr<v1::TranslateResponse>& found) {
                    answers[place] =
                        found.ok() ? found->text()
                                   : std::string(found.status().message());
                    return true;
                  },
                  {}),
              IsOk());
  EXPECT_EQ(answers[0], "one");
  EXPECT_EQ(answers[1], "no text");
  EXPECT_THAT(answers[2], HasSubstr("UTF-8"));
  EXPECT_EQ(answers[3], "four");
}

// A program acts on the field that is wrong, not on the words of a message:
// those of a call and those of a text in a stream.
TEST(ClientBulkTest, DetailsArePayloads) {
  constexpr char kType[] = "type.googleapis.com/google.rpc.BadRequest";
  FakeServer server({.score = [&](const v1::ScoreRequest&, v1::ScoreResponse&) {
    absl::Status status = absl::InvalidArgumentError("text is too long");
    status.SetPayload(kType, absl::Cord("what is wrong"));
    return status;
  }});
  const auto client = ConnectTo(server.address());
  std::vector<absl::Status> found = {client->Score("a").status()};
  int asked = 0;
  EXPECT_THAT(
      client->ScoreAll(
          [&]() -> std::optional<std::string> {
            if (asked++ > 0) return std::nullopt;
            return "a";
          },
          [&](int64_t, const absl::StatusOr<v1::ScoreResponse>& answer) {
            found.push_back(answer.status());
            return true;
          },
          {}),
      IsOk());
  ASSERT_EQ(found.size(), 2u);
  for (const absl::Status& status : found) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("too long")));
    EXPECT_EQ(status.GetPayload(kType), absl::Cord("what is wrong"));
  }
}

// What is left costs the server nothing, and nobody is told of it.
TEST(ClientBulkTest, TheListenerMayEndTheCall) {
  std::atomic<int> asked = 0;
  FakeServer server({.score = [&](const auto&, auto&) {
    ++asked;
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  int answers = 0;
  EXPECT_THAT(
      client->ScoreAll(Numbers(100'000),
                       [&](int64_t, const auto&) { return ++answers < 5; }, {}),
      StatusIs(absl::StatusCode::kCancelled,
               HasSubstr("the caller has ended the call")));
  EXPECT_EQ(answers, 5);
  EXPECT_LT(asked, 2'000);
  EXPECT_EQ(server.streams(), 1);
}

// Also of a text that is not sent, and while the server owes an answer.
TEST(ClientBulkTest, TheListenerMayEndTheCallForATextThatIsRefused) {
  absl::Notification release;
  FakeServer server({.translate = [&](const auto&, auto&) {
    release.WaitForNotification();
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  int given = 0;
  EXPECT_THAT(client->TranslateAll(
                  [&]() -> std::optional<std::string> {
                    return ++given == 3 ? "\xff" : "a cat";
                  },
                  [&](int64_t place, const auto&) {
                    EXPECT_EQ(place, 2);
                    return false;
                  },
                  {.timeout = absl::InfiniteDuration()}),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(given, 3);
  release.Notify();
}

// Whoever keeps answers in their order must not keep all of a file.
TEST(ClientBulkTest, FewTextsAreGivenBehindOneThatIsNotAnswered) {
  const struct {
    size_t bytes;  // of a text
    int64_t given;
  } cases[] = {{1, 1024}, {65536, 64}};
  FakeServer server({.score = [](const v1::ScoreRequest& request, auto&) {
    return request.text()[0] == 'f' ? absl::CancelledError("left out")
                                    : absl::OkStatus();
  }});
  for (const auto& [bytes, most] : cases) {
    std::atomic<int64_t> given = 0;
    int64_t answers = 0;
    EXPECT_THAT(ConnectTo(server.address())
                    ->ScoreAll(
                        [&, bytes = bytes]() -> std::optional<std::string> {
                          return std::string(bytes, given++ == 0 ? 'f' : 'a');
                        },
                        [&, most = most](int64_t, const auto&) {
                          return ++answers < most - 1;
                        },
                        {.timeout = absl::Minutes(1)}),
                StatusIs(absl::StatusCode::kCancelled));
    EXPECT_EQ(given, most);
  }
}

}  // namespace
}  // namespace carousel
