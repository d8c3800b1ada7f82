// SPDX-License-Identifier: Apache-2.0
//
// A bulk stream over a real connection: bytes, alarms, figures and the end of
// the call. What the stream itself decides is tested in core/bulk_stream_test.

#include "server/grpc/bulk_call.h"

#include <algorithm>
#include <deque>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "model/base/retry.h"
#include "server/core/errors.h"
#include "server/grpc/grpc_server.h"
#include "tests/testing/fake_clock.h"

namespace carousel {
namespace {

using testing::HasSubstr;

struct ScoreJob {
  std::string text;
  CallContext context;
  CallDone<v1::ScoreResponse> done;

  void AwaitCancelled() const {
    while (!context.cancelled->load()) std::this_thread::yield();
  }

  // With the text itself as the label.
  void Answer() {
    v1::ScoreResponse response;
    response.set_label(text);
    std::move(done)(std::move(response), {.queue = absl::ZeroDuration(),
                                          .compute = absl::Seconds(1),
                                          .batch = 1});
  }
  void Refuse(absl::Status status) { std::move(done)(std::move(status), {}); }
};

// Keeps jobs until the test takes them. Thread-safe.
class HeldScorer {
 public:
  void Score(const v1::ScoreRequest& request, CallContext context,
             CallDone<v1::ScoreResponse> done) {
    MutexLock lock(&mutex_);
    jobs_.push_back({request.text(), std::move(context), std::move(done)});
    come_.NotifyOne();
  }

  // Waits for the next.
  ScoreJob Take() {
    MutexLock lock(&mutex_);
    while (jobs_.empty()) come_.Wait(&mutex_);
    ScoreJob job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

 private:
  Mutex mutex_;
  CondVar come_;
  std::deque<ScoreJob> jobs_ ABSL_GUARDED_BY(mutex_);
};

class HeldService final
    : public v1::SentimentService::WithRawCallbackMethod_ScoreStream<
          v1::SentimentService::Service> {
 public:
  HeldService(HeldScorer* scorer, const UnaryCall::Environment& environment)
      : scorer_(scorer), environment_(environment) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ScoreStream(
      grpc::CallbackServerContext* context) override {
    return new BulkCall<v1::ScoreStreamRequest, v1::ScoreStreamResponse>(
        environment_, "SentimentService/ScoreStream",
        [this, token = token_](const v1::ScoreRequest& request,
                               CallContext call,
                               CallDone<v1::ScoreResponse> done) {
          scorer_->Score(request, std::move(call), std::move(done));
        },
        &streams, context);
  }

  // Until the last stream is no more; for ever if one is lost.
  void AwaitNoStreamLeft() const {
    while (token_.use_count() > 1) std::this_thread::yield();
  }

  LiveStreams streams;

 private:
  const std::shared_ptr<int> token_ = std::make_shared<int>();
  HeldScorer* const scorer_;
  const UnaryCall::Environment environment_;
};

// A client with many texts.
class Sender {
 public:
  explicit Sender(v1::SentimentService::Stub* stub,
                  absl::Duration timeout = absl::InfiniteDuration()) {
    if (timeout < absl::InfiniteDuration()) {
      context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
    stream_ = stub->ScoreStream(&context_);
  }

  void Send(const std::string& id, const std::string& text) {
    v1::ScoreStreamRequest request;
    request.set_id(id);
    request.mutable_request()->set_text(text);
    stream_->Write(request);
  }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // Nothing: the stream has ended.
  std::optional<v1::ScoreStreamResponse> Read() {
    v1::ScoreStreamResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }

  grpc::Status End() { return stream_->Finish(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::ScoreStreamRequest, v1::ScoreStreamResponse>>
      stream_;
};

absl::Status Full(absl::Duration delay = absl::Milliseconds(1)) {
  return WithRetryDelay(absl::ResourceExhaustedError("the queue is full"),
                        delay);
}

class BulkCallTest : public testing::Test {
 protected:
  // As Server::Shutdown at its deadline: cancels what is open.
  void StopServer() { server_->Shutdown(absl::InfinitePast()); }

  FakeClock clock_{absl::Now()};
  ServerMetrics metrics_{"test"};
  HeldScorer scorer_;
  HeldService service_{&scorer_, {&metrics_, &clock_}};
  std::unique_ptr<GrpcServer> server_ =
      GrpcServer::Start({}, {&service_}, {}).value();
  std::shared_ptr<grpc::Channel> channel_ =
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                          grpc::InsecureChannelCredentials());
  std::unique_ptr<v1::SentimentService::Stub> stub_ =
      v1::SentimentService::NewStub(channel_);
};

TEST_F(BulkCallTest, AnswersComeAsTheyAreDoneWithTheirIds) {
  Sender sender(stub_.get());
  sender.Send("a", "first");
  ScoreJob first = scorer_.Take();
  sender.Send("b", "second");
  scorer_.Take().Answer();

  auto answer = sender.Read();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->id(), "b");
  EXPECT_EQ(answer->response().label(), "second");

  first.Answer();
  answer = sender.Read();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->id(), "a");
  EXPECT_EQ(answer->response().label(), "first");
}

TEST_F(BulkCallTest, EndsWithOkWhenAllIsAnsweredAfterTheHalfClose) {
  Sender sender(stub_.get());
  sender.Send("a", "text");
  sender.HalfClose();
  scorer_.Take().Answer();

  EXPECT_TRUE(sender.Read().has_value());
  EXPECT_EQ(sender.Read(), std::nullopt);
  EXPECT_TRUE(sender.End().ok());
}

// One bad text among a million is no reason to send the others again.
TEST_F(BulkCallTest, TextThatIsNotUtf8IsAnsweredAloneByItsId) {
  Sender sender(stub_.get());
  sender.Send("bad", "caf\xe9");

  const auto refused = sender.Read();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->id(), "bad");
  EXPECT_EQ(refused->error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused->error().message(), HasSubstr("UTF-8"));

  sender.Send("good", "text");
  scorer_.Take().Answer();
  EXPECT_EQ(sender.Read()->id(), "good");
}

// A program acts on the details, also of an answer in a stream.
TEST_F(BulkCallTest, AnErrorOfATextCarriesItsDetails) {
  Sender sender(stub_.get());
  sender.Send("a", "text");
  scorer_.Take().Refuse(InvalidField("text", "too long"));

  const auto refused = sender.Read();
  ASSERT_TRUE(refused.has_value());
  google::rpc::BadRequest bad;
  ASSERT_EQ(refused->error().details_size(), 1);
  ASSERT_TRUE(refused->error().details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "text");
}

// Without an id there is nobody to tell, so the whole stream is refused.
TEST_F(BulkCallTest, AMessageThatCannotBeReadEndsTheStream) {
  Sender sender(stub_.get());
  sender.Send("\xff", "text");

  EXPECT_EQ(sender.Read(), std::nullopt);
  const grpc::Status status = sender.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("not a valid"));
}

// The alarm of gRPC, and not a test's clock, must wake it.
TEST_F(BulkCallTest, ATextWithoutRoomIsTriedAgainAfterAWhile) {
  Sender sender(stub_.get());
  sender.Send("a", "text");
  for (int i = 0; i < 3; ++i) scorer_.Take().Refuse(Full());

  scorer_.Take().Answer();

  EXPECT_EQ(sender.Read()->response().label(), "text");
}

// The call is gone before its alarm, which must not touch it.
TEST_F(BulkCallTest, AClientMayLeaveWhileItsTextWaitsForRoom) {
  {
    Sender sender(stub_.get());
    sender.Send("a", "text");
    scorer_.Take().Refuse(Full(absl::Hours(1)));
    sender.Cancel();
    EXPECT_EQ(sender.End().error_code(), grpc::StatusCode::CANCELLED);
  }
  StopServer();
  EXPECT_EQ(service_.streams.size(), 0u);
}

// A call that kept an earlier alarm would keep the stream, too: memory would
// grow with every text that had to wait.
TEST_F(BulkCallTest, NothingIsLeftOfAStreamWhoseTextsWaitedForRoom) {
  {
    Sender sender(stub_.get());
    sender.Send("a", "text");
    for (int i = 0; i < 3; ++i) scorer_.Take().Refuse(Full());
    scorer_.Take().Answer();
    sender.HalfClose();
    EXPECT_TRUE(sender.Read().has_value());
    EXPECT_EQ(sender.Read(), std::nullopt);
    EXPECT_TRUE(sender.End().ok());
  }
  StopServer();

  service_.AwaitNoStreamLeft();
}

// Else the engine would compute for nobody.
TEST_F(BulkCallTest, ACancelledStreamCancelsItsJobs) {
  Sender sender(stub_.get());
  sender.Send("a", "first");
  sender.Send("b", "second");
  const ScoreJob first = scorer_.Take();
  const ScoreJob second = scorer_.Take();

  sender.Cancel();

  first.AwaitCancelled();
  second.AwaitCancelled();
  EXPECT_EQ(sender.End().error_code(), grpc::StatusCode::CANCELLED);
}

// An answer that comes when the call is over goes nowhere, and breaks nothing.
TEST_F(BulkCallTest, AJobMayEndAfterItsCall) {
  std::vector<ScoreJob> jobs;
  {
    Sender sender(stub_.get());
    sender.Send("a", "first");
    sender.Send("b", "second");
    jobs.push_back(scorer_.Take());
    jobs.push_back(scorer_.Take());
    sender.Cancel();
    sender.End();
  }
  StopServer();

  jobs[0].Answer();
  jobs[1].Refuse(Full());

  EXPECT_EQ(service_.streams.size(), 0u);
}

// On its way it is rounded up: "grpc-timeout" has few digits.
TEST_F(BulkCallTest, JobsHaveTheDeadlineOfTheStreamAndAreBulk) {
  Sender sender(stub_.get(), absl::Hours(1));
  sender.Send("a", "text");
  const ScoreJob job = scorer_.Take();
  EXPECT_LE(job.context.deadline,
            absl::Now() + absl::Hours(1) + absl::Minutes(1));
  EXPECT_TRUE(job.context.bulk);
}

TEST_F(BulkCallTest, TheDeadlineEndsAStreamThatNeverSends) {
  Sender sender(stub_.get(), absl::Milliseconds(50));
  EXPECT_EQ(sender.Read(), std::nullopt);
  EXPECT_EQ(sender.End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(BulkCallTest, DrainAnswersWhatIsUnderWayAndSendsTheRestElsewhere) {
  Sender sender(stub_.get());
  sender.Send("a", "text");
  ScoreJob job = scorer_.Take();
  service_.streams.Drain();
  job.Answer();

  EXPECT_EQ(sender.Read()->id(), "a");
  EXPECT_EQ(sender.Read(), std::nullopt);
  EXPECT_EQ(sender.End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(BulkCallTest, AStreamThatComesWhileTheServerDrainsEndsAtOnce) {
  service_.streams.Drain();
  Sender sender(stub_.get());
  EXPECT_EQ(sender.Read(), std::nullopt);
  EXPECT_EQ(sender.End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// gRPC waits for every call: one that neither sends nor reads, one that waits
// for its text, and one that waits for room must not hold up the end.
TEST_F(BulkCallTest, AStoppedServerEndsStreamsThatWereNotDrained) {
  Sender idle(stub_.get()), busy(stub_.get()), refused(stub_.get());
  busy.Send("a", "text");
  const ScoreJob job = scorer_.Take();
  refused.Send("a", "text");
  scorer_.Take().Refuse(Full(absl::Hours(1)));

  StopServer();

  EXPECT_EQ(service_.streams.size(), 0u);
  EXPECT_TRUE(job.context.cancelled->load());
}

// The client's own window is full: the server must neither buffer nor lose.
TEST_F(BulkCallTest, AClientThatReadsLateGetsEveryAnswerOnce) {
  constexpr int kTexts = 600;  // more than a stream takes in
  constexpr int kBefore = 100;
  std::latch late(kBefore);
  const std::string padding(4000, 'x');
  Sender sender(stub_.get());
  std::thread writer([&] {
    for (int i = 0; i < kTexts; ++i) sender.Send(absl::StrCat(i), padding);
    sender.HalfClose();
  });
  std::thread engine([&] {
    for (int i = 0; i < kTexts; ++i) {
      scorer_.Take().Answer();
      if (i < kBefore) late.count_down();
    }
  });
  late.wait();
  std::vector<int> answers(kTexts);
  while (const auto answer = sender.Read()) {
    ++answers[static_cast<size_t>(std::stoi(answer->id()))];
  }
  writer.join();
  engine.join();
  EXPECT_TRUE(sender.End().ok());
  EXPECT_EQ(std::count(answers.begin(), answers.end(), 1), kTexts);
}

TEST_F(BulkCallTest, TextsAndStreamsAreCounted) {
  {
    Sender sender(stub_.get());
    sender.Send("a", "text");
    ScoreJob job = scorer_.Take();
    clock_.Advance(absl::Seconds(2));
    job.Answer();
    sender.Read();
    sender.Send("b", "text");
    scorer_.Take().Refuse(absl::NotFoundError("no model"));
    sender.HalfClose();
    sender.Read();
    EXPECT_TRUE(sender.End().ok());
    Sender leaver(stub_.get());
    leaver.Send("a", "text");
    scorer_.Take();
    leaver.Cancel();
    leaver.End();
  }
  StopServer();
  const std::string method = "method=\"SentimentService/ScoreStream\"} ";
  const std::string figures = metrics_.Render();
  for (const char* figure :
       {"requests_total{code=\"OK\",", "requests_total{code=\"NOT_FOUND\",",
        "streams_total{code=\"OK\",", "streams_total{code=\"CANCELLED\",",
        "compute_seconds_sum{"}) {
    EXPECT_THAT(figures,
                HasSubstr(absl::StrCat("carousel_", figure, method, "1")));
  }
  EXPECT_THAT(figures, HasSubstr(absl::StrCat("carousel_request_seconds_sum{",
                                              method, "2")));
}

}  // namespace
}  // namespace carousel
