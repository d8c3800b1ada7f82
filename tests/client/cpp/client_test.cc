// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::unique_ptr<Client> ConnectTo(const std::string& address) {
  auto client = Client::Connect(address);
  EXPECT_THAT(client, IsOk());
  return *std::move(client);
}

// What the caller says must reach the server, and nothing more: an unset field
// has a meaning of its own.
TEST(ClientTest, CompleteSendsWhatIsSetAndReturnsTheAnswer) {
  v1::CompleteRequest last;
  FakeServer server({.complete = [&](const v1::CompleteRequest& request,
                                     v1::CompleteResponse& response) {
    last = request;
    *response.add_suggestions() = MakeSuggestion("go", " go", 0.5);
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());

  const auto response = client->Complete("I would like to");

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->suggestions(0).insert(), " go");
  EXPECT_EQ(last.text(), "I would like to");
  EXPECT_FALSE(last.has_model());
  EXPECT_FALSE(last.has_max_suggestions());
  EXPECT_EQ(last.context(), "");

  ASSERT_THAT(client->Complete("", {.model = "m",
                                    .version = 7,
                                    .max_suggestions = 9,
                                    .context = "Dear all,"}),
              IsOk());
  EXPECT_EQ(last.context(), "Dear all,");
  EXPECT_EQ(last.model().name(), "m");
  EXPECT_EQ(last.model().version(), 7);
  EXPECT_EQ(last.max_suggestions(), 9);
}

TEST(ClientTest, ListModelsReturnsTheAnswer) {
  FakeServer server({.list_models = [](v1::ListModelsResponse& response) {
    response.add_models()->set_name("autocomplete-en");
    return absl::OkStatus();
  }});

  const auto response = ConnectTo(server.address())->ListModels();

  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->models(0).name(), "autocomplete-en");
}

// The server knows best what is wrong with a request.
TEST(ClientTest, TheServersErrorsArriveAsTheyAre) {
  FakeServer server({.complete = [](const auto&, auto&) {
    return absl::NotFoundError("no model \"x\"; there are: a, b");
  }});

  EXPECT_THAT(
      ConnectTo(server.address())->Complete("", {.model = "x"}),
      StatusIs(absl::StatusCode::kNotFound, "no model \"x\"; there are: a, b"));
}

// "As long as it takes" must not wrap round to a moment that is long over.
TEST(ClientTest, TheLongestTimeoutsDoNotOverflow) {
  FakeServer server(
      {.complete = [](const auto&, auto&) { return absl::OkStatus(); }});
  const auto client = ConnectTo(server.address());

  for (const absl::Duration timeout :
       {absl::InfiniteDuration(), absl::Hours(24 * 365 * 1'000'000LL),
        absl::Nanoseconds(std::numeric_limits<int64_t>::max())}) {
    EXPECT_THAT(client->Complete("", {.timeout = timeout}), IsOk()) << timeout;
  }
}

// A call must end when the caller said, also if the server hangs.
TEST(ClientTest, TheTimeoutEndsACallThatIsNotAnswered) {
  absl::Notification release;
  FakeServer server({.complete = [&](const auto&, auto&) {
    release.WaitForNotification();
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());

  EXPECT_THAT(client->Complete("", {.timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       AllOf(HasSubstr(server.address()), HasSubstr("50ms"))));
  release.Notify();
}

// The most frequent mistake of all: the message must say what to do.
TEST(ClientTest, NoServerIsUnavailableAndSaysWhatToDo) {
  std::string address;
  { address = FakeServer({}).address(); }

  EXPECT_THAT(ConnectTo(address)->ListModels(),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("no server answers at " + address),
                             HasSubstr("make serve"))));
}

// During a rolling restart nobody should see an error that a second try mends.
TEST(ClientTest, ACallThatADrainingServerRefusesIsTriedAgain) {
  std::atomic<int> calls = 0;
  FakeServer server({.complete = [&](const auto&, auto&) {
    return ++calls == 1 ? absl::UnavailableError("draining") : absl::OkStatus();
  }});

  EXPECT_THAT(ConnectTo(server.address())->Complete(""), IsOk());
  EXPECT_EQ(calls, 2);
}

// Whoever gave up must see the server's words and not that nobody is there.
TEST(ClientTest, AServerThatKeepsDrainingIsQuoted) {
  FakeServer server({.complete = [](const auto&, auto&) {
    return absl::UnavailableError("draining");
  }});

  EXPECT_THAT(ConnectTo(server.address())->Complete(""),
              StatusIs(absl::StatusCode::kUnavailable, "draining"));
}

// Such a request would not parse, and gRPC's own error does not say why.
TEST(ClientTest, TextThatIsNotUtf8IsRefusedWithThePlace) {
  EXPECT_THAT(ConnectTo("127.0.0.1:1")->Complete("ab\xff"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not valid UTF-8 at byte 2")));
  EXPECT_THAT(ConnectTo("127.0.0.1:1")->Complete("", {.context = "a\xff"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("context: not valid UTF-8 at byte 1")));
}

// gRPC would try port 443 of it without a word.
TEST(ClientTest, AnAddressWithoutAPortIsRefused) {
  EXPECT_THAT(Client::Connect("localhost"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected HOST:PORT")));
}

// A program that ends must not wait for a call that may take seconds.
TEST(ClientTest, ShutdownEndsTheCallUnderWayAndLaterOnes) {
  absl::Notification called;
  absl::Notification release;
  FakeServer server({.complete = [&](const auto&, auto&) {
    called.Notify();
    release.WaitForNotification();
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  absl::Status status;
  std::thread caller([&] { status = client->Complete("").status(); });
  called.WaitForNotification();

  client->Shutdown();

  caller.join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(client->Complete(""), StatusIs(absl::StatusCode::kCancelled));
  release.Notify();
}

// Gives "0", "1" ... and then nothing.
std::function<std::optional<std::string>()> Numbers(int count) {
  return [count, next = 0]() mutable -> std::optional<std::string> {
    if (next == count) return std::nullopt;
    return std::to_string(next++);
  };
}

// A load balancer, or a server that drains, ends streams of any length.
TEST(ClientTest, TextsOfABrokenStreamGoOnInAnother) {
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
                ASSERT_THAT(response, IsOk());
                EXPECT_EQ(response->label(), std::to_string(place));
                ++answers[place];
              },
              {}),
      IsOk());
  EXPECT_EQ(answers.size(), 20u);
  for (const auto& [place, times] : answers) EXPECT_EQ(times, 1) << place;
  EXPECT_GT(server.streams(), 3);
}

// One after the other would never end.
TEST(ClientTest, StreamsThatBringNothingAreGivenUp) {
  FakeServer server({.score = [](const auto&, auto&) {
    return absl::UnavailableError("draining");
  }});
  int answers = 0;
  EXPECT_THAT(
      ConnectTo(server.address())
          ->ScoreAll(Numbers(3), [&](int64_t, const auto&) { ++answers; }, {}),
      StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(answers, 0);
}

TEST(ClientTest, TextThatIsNotUtf8IsAnsweredAloneAmongMany) {
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
                      },
                      {}),
              IsOk());
  EXPECT_THAT(answers[0], IsOk());
  EXPECT_THAT(answers[1], StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("at byte 3")));
  EXPECT_THAT(answers[2], IsOk());
}

}  // namespace
}  // namespace carousel
