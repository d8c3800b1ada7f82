// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/client_fixture.h"

namespace carousel {
namespace {

using testing::HasSubstr;

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

TEST(ClientAsyncTest, TranslationsAndForecastsHaveAsynchronousForms) {
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

}  // namespace
}  // namespace carousel
