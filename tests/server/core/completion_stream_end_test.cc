// SPDX-License-Identifier: Apache-2.0
//
// How a stream ends.

#include <atomic>
#include <memory>
#include <thread>

#include "gmock/gmock.h"
#include "server/core/live_streams.h"
#include "tests/server/core/completion_stream_fixture.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

TEST_F(CompletionStreamTest, NumberThatDoesNotGrowEndsTheStream) {
  Type(2);
  Type(2);
  EXPECT_THAT(client_.status,
              Optional(StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("number: expected more than 2"))));
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
