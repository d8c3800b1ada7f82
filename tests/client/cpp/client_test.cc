// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/client_fixture.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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

// A label stands in place of a version, in every call that names a model.
TEST(ClientTest, LabelsReachTheServer) {
  std::vector<v1::ModelSpec> specs;
  FakeServer server({.complete =
                         [&](const v1::CompleteRequest& request, auto&) {
                           specs.push_back(request.model());
                           return absl::OkStatus();
                         },
                     .score =
                         [&](const v1::ScoreRequest& request, auto&) {
                           specs.push_back(request.model());
                           return absl::OkStatus();
                         }});
  const auto client = ConnectTo(server.address());
  ASSERT_THAT(client->Complete("", {.model = "m", .label = "canary"}), IsOk());
  ASSERT_THAT(client->Score("", {.model = "m", .label = "canary"}), IsOk());
  ASSERT_EQ(specs.size(), 2u);
  for (const v1::ModelSpec& spec : specs) {
    EXPECT_EQ(spec.label(), "canary");
    EXPECT_FALSE(spec.has_version());
  }
}

TEST(ClientTest, ModelServiceIsAskedAndAnswers) {
  v1::ModelSpec asked;
  FakeServer server({.get_model =
                         [&](const v1::GetModelRequest& request,
                             v1::GetModelResponse& response) {
                           asked = request.model();
                           response.mutable_model()->set_name("en");
                           return absl::OkStatus();
                         },
                     .reload_models =
                         [](v1::ReloadModelsResponse& response) {
                           response.add_added()->set_version(2);
                           return absl::OkStatus();
                         },
                     .explain =
                         [&](const v1::ExplainRequest& request,
                             v1::ExplainResponse& response) {
                           asked = request.model();
                           response.add_tokens()->set_text(request.text());
                           return absl::OkStatus();
                         }});
  const auto client = ConnectTo(server.address());
  v1::ModelSpec spec;
  spec.set_name("en");
  spec.set_label("stable");
  EXPECT_EQ(client->GetModel(spec)->model().name(), "en");
  EXPECT_EQ(asked.label(), "stable");
  EXPECT_EQ(client->ReloadModels()->added(0).version(), 2);
  spec.set_label("canary");
  EXPECT_EQ(client->Explain("the", spec)->tokens(0).text(), "the");
  EXPECT_EQ(asked.label(), "canary");
  EXPECT_THAT(client->Explain("\xff", spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("not valid UTF-8")));
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

TEST(ClientTest, AServerThatHasAnsweredWentAway) {
  auto server = std::make_unique<FakeServer>(FakeServer::Handlers{
      .list_models = [](auto&) { return absl::OkStatus(); }});
  const std::string address = server->address();
  const auto client = ConnectTo(address);
  ASSERT_THAT(client->ListModels(), IsOk());
  server.reset();

  EXPECT_THAT(
      client->ListModels(),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("the server at " + address + " went away"),
                     Not(HasSubstr("make serve")))));
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

// A server under load says when there will be room; sooner is in vain.
TEST(ClientTest, ACallIsTriedAgainWhenTheServerSays) {
  std::vector<absl::Time> calls;
  FakeServer server({.complete =
                         [&](const auto&, auto&) {
                           calls.push_back(absl::Now());
                           return calls.size() == 1
                                      ? absl::UnavailableError("draining")
                                      : absl::OkStatus();
                         },
                     .retry_pushback_ms = 700});

  EXPECT_THAT(ConnectTo(server.address())->Complete(""), IsOk());

  ASSERT_EQ(calls.size(), 2u);
  // By itself the client would wait for 60 ms at most.
  EXPECT_GE(calls[1] - calls[0], absl::Milliseconds(690));
}

TEST(ClientTest, ACallIsNotTriedAgainWhereTheServerForbidsIt) {
  int calls = 0;
  FakeServer server({.complete =
                         [&](const auto&, auto&) {
                           ++calls;
                           return absl::UnavailableError("draining");
                         },
                     .retry_pushback_ms = -1});

  EXPECT_THAT(ConnectTo(server.address())->Complete(""),
              StatusIs(absl::StatusCode::kUnavailable, "draining"));
  EXPECT_EQ(calls, 1);
}

// Two servers behind one name, as replicas are.
class TwoServersTest : public testing::Test {
 protected:
  static FakeServer::Handlers Counting(std::atomic<int>& calls) {
    return {.complete = [&](const auto&, auto&) {
      ++calls;
      return absl::OkStatus();
    }};
  }

  static std::unique_ptr<Client> ConnectToBoth(const FakeServer& a,
                                               const FakeServer& b) {
    return ConnectTo(absl::StrCat("ipv4:", a.address(), ",", b.address()));
  }
};

TEST_F(TwoServersTest, CallsGoToBothInTurns) {
  std::atomic<int> calls_a = 0, calls_b = 0;
  FakeServer a(Counting(calls_a)), b(Counting(calls_b));
  const auto client = ConnectToBoth(a, b);
  // One of them is connected first and has all calls until the other is, too.
  while (calls_a == 0 || calls_b == 0) {
    ASSERT_THAT(client->Complete(""), IsOk());
  }
  calls_a = calls_b = 0;

  for (int i = 0; i < 10; ++i) ASSERT_THAT(client->Complete(""), IsOk());

  EXPECT_EQ(calls_a, 5);
  EXPECT_EQ(calls_b, 5);
}

// A rolling restart: what one refuses, the other does.
TEST_F(TwoServersTest, WhatADrainingServerRefusesGoesToTheOther) {
  std::atomic<int> calls_a = 0, calls_b = 0;
  FakeServer a({.complete = [&](const auto&, auto&) {
    ++calls_a;
    return absl::UnavailableError("draining");
  }});
  FakeServer b(Counting(calls_b));
  const auto client = ConnectToBoth(a, b);
  // While one alone is connected, all three tries are its own.
  while (calls_a == 0 || calls_b == 0) (void)client->Complete("");
  calls_a = calls_b = 0;

  for (int i = 0; i < 10; ++i) EXPECT_THAT(client->Complete(""), IsOk());

  EXPECT_EQ(calls_b, 10);
  EXPECT_GE(calls_a, 5);
}

// A server that is gone costs nobody an error.
TEST_F(TwoServersTest, CallsGoToTheOneThatIsLeft) {
  std::atomic<int> calls_a = 0, calls_b = 0;
  auto a = std::make_unique<FakeServer>(Counting(calls_a));
  FakeServer b(Counting(calls_b));
  const auto client = ConnectToBoth(*a, b);
  while (calls_a == 0 || calls_b == 0) {
    ASSERT_THAT(client->Complete(""), IsOk());
  }
  a.reset();
  calls_b = 0;

  for (int i = 0; i < 10; ++i) EXPECT_THAT(client->Complete(""), IsOk());

  EXPECT_EQ(calls_b, 10);
}

}  // namespace
}  // namespace carousel
