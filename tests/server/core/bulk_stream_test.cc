// SPDX-License-Identifier: Apache-2.0
//
// The flow of a bulk stream, with an engine that answers when the test says and
// a client that reads when the test says.

#include "server/core/bulk_stream.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Texts in, texts out.
using Stream = BulkStream<std::string, std::string>;

class FakeEngine {
 public:
  struct Job {
    std::string text;
    CallContext context;
    CallDone<std::string> done;
  };

  Stream::RunFunction function() {
    return [this](const std::string& text, CallContext context,
                  CallDone<std::string> done) {
      jobs.push_back({text, std::move(context), std::move(done)});
    };
  }

  // Of the job at that place.
  void Answer(size_t place = 0) {
    const std::string text = jobs[place].text;
    Finish(place, text + "!");
  }
  void Refuse(absl::Status status, size_t place = 0) {
    Finish(place, std::move(status));
  }

  std::deque<Job> jobs;

 private:
  void Finish(size_t place, absl::StatusOr<std::string> response) {
    Job job = std::move(jobs[place]);
    jobs.erase(jobs.begin() + static_cast<ptrdiff_t>(place));
    std::move(job.done)(std::move(response), {.batch = 1});
  }
};

class FakeClient : public Stream::Peer {
 public:
  void Read() override {
    EXPECT_FALSE(reading) << "two reads at a time";
    reading = true;
  }
  void Write(Stream::Answer answer) override {
    EXPECT_FALSE(status.has_value());
    EXPECT_FALSE(writing) << "two writes at a time";
    writing = true;
    answers.push_back(std::move(answer));
  }
  void Wait(absl::Duration time) override { waits.push_back(time); }
  void Finish(const absl::Status& end) override {
    EXPECT_FALSE(status.has_value()) << "finished twice";
    EXPECT_FALSE(writing) << "finished while writing";
    status = end;
  }

  std::vector<std::string> ids() const {
    std::vector<std::string> result;
    for (const auto& answer : answers) result.push_back(answer.id);
    return result;
  }

  bool reading = false;
  bool writing = false;
  std::vector<Stream::Answer> answers;
  std::vector<absl::Duration> waits;
  std::optional<absl::Status> status;
};

class BulkStreamTest : public testing::Test {
 protected:
  void Open(const BulkLimits& limits = {}) {
    stream_ = std::make_shared<Stream>(
        Stream::Options{.run = engine_.function(),
                        .clock = &clock_,
                        .deadline = clock_.Now() + absl::Seconds(10),
                        .limits = limits},
        &client_);
    stream_->Start();
  }

  void Send(const std::string& id, size_t bytes = 1) {
    ASSERT_TRUE(client_.reading);
    client_.reading = false;
    stream_->Next(id, "text of " + id, bytes);
  }

  void HalfClose() {
    client_.reading = false;
    stream_->HalfClose();
  }

  // The answer that is being written has been sent.
  void Take(bool ok = true) {
    ASSERT_TRUE(client_.writing);
    client_.writing = false;
    stream_->WriteDone(ok);
  }

  FakeClock clock_;
  FakeEngine engine_;
  FakeClient client_;
  std::shared_ptr<Stream> stream_;
};

TEST_F(BulkStreamTest, AnswersComeAsTheyAreDoneByTheirIds) {
  Open();
  Send("a");
  Send("b");
  Send("c");
  ASSERT_THAT(engine_.jobs, SizeIs(3));
  engine_.Answer(2);
  Take();
  engine_.Answer(0);
  Take();
  EXPECT_THAT(client_.ids(), ElementsAre("c", "a"));
  EXPECT_THAT(client_.answers[0].response, IsOkAndHolds("text of c!"));
}

// One write at a time; nothing is lost.
TEST_F(BulkStreamTest, AnswersWaitForTheWriteBeforeThem) {
  Open();
  Send("a");
  Send("b");
  engine_.Answer();
  engine_.Answer();
  EXPECT_THAT(client_.ids(), ElementsAre("a"));
  Take();
  EXPECT_THAT(client_.ids(), ElementsAre("a", "b"));
}

TEST_F(BulkStreamTest, EndsWhenAllIsAnsweredAfterTheHalfClose) {
  Open();
  Send("a");
  HalfClose();
  EXPECT_EQ(client_.status, std::nullopt);
  engine_.Answer();
  EXPECT_EQ(client_.status, std::nullopt);
  Take();
  EXPECT_EQ(client_.status, absl::OkStatus());
}

TEST_F(BulkStreamTest, EmptyStreamEndsAtOnce) {
  Open();
  HalfClose();
  EXPECT_EQ(client_.status, absl::OkStatus());
}

// Memory is bounded whatever the client does.
TEST_F(BulkStreamTest, ReadsNoMoreThanTheLimitUntilAnswersAreTaken) {
  Open({.requests = 2});
  Send("a");
  Send("b");
  EXPECT_FALSE(client_.reading);
  engine_.Answer();
  EXPECT_FALSE(client_.reading) << "the answer is not taken yet";
  Take();
  EXPECT_TRUE(client_.reading);
}

TEST_F(BulkStreamTest, LargeRequestsCountByTheirBytes) {
  Open({.bytes = 100});
  Send("a", 60);
  Send("b", 60);
  EXPECT_FALSE(client_.reading);
  engine_.Answer();
  Take();
  EXPECT_TRUE(client_.reading);
}

// A full engine is no error: the stream waits.
TEST_F(BulkStreamTest, RefusedRequestIsTriedAgainWhenAnotherIsDone) {
  Open();
  Send("a");
  Send("b");
  engine_.Refuse(absl::ResourceExhaustedError("full"), 1);
  EXPECT_THAT(client_.answers, IsEmpty());
  EXPECT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_THAT(client_.waits, IsEmpty()) << "a's end will tell";
  engine_.Answer();
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_EQ(engine_.jobs[0].text, "text of b");
  EXPECT_TRUE(engine_.jobs[0].context.bulk);
}

TEST_F(BulkStreamTest, RefusedRequestIsTriedAgainAfterAWhile) {
  Open();
  Send("a");
  engine_.Refuse(WithRetryDelay(absl::ResourceExhaustedError("full"),
                                absl::Milliseconds(30)));
  EXPECT_THAT(client_.waits, ElementsAre(absl::Milliseconds(30)));
  EXPECT_THAT(engine_.jobs, IsEmpty());
  stream_->Wake();
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  engine_.Answer();
  EXPECT_THAT(client_.ids(), ElementsAre("a"));
}

// What cannot be taken in is not read.
TEST_F(BulkStreamTest, NothingIsReadWhileARequestIsRefused) {
  Open();
  Send("a");
  Send("b");
  engine_.Refuse(absl::ResourceExhaustedError("full"), 1);
  Send("c");  // was being read already
  EXPECT_FALSE(client_.reading);
}

TEST_F(BulkStreamTest, BadRequestIsAnsweredAndTheStreamGoesOn) {
  Open();
  client_.reading = false;
  stream_->Next("a", absl::InvalidArgumentError("no message"), 1);
  EXPECT_THAT(engine_.jobs, IsEmpty());
  ASSERT_THAT(client_.ids(), ElementsAre("a"));
  EXPECT_THAT(client_.answers[0].response,
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(client_.reading);
  Take();
  EXPECT_EQ(client_.status, std::nullopt);
}

TEST_F(BulkStreamTest, IdInUseIsRefusedAndFreeAgainAfterItsAnswer) {
  Open();
  Send("a");
  Send("a");
  ASSERT_THAT(client_.answers, SizeIs(1));
  EXPECT_THAT(client_.answers[0].response,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no unanswered request has, found \"a\"")));
  Take();
  Send("a");
  Take();
  EXPECT_THAT(client_.answers, SizeIs(2)) << "the first is still open";
  engine_.Answer();
  Take();
  Send("a");
  EXPECT_THAT(engine_.jobs, SizeIs(1));
}

TEST_F(BulkStreamTest, IdsAreNeitherEmptyNorLong) {
  Open();
  Send("");
  Take();
  Send(std::string(129, 'x'));
  Take();
  Send(std::string(128, 'x'));
  EXPECT_THAT(engine_.jobs, SizeIs(1));
  for (const auto& answer : client_.answers) {
    EXPECT_THAT(answer.response, StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("expected 1 to 128")));
  }
}

TEST_F(BulkStreamTest, CancelledStreamCancelsItsJobsAndWritesNothing) {
  Open();
  Send("a");
  stream_->Cancel();
  EXPECT_TRUE(engine_.jobs[0].context.cancelled->load());
  EXPECT_THAT(client_.status,
              testing::Optional(StatusIs(absl::StatusCode::kCancelled)));
  engine_.Answer();
  EXPECT_THAT(client_.answers, IsEmpty());
}

TEST_F(BulkStreamTest, DeadlineOfTheStreamIsItsEnd) {
  Open();
  Send("a");
  clock_.Advance(absl::Seconds(11));
  stream_->Cancel();
  EXPECT_THAT(client_.status,
              testing::Optional(StatusIs(absl::StatusCode::kDeadlineExceeded)));
}

// Nothing is left to answer.
TEST_F(BulkStreamTest, DrainingEngineEndsTheStream) {
  Open();
  Send("a");
  engine_.Refuse(absl::UnavailableError("draining"));
  EXPECT_THAT(client_.status,
              testing::Optional(StatusIs(absl::StatusCode::kUnavailable)));
}

TEST_F(BulkStreamTest, DrainAnswersWhatWasTakenIn) {
  Open();
  Send("a");
  stream_->Drain();
  EXPECT_EQ(client_.status, std::nullopt);
  engine_.Answer();
  Take();
  EXPECT_THAT(client_.ids(), ElementsAre("a"));
  EXPECT_THAT(client_.status,
              testing::Optional(StatusIs(absl::StatusCode::kUnavailable)));
}

// What the engine has no room for any more is not answered; the rest is.
TEST_F(BulkStreamTest, DrainingEngineStillAnswersWhatItHas) {
  Open();
  Send("a");
  Send("b");
  Send("c");
  engine_.Refuse(absl::ResourceExhaustedError("full"), 1);  // b
  engine_.Answer(1);                                        // c: b again
  engine_.Refuse(absl::UnavailableError("draining"), 1);    // b
  Take();
  engine_.Answer();
  Take();
  EXPECT_THAT(client_.ids(), ElementsAre("c", "a"));
  EXPECT_THAT(client_.status,
              testing::Optional(StatusIs(absl::StatusCode::kUnavailable)));
}

// Nothing is missing.
TEST_F(BulkStreamTest, DrainOfACompleteStreamIsNoError) {
  Open();
  Send("a");
  HalfClose();
  stream_->Drain();
  engine_.Answer();
  Take();
  EXPECT_EQ(client_.status, absl::OkStatus());
}

// The client may have read the answer before the server hears of it.
TEST_F(BulkStreamTest, IdIsFreeFromTheMomentOfItsAnswer) {
  Open();
  Send("a");
  engine_.Answer();
  ASSERT_TRUE(client_.writing);
  Send("a");
  EXPECT_THAT(engine_.jobs, SizeIs(1));
}

// As the real engine does: from within the call.
TEST_F(BulkStreamTest, RequestThatIsRefusedAtOnceIsTriedAgain) {
  int refusals = 2;
  stream_ = std::make_shared<Stream>(
      Stream::Options{.run =
                          [&](const std::string& text, CallContext,
                              CallDone<std::string> done) {
                            if (refusals-- > 0) {
                              std::move(done)(
                                  absl::ResourceExhaustedError("full"), {});
                            } else {
                              std::move(done)(text, {.batch = 1});
                            }
                          },
                      .clock = &clock_},
      &client_);
  stream_->Start();
  Send("a");
  EXPECT_THAT(client_.waits, SizeIs(1));
  stream_->Wake();
  EXPECT_THAT(client_.waits, SizeIs(2));
  EXPECT_THAT(client_.answers, IsEmpty());
  stream_->Wake();
  EXPECT_THAT(client_.ids(), ElementsAre("a"));
}

// The peer must be there while it is told to wait.
TEST_F(BulkStreamTest, CancelWhileItWaitsEndsAtOnce) {
  Open();
  Send("a");
  engine_.Refuse(absl::ResourceExhaustedError("full"));
  stream_->Cancel();
  EXPECT_TRUE(client_.status.has_value());
  stream_->Wake();  // too late: nothing happens
  EXPECT_THAT(engine_.jobs, IsEmpty());
}

TEST_F(BulkStreamTest, WriteThatFailsEndsTheStreamAndItsJobs) {
  Open();
  Send("a");
  Send("b");
  engine_.Answer();
  Take(/*ok=*/false);
  EXPECT_THAT(client_.status,
              testing::Optional(StatusIs(absl::StatusCode::kCancelled)));
  EXPECT_TRUE(engine_.jobs[0].context.cancelled->load());
}

// The peer must be there until it has been written to.
TEST_F(BulkStreamTest, CancelWaitsForTheWriteUnderWay) {
  Open();
  Send("a");
  engine_.Answer();
  stream_->Cancel();
  EXPECT_EQ(client_.status, std::nullopt);
  Take(/*ok=*/false);
  EXPECT_TRUE(client_.status.has_value());
}

}  // namespace
}  // namespace carousel
