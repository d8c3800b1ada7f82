// SPDX-License-Identifier: Apache-2.0
//
// The order of a stream, with an engine that answers when the test says and a
// client that reads when the test says.

#include "server/core/completion_stream.h"

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/live_streams.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;
using testing::SizeIs;

// Jobs in the order of their coming.
class FakeEngine {
 public:
  struct Job {
    std::string text;
    CallContext context;
    CallDone<v1::CompleteResponse> done;

    bool cancelled() const { return context.cancelled->load(); }
  };

  CompletionStream::CompleteFunction function() {
    return [this](const v1::CompleteRequest& request, CallContext context,
                  CallDone<v1::CompleteResponse> done) {
      jobs.push_back({request.text(), std::move(context), std::move(done)});
    };
  }

  // Answers the oldest job with its own text, or as an engine does that was
  // told in time.
  void Answer() {
    if (jobs.front().cancelled()) return Refuse(absl::CancelledError("gone"));
    v1::CompleteResponse response;
    response.add_suggestions()->set_word(jobs.front().text);
    Finish(std::move(response));
  }
  void Refuse(absl::Status status) { Finish(std::move(status)); }

  // Answers although the job is cancelled: the news came too late.
  void AnswerTooLate() { Finish(v1::CompleteResponse()); }

  std::deque<Job> jobs;

 private:
  void Finish(absl::StatusOr<v1::CompleteResponse> response) {
    Job job = std::move(jobs.front());
    jobs.pop_front();
    std::move(job.done)(std::move(response), {.batch = 1, .version = 7});
  }
};

class FakeClient : public CompletionStream::Peer {
 public:
  void Write(CompletionStream::Answer answer) override {
    EXPECT_FALSE(status.has_value());
    EXPECT_FALSE(writing) << "two writes at a time";
    writing = true;
    answers.push_back(std::move(answer));
  }
  void Finish(const absl::Status& end) override {
    EXPECT_FALSE(writing) << "the last answer is not out yet";
    EXPECT_FALSE(status.has_value());
    status = end;
  }

  std::vector<int64_t> numbers() const {
    std::vector<int64_t> numbers;
    for (const auto& answer : answers) numbers.push_back(answer.number);
    return numbers;
  }

  bool writing = false;
  std::vector<CompletionStream::Answer> answers;
  std::optional<absl::Status> status;
};

class CompletionStreamTest : public testing::Test {
 protected:
  std::shared_ptr<CompletionStream> Open() {
    return CompletionStream::Create({.complete = engine_.function(),
                                     .clock = &clock_,
                                     .deadline = deadline_},
                                    &client_);
  }

  void Type(int64_t number, const std::string& text = "the ") {
    v1::CompleteRequest request;
    request.set_text(text);
    stream_->Next(number, std::move(request));
  }

  // The client reads what has been written.
  void Read() {
    client_.writing = false;
    stream_->WriteDone(true);
  }

  FakeClock clock_;
  const absl::Time deadline_ = clock_.Now() + absl::Hours(1);
  FakeEngine engine_;
  FakeClient client_;
  std::shared_ptr<CompletionStream> stream_ = Open();
};

TEST_F(CompletionStreamTest, AnswerCarriesTheNumberOfItsRequest) {
  Type(41, "abc");
  engine_.Answer();
  ASSERT_THAT(client_.numbers(), ElementsAre(41));
  ASSERT_THAT(client_.answers[0].response, IsOk());
  EXPECT_EQ(client_.answers[0].response->suggestions(0).word(), "abc");
}

// The transport measures by it.
TEST_F(CompletionStreamTest, AnswerKnowsWhenItWasAskedForAndWhatItTook) {
  const absl::Time asked = clock_.Now();
  Type(1);
  clock_.Advance(absl::Seconds(3));
  engine_.Answer();
  EXPECT_EQ(client_.answers[0].asked_at, asked);
  EXPECT_EQ(client_.answers[0].report.version, 7);
}

TEST_F(CompletionStreamTest, JobHasTheDeadlineOfTheStream) {
  Type(1);
  EXPECT_EQ(engine_.jobs[0].context.deadline, deadline_);
}

// Latest wins: what is computed is cancelled, what waits is replaced.
TEST_F(CompletionStreamTest, NewerRequestSupersedesTheOlderOnes) {
  Type(1, "a");
  Type(2, "ab");
  Type(3, "abc");
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_TRUE(engine_.jobs[0].cancelled());
  engine_.Answer();
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_EQ(engine_.jobs[0].text, "abc");
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(3));
}

// An answer to what is typed no more would only flicker.
TEST_F(CompletionStreamTest, SupersededRequestIsNotAnsweredThoughComputed) {
  Type(1);
  Type(2);
  engine_.AnswerTooLate();
  EXPECT_THAT(client_.answers, IsEmpty());
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(2));
}

TEST_F(CompletionStreamTest, RequestsThatWaitForTheirAnswersAreAllAnswered) {
  for (int64_t number = 1; number <= 3; ++number) {
    Type(number);
    engine_.Answer();
    Read();
  }
  EXPECT_THAT(client_.numbers(), ElementsAre(1, 2, 3));
}

// A client that does not read costs no work.
TEST_F(CompletionStreamTest, NothingIsComputedWhileAnAnswerIsUnderWay) {
  Type(1);
  engine_.Answer();
  Type(2);
  Type(3, "newest");
  EXPECT_THAT(engine_.jobs, IsEmpty());
  Read();
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_EQ(engine_.jobs[0].text, "newest");
}

TEST_F(CompletionStreamTest, RefusedRequestIsAnsweredAndTheStreamGoesOn) {
  Type(1);
  engine_.Refuse(absl::ResourceExhaustedError("the queue is full"));
  Read();
  Type(2);
  engine_.Answer();
  ASSERT_THAT(client_.numbers(), ElementsAre(1, 2));
  EXPECT_THAT(client_.answers[0].response,
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(client_.answers[1].response, IsOk());
}

// It costs the engine nothing.
TEST_F(CompletionStreamTest, RequestThatCannotBeReadIsAnsweredWithItsError) {
  stream_->Next(5, absl::InvalidArgumentError("not UTF-8"));
  EXPECT_THAT(engine_.jobs, IsEmpty());
  ASSERT_THAT(client_.numbers(), ElementsAre(5));
  EXPECT_THAT(client_.answers[0].response,
              StatusIs(absl::StatusCode::kInvalidArgument, "not UTF-8"));
  EXPECT_EQ(client_.status, std::nullopt);
}

TEST_F(CompletionStreamTest, FirstNumberMayBeAny) {
  Type(-5);
  engine_.Answer();
  Read();
  Type(0);
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(-5, 0));
}

// Answers could not be told apart.
TEST_F(CompletionStreamTest, NumberThatDoesNotGrowEndsTheStream) {
  Type(2);
  Type(2);
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("number 2 follows 2"))));
  EXPECT_TRUE(engine_.jobs[0].cancelled());
}

// What was answered is not taken back.
TEST_F(CompletionStreamTest, FaultEndsTheStreamWhenTheAnswerIsOut) {
  Type(1);
  engine_.Answer();
  stream_->Fail(absl::InvalidArgumentError("not a message"));
  EXPECT_EQ(client_.status, std::nullopt);
  Read();
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kInvalidArgument)));
}

TEST_F(CompletionStreamTest, HalfCloseEndsAnIdleStreamWithOk) {
  stream_->HalfClose();
  EXPECT_THAT(client_.status, Optional(IsOk()));
}

// What the client waits for when it stops typing.
TEST_F(CompletionStreamTest, LastRequestIsAnsweredAfterTheHalfClose) {
  Type(1);
  Type(2);
  stream_->HalfClose();
  engine_.Answer();
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(2));
  EXPECT_EQ(client_.status, std::nullopt);
  Read();
  EXPECT_THAT(client_.status, Optional(IsOk()));
}

// The client is gone: its job stops, and gRPC gets its call back at once.
TEST_F(CompletionStreamTest, CancelStopsTheJobAndEndsTheStream) {
  Type(1);
  stream_->Cancel();
  EXPECT_TRUE(engine_.jobs[0].cancelled());
  EXPECT_THAT(client_.status, Optional(StatusIs(absl::StatusCode::kCancelled)));
  engine_.AnswerTooLate();
  EXPECT_THAT(client_.answers, IsEmpty());
}

TEST_F(CompletionStreamTest, CancelAfterTheDeadlineIsItsDoing) {
  clock_.Advance(absl::Hours(2));
  stream_->Cancel();
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kDeadlineExceeded)));
}

// The job may outlive the call and all that belongs to it.
TEST_F(CompletionStreamTest, JobKeepsTheStreamAlive) {
  const std::weak_ptr<CompletionStream> stream = stream_;
  Type(1);
  stream_->Cancel();
  stream_.reset();
  EXPECT_FALSE(stream.expired());
  engine_.Answer();
  EXPECT_TRUE(stream.expired());
}

TEST_F(CompletionStreamTest, AnswerThatCannotBeSentEndsTheStream) {
  Type(1);
  engine_.Answer();
  client_.writing = false;
  stream_->WriteDone(false);
  EXPECT_THAT(client_.status, Optional(StatusIs(absl::StatusCode::kCancelled)));
}

// The deadline is the stream's: no later request could be answered.
TEST_F(CompletionStreamTest, DeadlineOfAJobEndsTheStream) {
  Type(1);
  engine_.Refuse(absl::DeadlineExceededError("too late"));
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kDeadlineExceeded)));
}

// The engine was drained with the job in its queue.
TEST_F(CompletionStreamTest, UnavailableEngineEndsTheStream) {
  Type(1);
  engine_.Refuse(absl::UnavailableError("draining"));
  EXPECT_THAT(client_.answers, IsEmpty());
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kUnavailable)));
}

// gRPC would wait for it for ever.
TEST_F(CompletionStreamTest, DrainEndsAnIdleStream) {
  stream_->Drain();
  EXPECT_THAT(client_.status, Optional(StatusIs(absl::StatusCode::kUnavailable,
                                                HasSubstr("draining"))));
}

// What was taken in is answered, what comes later is for another replica.
TEST_F(CompletionStreamTest, DrainAnswersWhatIsUnderWayFirst) {
  Type(1);
  stream_->Drain();
  Type(2);
  EXPECT_FALSE(engine_.jobs[0].cancelled());
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(1));
  Read();
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kUnavailable)));
  EXPECT_THAT(engine_.jobs, IsEmpty());
}

TEST_F(CompletionStreamTest, LiveStreamsAreDrainedTogether) {
  LiveStreams live;
  FakeClient other;
  live.Add(stream_);
  live.Add(CompletionStream::Create(
      {.complete = engine_.function(), .clock = &clock_}, &other));
  live.Drain();
  EXPECT_TRUE(client_.status.has_value());
  EXPECT_TRUE(other.status.has_value());
}

// It came in the moment between the drain and the end of the server.
TEST_F(CompletionStreamTest, StreamThatComesAfterTheDrainEndsAtOnce) {
  LiveStreams live;
  live.Drain();
  live.Add(stream_);
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kUnavailable)));
}

TEST_F(CompletionStreamTest, RemovedStreamIsNotDrained) {
  LiveStreams live;
  live.Add(stream_);
  live.Remove(stream_);
  live.Drain();
  EXPECT_EQ(client_.status, std::nullopt);
  EXPECT_EQ(live.size(), 0u);
}

// Reader, worker and writer are three threads: each request is answered or
// superseded, and the last is answered.
TEST_F(CompletionStreamTest, ThreadsMayCallAtAnyTime) {
  constexpr int64_t kRequests = 2000;
  Mutex mutex;
  std::deque<CallDone<v1::CompleteResponse>> jobs;
  class Client : public CompletionStream::Peer {
   public:
    void Write(CompletionStream::Answer answer) override {
      EXPECT_GT(answer.number, last);
      last = answer.number;
      ++written;
    }
    void Finish(const absl::Status& status) override {
      EXPECT_THAT(status, IsOk());
      finished = true;
    }
    std::atomic<int64_t> last = 0, written = 0;
    std::atomic<bool> finished = false;
  } client;
  const auto stream =
      CompletionStream::Create({.complete =
                                    [&](const v1::CompleteRequest&, CallContext,
                                        CallDone<v1::CompleteResponse> done) {
                                      MutexLock lock(&mutex);
                                      jobs.push_back(std::move(done));
                                    },
                                .clock = &clock_},
                               &client);
  std::thread worker([&] {
    while (!client.finished) {
      std::optional<CallDone<v1::CompleteResponse>> done;
      {
        MutexLock lock(&mutex);
        if (!jobs.empty()) {
          done = std::move(jobs.front());
          jobs.pop_front();
        }
      }
      if (done) (*std::move(done))(v1::CompleteResponse(), {});
      std::this_thread::yield();
    }
  });
  std::thread writer([&] {
    for (int64_t sent = 0; !client.finished; std::this_thread::yield()) {
      if (client.written == sent) continue;
      ++sent;
      stream->WriteDone(true);
    }
  });
  for (int64_t i = 1; i <= kRequests; ++i) {
    stream->Next(i, v1::CompleteRequest());
  }
  stream->HalfClose();
  worker.join();
  writer.join();
  EXPECT_EQ(client.last, kRequests);
}

}  // namespace
}  // namespace carousel
