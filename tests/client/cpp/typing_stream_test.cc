// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/typing_stream.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "tests/client/cpp/client_fixture.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Suggests the text itself. "hang" waits until it is released; "left out" is
// not answered; "refused" is; "break" ends the stream, so often.
class TypingStreamTest : public testing::Test {
 protected:
  struct Told {
    int64_t number;
    absl::StatusOr<v1::CompleteResponse> response;
    std::thread::id thread;
  };

  ~TypingStreamTest() override {
    if (!release_.HasBeenNotified()) release_.Notify();
  }

  std::unique_ptr<TypingStream> Open() {
    return client_->CompleteStream([this](int64_t number, auto response) {
      MutexLock lock(&mutex_);
      told_.push_back(
          {number, std::move(response), std::this_thread::get_id()});
      more_.NotifyAll();
    });
  }

  // What was told so far, when it is so much.
  std::vector<Told> WaitFor(size_t count) {
    MutexLock lock(&mutex_);
    while (told_.size() < count) more_.Wait(&mutex_);
    return told_;
  }
  Told WaitForOne() { return WaitFor(1)[0]; }

  absl::Status Answer(const v1::CompleteRequest& request,
                      v1::CompleteResponse& response) {
    const std::string& text = request.text();
    if (text == "hang") {
      if (!hangs_.HasBeenNotified()) hangs_.Notify();
      release_.WaitForNotification();
    }
    if (text == "left out") return absl::CancelledError("superseded");
    if (text == "refused") return absl::ResourceExhaustedError("full");
    if (text == "break" && breaks_-- > 0) {
      return absl::UnavailableError("draining");
    }
    *response.add_suggestions() = MakeSuggestion(text, "", 0.5);
    return absl::OkStatus();
  }

  absl::Notification hangs_, release_;
  std::atomic<int> breaks_ = 1;
  FakeServer server_{{.complete = [this](const auto& request, auto& response) {
    return Answer(request, response);
  }}};
  Mutex mutex_;
  CondVar more_;
  std::vector<Told> told_;
  const std::unique_ptr<Client> client_ = ConnectTo(server_.address());
};

TEST_F(TypingStreamTest, AnswersCarryTheNumbersOfTheirRequests) {
  const auto typing = Open();
  for (const char* text : {"a", "ab", "abc"}) {
    const int64_t number = typing->Send(text);
    const auto told = WaitFor(static_cast<size_t>(number));
    EXPECT_EQ(told.back().number, number);
    ASSERT_THAT(told.back().response, IsOk());
    EXPECT_EQ(told.back().response->suggestions(0).word(), text);
    EXPECT_NE(told.back().thread, std::this_thread::get_id());
  }
  EXPECT_EQ(server_.streams(), 1);
}

// The server leaves them out; nobody is told twice or of what is old.
TEST_F(TypingStreamTest, WhatIsSupersededIsNotTold) {
  const auto typing = Open();
  for (const char* text : {"left out", "left out", "ab"}) typing->Send(text);
  typing->Finish();

  const auto told = WaitFor(1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].number, 3);
  EXPECT_THAT(told[0].response, IsOk());
}

// However fast somebody types, numbers grow and the last is answered.
// Its answer was on its way when the next was sent.
TEST_F(TypingStreamTest, AnAnswerThatComesTooLateIsNotTold) {
  const auto typing = Open();
  typing->Send("hang");
  hangs_.WaitForNotification();
  const int64_t next = typing->Send("next");
  release_.Notify();
  typing->Finish();
  const auto told = WaitFor(1);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].number, next);
}

TEST_F(TypingStreamTest, FinishEndsWhatIsSentMeanwhileToo) {
  std::unique_ptr<TypingStream> typing;
  std::atomic<int> told = 0;
  typing = client_->CompleteStream([&](int64_t, auto response) {
    EXPECT_THAT(response, IsOk());
    if (told++ == 0) typing->Send("again");
  });
  typing->Send("a");
  typing->Finish();
  EXPECT_EQ(told, 2);
}

TEST_F(TypingStreamTest, TheLastOfManyIsAnswered) {
  const auto typing = Open();
  int64_t number = 0;
  for (int i = 0; i < 2000; ++i) number = typing->Send("a");
  typing->Finish();

  int64_t last = 0;
  for (const Told& told : WaitFor(1)) {
    EXPECT_GT(told.number, last);
    EXPECT_THAT(told.response, IsOk());
    last = told.number;
  }
  EXPECT_EQ(last, number);
}

TEST_F(TypingStreamTest, ARefusedRequestIsToldAndTheStreamGoesOn) {
  const auto typing = Open();
  typing->Send("refused");
  EXPECT_THAT(WaitForOne().response,
              StatusIs(absl::StatusCode::kResourceExhausted));
  typing->Send("a");
  EXPECT_THAT(WaitFor(2)[1].response, IsOk());
  EXPECT_EQ(server_.streams(), 1);
}

// A rolling restart costs whoever types nothing.
TEST_F(TypingStreamTest, AStreamThatBreaksGoesOnInAnother) {
  const auto typing = Open();
  typing->Send("a");
  WaitFor(1);
  typing->Send("break");

  const auto told = WaitFor(2);
  EXPECT_EQ(told[1].number, 2);
  EXPECT_THAT(told[1].response, IsOk());
  EXPECT_EQ(server_.streams(), 2);
}

// One after the other would never end. The next request tries again.
TEST_F(TypingStreamTest, AStreamThatBringsNothingIsToldAsItsError) {
  breaks_ = 1000;
  const auto typing = Open();
  typing->Send("break");
  EXPECT_THAT(WaitForOne().response,
              StatusIs(absl::StatusCode::kUnavailable, "draining"));
  typing->Send("a");
  EXPECT_THAT(WaitFor(2)[1].response, IsOk());
}

TEST_F(TypingStreamTest, NoServerSaysWhatToDo) {
  std::string address;
  { address = FakeServer({}).address(); }
  absl::Notification told;
  const auto client = ConnectTo(address);
  const auto typing = client->CompleteStream([&](int64_t, auto response) {
    EXPECT_THAT(response, StatusIs(absl::StatusCode::kUnavailable,
                                   HasSubstr("make serve")));
    told.Notify();
  });
  typing->Send("a");
  told.WaitForNotification();
}

TEST_F(TypingStreamTest, TextThatIsNotUtf8IsToldAndNotSent) {
  const auto typing = Open();
  typing->Send("ab\xff");
  const Told told = WaitForOne();
  EXPECT_THAT(told.response, StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("not valid UTF-8 at byte 2")));
  EXPECT_NE(told.thread, std::this_thread::get_id());
  EXPECT_EQ(server_.streams(), 0);
  typing->Send("a");
  EXPECT_THAT(WaitFor(2)[1].response, IsOk());
  typing->Finish();
}

// A server that hangs must not hold up what is typed next.
TEST_F(TypingStreamTest, TheTimeoutIsThatOfTheNewestRequest) {
  const auto typing = Open();
  typing->Send("hang", {.timeout = absl::Hours(1)});
  typing->Send("hang", {.timeout = absl::Milliseconds(50)});
  const Told told = WaitForOne();
  EXPECT_EQ(told.number, 2);
  EXPECT_THAT(told.response, StatusIs(absl::StatusCode::kDeadlineExceeded,
                                      HasSubstr("within 50ms")));
  typing->Send("a", {.timeout = absl::InfiniteDuration()});
  EXPECT_THAT(WaitFor(2)[1].response, IsOk());
  EXPECT_EQ(server_.streams(), 2);
}

TEST_F(TypingStreamTest, CancelIsToldAndTheNextRequestOpensAnother) {
  const auto typing = Open();
  typing->Send("hang");
  hangs_.WaitForNotification();
  typing->Cancel();
  const Told told = WaitForOne();
  EXPECT_EQ(told.number, 1);
  EXPECT_THAT(told.response, StatusIs(absl::StatusCode::kCancelled));
  typing->Send("a");
  EXPECT_THAT(WaitFor(2)[1].response, IsOk());
}

// Otherwise the server could never tell who has left from who thinks.
TEST_F(TypingStreamTest, FinishEndsTheStreamAndMoreOpensAnother) {
  const auto typing = Open();
  typing->Finish();
  EXPECT_EQ(server_.streams(), 0);
  typing->Send("a");
  typing->Finish();
  EXPECT_EQ(WaitFor(1).size(), 1u);
  typing->Send("b");
  typing->Finish();
  EXPECT_EQ(WaitFor(2)[1].number, 2);
  EXPECT_EQ(server_.streams(), 2);
}

TEST_F(TypingStreamTest, ShutdownEndsWhatIsUnderWayAndWhatIsSentLater) {
  const auto typing = Open();
  typing->Send("hang");
  hangs_.WaitForNotification();
  client_->Shutdown();
  EXPECT_THAT(WaitForOne().response, StatusIs(absl::StatusCode::kCancelled,
                                              "the client is shut down"));
  typing->Send("a");
  EXPECT_THAT(WaitFor(2)[1].response, StatusIs(absl::StatusCode::kCancelled,
                                               "the client is shut down"));
}

// What the answer refers to usually dies next.
TEST_F(TypingStreamTest, TheDestructorWaitsUntilAllIsToldAndGone) {
  for (const char* text : {"hang", "a", "\xff"}) {
    auto held = std::make_shared<int>();
    std::atomic<int> told = 0;
    auto typing = client_->CompleteStream(
        [&told, held](int64_t, const auto&) { ++told; });
    typing->Send(text);

    typing.reset();

    EXPECT_EQ(told, 1) << text;
    EXPECT_EQ(held.use_count(), 1);
  }
}

// So a program needs no thread of its own.
TEST_F(TypingStreamTest, AnAnswerMaySendTheNext) {
  absl::Notification last;
  std::vector<int64_t> numbers;
  TypingStream* stream = nullptr;
  absl::Notification opened;
  const auto typing = client_->CompleteStream([&](int64_t number, auto) {
    opened.WaitForNotification();
    numbers.push_back(number);
    if (number == 3) return last.Notify();
    stream->Send("a");
  });
  stream = typing.get();
  opened.Notify();
  typing->Send("a");
  last.WaitForNotification();
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace carousel
