// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <latch>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
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

// What an asynchronous call is told, to be waited for.
template <typename Response>
class Told {
 public:
  Client::Done<Response> done() {
    return [this](absl::StatusOr<Response> response) {
      thread_ = std::this_thread::get_id();
      promise_.set_value(std::move(response));  // throws if told twice
    };
  }

  absl::StatusOr<Response> Wait() { return promise_.get_future().get(); }

  // After Wait.
  std::thread::id thread() const { return thread_; }

 private:
  std::promise<absl::StatusOr<Response>> promise_;
  std::thread::id thread_;
};

TEST(ClientAsyncTest, EachRpcTellsItsAnswer) {
  FakeServer server(
      {.complete =
           [](const v1::CompleteRequest& request, auto& response) {
             *response.add_suggestions() =
                 MakeSuggestion(request.text(), "", 0.5);
             return absl::OkStatus();
           },
       .score =
           [](const v1::ScoreRequest& request, auto& response) {
             response.set_label(request.text());
             return absl::OkStatus();
           },
       .forecast =
           [](const v1::ForecastRequest& request, auto& response) {
             response.add_series()->set_name(request.history(0).name());
             return absl::OkStatus();
           },
       .list_models =
           [](auto& response) {
             response.add_models()->set_name("en");
             return absl::OkStatus();
           },
       .get_model =
           [](const v1::GetModelRequest& request, auto& response) {
             response.mutable_model()->set_name(request.model().name());
             return absl::OkStatus();
           },
       .reload_models =
           [](auto& response) {
             response.add_added()->set_name("fr");
             return absl::OkStatus();
           },
       .explain =
           [](const v1::ExplainRequest& request, auto& response) {
             response.set_partial(request.text());
             return absl::OkStatus();
           }});
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> completed;
  Told<v1::ScoreResponse> scored;
  Told<v1::ForecastResponse> forecast;
  Told<v1::ListModelsResponse> listed;
  Told<v1::GetModelResponse> got;
  Told<v1::ReloadModelsResponse> reloaded;
  Told<v1::ExplainResponse> explained;
  v1::ModelSpec en;
  en.set_name("en");

  client->CompleteAsync("I", {}, completed.done());
  client->ScoreAsync("a film", {}, scored.done());
  client->ForecastAsync({.series = {{.name = "load"}}}, {}, forecast.done());
  client->ListModelsAsync(kDefaultTimeout, listed.done());
  client->GetModelAsync(en, kDefaultTimeout, got.done());
  client->ReloadModelsAsync(kReloadTimeout, reloaded.done());
  client->ExplainAsync("tex", en, kDefaultTimeout, explained.done());

  const auto completion = completed.Wait();
  ASSERT_THAT(completion, IsOk());
  EXPECT_EQ(completion->suggestions(0).word(), "I");
  const auto score = scored.Wait();
  ASSERT_THAT(score, IsOk());
  EXPECT_EQ(score->label(), "a film");
  const auto series = forecast.Wait();
  ASSERT_THAT(series, IsOk());
  EXPECT_EQ(series->series(0).name(), "load");
  const auto models = listed.Wait();
  ASSERT_THAT(models, IsOk());
  EXPECT_EQ(models->models(0).name(), "en");
  const auto model = got.Wait();
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->model().name(), "en");
  const auto reload = reloaded.Wait();
  ASSERT_THAT(reload, IsOk());
  EXPECT_EQ(reload->added(0).name(), "fr");
  const auto explanation = explained.Wait();
  ASSERT_THAT(explanation, IsOk());
  EXPECT_EQ(explanation->partial(), "tex");
}

// Otherwise they would be no better than blocking ones.
TEST(ClientAsyncTest, CallsRunSideBySide) {
  constexpr int kCalls = 8;
  std::latch all_here(kCalls);
  FakeServer server({.complete = [&](const auto&, auto&) {
    all_here.arrive_and_wait();
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  std::vector<Told<v1::CompleteResponse>> told(kCalls);

  for (auto& one : told) client->CompleteAsync("", {}, one.done());

  for (auto& one : told) EXPECT_THAT(one.Wait(), IsOk());
}

TEST(ClientAsyncTest, TheServersErrorsArriveAsTheyAre) {
  FakeServer server({.complete = [](const auto&, auto&) {
    return absl::NotFoundError("no model \"x\"");
  }});
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> told;

  client->CompleteAsync("", {.model = "x"}, told.done());

  EXPECT_THAT(told.Wait(),
              StatusIs(absl::StatusCode::kNotFound, "no model \"x\""));
}

// Also of a call that is not even sent: a caller that holds a lock would
// otherwise meet itself.
TEST(ClientAsyncTest, NothingIsToldFromWithinTheCall) {
  const auto client = ConnectTo("127.0.0.1:1");
  Told<v1::CompleteResponse> told;

  client->CompleteAsync("ab\xff", {}, told.done());

  EXPECT_THAT(told.Wait(), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("not valid UTF-8 at byte 2")));
  EXPECT_NE(told.thread(), std::this_thread::get_id());
}

TEST(ClientAsyncTest, ACallThatADrainingServerRefusesIsTriedAgain) {
  std::atomic<int> calls = 0;
  FakeServer server({.score = [&](const auto&, auto&) {
    return ++calls == 1 ? absl::UnavailableError("draining") : absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  Told<v1::ScoreResponse> told;

  client->ScoreAsync("", {}, told.done());

  EXPECT_THAT(told.Wait(), IsOk());
  EXPECT_EQ(calls, 2);
}

// A server whose first call, or first few, is answered only when told so.
class HangingServer {
 public:
  ~HangingServer() { release_.Notify(); }

  const std::string& address() const { return server_.address(); }
  void WaitForCall() { called_.WaitForNotification(); }

 private:
  absl::Notification called_;
  absl::Notification release_;
  std::atomic<bool> first_ = true;
  FakeServer server_{
      {.complete = [this](const v1::CompleteRequest& request, auto&) {
        if (request.text() != "hang") return absl::OkStatus();
        if (first_.exchange(false)) called_.Notify();
        release_.WaitForNotification();
        return absl::OkStatus();
      }}};
};

TEST(ClientAsyncTest, TheTimeoutEndsACallThatIsNotAnswered) {
  HangingServer server;
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> told;

  client->CompleteAsync("hang", {.timeout = absl::Milliseconds(50)},
                        told.done());

  EXPECT_THAT(told.Wait(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                    HasSubstr("within 50ms")));
}

TEST(ClientAsyncTest, CancelEndsOneCallAndNoOther) {
  HangingServer server;
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> cancelled, other;
  const Client::CallId call = client->CompleteAsync(
      "hang", {.timeout = absl::InfiniteDuration()}, cancelled.done());
  server.WaitForCall();

  client->Cancel(call);

  EXPECT_THAT(cancelled.Wait(), StatusIs(absl::StatusCode::kCancelled));
  client->CompleteAsync("", {}, other.done());
  EXPECT_THAT(other.Wait(), IsOk());
}

// Whoever cancels cannot know whether the answer has just come.
TEST(ClientAsyncTest, CancelOfACallThatHasEndedDoesNothing) {
  HangingServer server;
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> told, next;
  const Client::CallId call = client->CompleteAsync("", {}, told.done());
  EXPECT_THAT(told.Wait(), IsOk());

  client->Cancel(call);
  client->Cancel(call + 1);

  client->CompleteAsync("", {}, next.done());
  EXPECT_THAT(next.Wait(), IsOk());
}

TEST(ClientAsyncTest, ShutdownEndsCallsUnderWayAndLaterOnes) {
  HangingServer server;
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> open, later;
  client->CompleteAsync("hang", {}, open.done());
  server.WaitForCall();

  client->Shutdown();

  EXPECT_THAT(open.Wait(), StatusIs(absl::StatusCode::kCancelled,
                                    "the client is shut down"));
  client->CompleteAsync("", {}, later.done());
  EXPECT_THAT(later.Wait(), StatusIs(absl::StatusCode::kCancelled,
                                     "the client is shut down"));
}

// What `done` refers to usually dies next.
TEST(ClientAsyncTest, TheDestructorWaitsUntilAllIsToldAndGone) {
  HangingServer server;
  auto client = ConnectTo(server.address());
  std::atomic<int> told = 0;
  auto held = std::make_shared<int>();
  for (int i = 0; i < 50; ++i) {
    client->CompleteAsync(i % 2 == 0 ? "" : "hang",
                          {.timeout = absl::InfiniteDuration()},
                          [&told, held](const auto&) { ++told; });
  }

  client.reset();

  EXPECT_EQ(told, 50);
  EXPECT_EQ(held.use_count(), 1);
}

// So a program asks for one thing after the other without a thread of its own.
TEST(ClientAsyncTest, DoneMayMakeTheNextCall) {
  HangingServer server;
  const auto client = ConnectTo(server.address());
  Told<v1::CompleteResponse> last;

  client->CompleteAsync("", {}, [&](const auto& response) {
    EXPECT_THAT(response, IsOk());
    client->CompleteAsync("", {}, last.done());
  });

  EXPECT_THAT(last.Wait(), IsOk());
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

// Values, names and times as they are; an unset field has a meaning.
TEST(ClientTest, ForecastSendsTheHistoryAndReturnsTheAnswer) {
  v1::ForecastRequest last;
  FakeServer server({.forecast = [&](const v1::ForecastRequest& request,
                                     v1::ForecastResponse& response) {
    last = request;
    response.add_series()->add_values(4.5);
    return absl::OkStatus();
  }});
  const auto client = ConnectTo(server.address());
  SeriesHistory history = {.series = {{"load", {1, 2.5}}, {"heat", {3, 4}}},
                           .times = {}};
  const auto response = client->Forecast(history);
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->series(0).values(0), 4.5);
  ASSERT_EQ(last.history_size(), 2);
  EXPECT_EQ(last.history(0).name(), "load");
  EXPECT_EQ(last.history(0).values(1), 2.5);
  EXPECT_FALSE(last.has_model());
  EXPECT_FALSE(last.has_horizon());
  EXPECT_EQ(last.quantiles_size(), 0);
  EXPECT_EQ(last.timestamps_size(), 0);

  // Also before 1970, where seconds are negative and nanos are not.
  history.times = {absl::FromUnixMillis(-1500), absl::FromUnixSeconds(7)};
  ASSERT_THAT(
      client->Forecast(
          history,
          {.model = "m", .version = 2, .horizon = 3, .quantiles = {0.1, 0.9}}),
      IsOk());
  EXPECT_EQ(last.model().version(), 2);
  EXPECT_EQ(last.horizon(), 3);
  EXPECT_EQ(last.quantiles(1), 0.9);
  EXPECT_EQ(last.timestamps(0).seconds(), -2);
  EXPECT_EQ(last.timestamps(0).nanos(), 500000000);
  EXPECT_EQ(last.timestamps(1).seconds(), 7);
}

// gRPC would answer them without a word why.
TEST(ClientTest, ForecastRefusesWhatNoMessageCanHold) {
  FakeServer server({});
  const auto client = ConnectTo(server.address());
  EXPECT_THAT(client->Forecast({.series = {{"l\xE9", {1}}}, .times = {}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("name of a series: not valid UTF-8")));
  for (const absl::Time time : {absl::InfiniteFuture(), absl::InfinitePast(),
                                absl::FromUnixSeconds(253402300800)}) {
    EXPECT_THAT(client->Forecast({.series = {{"a", {1}}}, .times = {time}}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected the years 1 to 9999")));
  }
}

// The translation of a text is the text; "error" is refused.
absl::Status Echo(const v1::TranslateRequest& request,
                  v1::TranslateResponse& response) {
  if (request.text() == "error") return absl::InvalidArgumentError("no text");
  response.set_text(request.text());
  return absl::OkStatus();
}

// All that is told is the text, and the whole comes back.
TEST(ClientTranslateTest, TranslationIsToldAsItIsWritten) {
  FakeServer server({.translate = Echo});
  const auto client = ConnectTo(server.address());
  std::vector<std::string> told;
  const auto response =
      client->TranslateAloud("a cat", [&](absl::string_view more) {
        told.emplace_back(more);
        return true;
      });
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->text(), "a cat");
  EXPECT_EQ(told, (std::vector<std::string>{"a ", "cat"}));
  EXPECT_THAT(client->Translate("a cat")->text(), "a cat");
}

TEST(ClientTranslateTest, ListenerMayEndTheCall) {
  FakeServer server({.translate = Echo});
  const auto client = ConnectTo(server.address());
  int calls = 0;
  EXPECT_THAT(client->TranslateAloud("a cat",
                                     [&](absl::string_view) {
                                       ++calls;
                                       return false;
                                     }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(calls, 1);
}

TEST(ClientTranslateTest, AllTextsAreTranslatedByTheirPlaces) {
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
                  },
                  {}),
              IsOk());
  EXPECT_EQ(answers[0], "one");
  EXPECT_EQ(answers[1], "no text");
  EXPECT_THAT(answers[2], HasSubstr("UTF-8"));
  EXPECT_EQ(answers[3], "four");
}

TEST(ClientTranslateTest, TranslationsAndForecastsHaveAsynchronousForms) {
  FakeServer server(
      {.translate = Echo,
       .forecast = [](const v1::ForecastRequest&, v1::ForecastResponse&) {
         return absl::InvalidArgumentError("no history");
       }});
  const auto client = ConnectTo(server.address());
  std::promise<absl::StatusOr<v1::TranslateResponse>> translated;
  client->TranslateAsync("a cat", {},
                         [&](absl::StatusOr<v1::TranslateResponse> response) {
                           translated.set_value(std::move(response));
                         });
  EXPECT_EQ(translated.get_future().get()->text(), "a cat");
  std::promise<absl::Status> forecast;
  client->ForecastAsync({}, {},
                        [&](absl::StatusOr<v1::ForecastResponse> response) {
                          forecast.set_value(response.status());
                        });
  EXPECT_THAT(forecast.get_future().get(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// A program acts on the field that is wrong, not on the words of a message:
// those of a call and those of a text in a stream.
TEST(ClientErrorTest, DetailsArePayloads) {
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

}  // namespace
}  // namespace carousel
