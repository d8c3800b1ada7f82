// SPDX-License-Identifier: Apache-2.0
//
// A stream over a real connection, with an engine that answers when the test
// says, and errors that say when to try again.

#include "server/grpc/completion_call.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "model/base/retry.h"
#include "server/grpc/grpc_server.h"
#include "tests/testing/fake_clock.h"

namespace carousel {
namespace {

using testing::HasSubstr;

struct EngineJob {
  std::string text;
  CallContext context;
  CallDone<v1::CompleteResponse> done;

  void AwaitCancelled() const {
    while (!context.cancelled->load()) std::this_thread::yield();
  }

  // With the text itself as the only suggestion.
  void Answer() {
    v1::CompleteResponse response;
    response.add_suggestions()->set_word(text);
    std::move(done)(std::move(response), {.queue = absl::ZeroDuration(),
                                          .compute = absl::Seconds(1),
                                          .batch = 1});
  }
  void Refuse(absl::Status status) { std::move(done)(std::move(status), {}); }
};

// Keeps jobs until the test takes them. Thread-safe.
class HeldEngine {
 public:
  void Complete(const v1::CompleteRequest& request, CallContext context,
                CallDone<v1::CompleteResponse> done) {
    MutexLock lock(&mutex_);
    jobs_.push_back({request.text(), std::move(context), std::move(done)});
    come_.NotifyOne();
  }

  // Waits for the next.
  EngineJob Take() {
    MutexLock lock(&mutex_);
    while (jobs_.empty()) come_.Wait(&mutex_);
    EngineJob job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

 private:
  Mutex mutex_;
  CondVar come_;
  std::deque<EngineJob> jobs_;
};

class HeldService final
    : public v1::AutocompleteService::WithRawCallbackMethod_Complete<
          v1::AutocompleteService::WithRawCallbackMethod_CompleteStream<
              v1::AutocompleteService::Service>> {
 public:
  HeldService(HeldEngine* engine, const UnaryCall::Environment& environment)
      : engine_(engine), environment_(environment) {}

  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override {
    return RunUnary<v1::CompleteRequest, v1::CompleteResponse>(
        new UnaryCall(environment_, "Held/Complete", context, response),
        *request, [this](const auto& message, CallContext call, auto done) {
          engine_->Complete(message, std::move(call), std::move(done));
        });
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CompleteStream(
      grpc::CallbackServerContext* context) override {
    return new CompletionCall(
        environment_,
        [this](const v1::CompleteRequest& request, CallContext call,
               CallDone<v1::CompleteResponse> done) {
          engine_->Complete(request, std::move(call), std::move(done));
        },
        &streams, context);
  }

  LiveStreams streams;

 private:
  HeldEngine* const engine_;
  const UnaryCall::Environment environment_;
};

// A client that types.
class Typist {
 public:
  explicit Typist(v1::AutocompleteService::Stub* stub,
                  absl::Duration timeout = absl::InfiniteDuration()) {
    if (timeout < absl::InfiniteDuration()) {
      context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
    stream_ = stub->CompleteStream(&context_);
  }

  void Type(int64_t number, const std::string& text) {
    v1::CompleteStreamRequest request;
    request.set_number(number);
    request.mutable_request()->set_text(text);
    stream_->Write(request);
  }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // Nothing: the stream has ended.
  std::optional<v1::CompleteStreamResponse> Read() {
    v1::CompleteStreamResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }

  grpc::Status End() { return stream_->Finish(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::CompleteStreamRequest,
                                           v1::CompleteStreamResponse>>
      stream_;
};

absl::Status Full() {
  return WithRetryDelay(absl::ResourceExhaustedError("the queue is full"),
                        absl::Milliseconds(1250));
}

// What the RetryInfo among the details says; nothing if there is none.
std::optional<int64_t> RetryMilliseconds(const google::rpc::Status& status) {
  google::rpc::RetryInfo retry;
  for (const auto& detail : status.details()) {
    if (!detail.UnpackTo(&retry)) continue;
    return retry.retry_delay().seconds() * 1000 +
           retry.retry_delay().nanos() / 1000000;
  }
  return std::nullopt;
}

class CompletionCallTest : public testing::Test {
 protected:
  // As Server::Shutdown at its deadline: cancels what is open.
  void StopServer() { server_->Shutdown(absl::InfinitePast()); }

  FakeClock clock_{absl::Now()};
  ServerMetrics metrics_{"test"};
  HeldEngine engine_;
  HeldService service_{&engine_, {&metrics_, &clock_}};
  std::unique_ptr<GrpcServer> server_ =
      GrpcServer::Start({}, {&service_}, {}).value();
  std::unique_ptr<v1::AutocompleteService::Stub> stub_ =
      v1::AutocompleteService::NewStub(
          grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                              grpc::InsecureChannelCredentials()));
};

TEST_F(CompletionCallTest, AnswersCarryTheNumbersOfTheirRequests) {
  Typist typist(stub_.get());
  for (const int64_t number : {3, 17}) {
    typist.Type(number, absl::StrCat("text ", number));
    engine_.Take().Answer();
    const auto answer = typist.Read();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->number(), number);
    EXPECT_EQ(answer->response().suggestions(0).word(),
              absl::StrCat("text ", number));
  }
}

// The keystroke on the way has overtaken the one that is computed.
TEST_F(CompletionCallTest, SupersededRequestIsSkippedAndTheLastIsAnswered) {
  Typist typist(stub_.get());
  typist.Type(1, "t");
  EngineJob first = engine_.Take();
  typist.Type(2, "th");
  first.AwaitCancelled();
  first.Refuse(absl::CancelledError("superseded"));
  engine_.Take().Answer();
  const auto answer = typist.Read();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->number(), 2);
}

// A typist in a hurry need not be told by the end of the stream.
TEST_F(CompletionCallTest, RefusedRequestIsAnsweredAndTheStreamGoesOn) {
  Typist typist(stub_.get());
  typist.Type(1, "a");
  engine_.Take().Refuse(Full());
  const auto refused = typist.Read();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->number(), 1);
  EXPECT_EQ(refused->error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused->error().message(), HasSubstr("queue is full"));
  EXPECT_EQ(RetryMilliseconds(refused->error()), 1250);
  typist.Type(2, "ab");
  engine_.Take().Answer();
  EXPECT_EQ(typist.Read()->number(), 2);
}

// A slip of one keystroke is no reason to open another stream.
TEST_F(CompletionCallTest, TextThatIsNotUtf8IsRefusedAlone) {
  Typist typist(stub_.get());
  typist.Type(1, "\xff");
  const auto refused = typist.Read();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->number(), 1);
  EXPECT_EQ(refused->error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused->error().message(), HasSubstr("UTF-8"));
  typist.Type(2, "a");
  engine_.Take().Answer();
  EXPECT_EQ(typist.Read()->number(), 2);
}

TEST_F(CompletionCallTest, NumberThatDoesNotGrowEndsTheStream) {
  Typist typist(stub_.get());
  typist.Type(2, "a");
  typist.Type(1, "ab");
  EXPECT_EQ(typist.Read(), std::nullopt);
  const grpc::Status status = typist.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              HasSubstr("number: expected more than 2"));
}

TEST_F(CompletionCallTest, LastRequestIsAnsweredAfterTheHalfClose) {
  Typist typist(stub_.get());
  typist.Type(1, "a");
  typist.HalfClose();
  engine_.Take().Answer();
  EXPECT_EQ(typist.Read()->number(), 1);
  EXPECT_EQ(typist.Read(), std::nullopt);
  EXPECT_TRUE(typist.End().ok());
}

// Else the engine would compute for nobody.
TEST_F(CompletionCallTest, CancelledStreamCancelsItsJob) {
  Typist typist(stub_.get());
  typist.Type(1, "a");
  const EngineJob job = engine_.Take();
  typist.Cancel();
  job.AwaitCancelled();
  EXPECT_EQ(typist.End().error_code(), grpc::StatusCode::CANCELLED);
}

// On its way it is rounded up: "grpc-timeout" has few digits.
TEST_F(CompletionCallTest, JobHasTheDeadlineOfTheStream) {
  Typist typist(stub_.get(), absl::Hours(1));
  typist.Type(1, "a");
  EXPECT_LE(engine_.Take().context.deadline,
            absl::Now() + absl::Hours(1) + absl::Minutes(1));
}

// gRPC waits for every open call when it stops: an idle stream must go by
// itself, and its client must learn that another replica serves it.
TEST_F(CompletionCallTest, DrainEndsIdleStreams) {
  Typist typist(stub_.get());
  typist.Type(1, "a");
  engine_.Take().Answer();
  ASSERT_TRUE(typist.Read().has_value());
  service_.streams.Drain();
  EXPECT_EQ(typist.Read(), std::nullopt);
  EXPECT_EQ(typist.End().error_code(), grpc::StatusCode::UNAVAILABLE);
  server_->Shutdown(absl::InfiniteFuture());
  EXPECT_EQ(service_.streams.size(), 0u);
}

TEST_F(CompletionCallTest, DrainAnswersWhatIsUnderWay) {
  Typist typist(stub_.get());
  typist.Type(1, "a");
  EngineJob job = engine_.Take();
  service_.streams.Drain();
  job.Answer();
  EXPECT_EQ(typist.Read()->number(), 1);
  EXPECT_EQ(typist.Read(), std::nullopt);
  EXPECT_EQ(typist.End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(CompletionCallTest, StreamThatComesWhileTheServerDrainsEndsAtOnce) {
  service_.streams.Drain();
  Typist typist(stub_.get());
  EXPECT_EQ(typist.Read(), std::nullopt);
  EXPECT_EQ(typist.End().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// A client that neither types nor reads must not hold up the end.
TEST_F(CompletionCallTest, StoppedServerEndsStreamsThatWereNotDrained) {
  Typist idle(stub_.get());
  Typist busy(stub_.get());
  busy.Type(1, "a");
  const EngineJob job = engine_.Take();
  StopServer();
  EXPECT_EQ(service_.streams.size(), 0u);
  EXPECT_TRUE(job.context.cancelled->load());
}

TEST_F(CompletionCallTest, AnswersAndStreamsAreCounted) {
  {
    Typist typist(stub_.get());
    typist.Type(1, "a");
    EngineJob job = engine_.Take();
    clock_.Advance(absl::Seconds(2));
    job.Answer();
    typist.Read();
    typist.Type(2, "ab");
    engine_.Take().Refuse(Full());
    typist.HalfClose();
    typist.Read();
    EXPECT_TRUE(typist.End().ok());
    Typist leaver(stub_.get());
    leaver.Type(1, "a");
    engine_.Take();
    leaver.Cancel();
    leaver.End();
  }
  StopServer();
  const std::string method = "method=\"AutocompleteService/CompleteStream\"} ";
  const std::string figures = metrics_.Render();
  for (const char* figure :
       {"requests_total{code=\"OK\",",
        "requests_total{code=\"RESOURCE_EXHAUSTED\",",
        "streams_total{code=\"OK\",", "streams_total{code=\"CANCELLED\",",
        "compute_seconds_sum{"}) {
    EXPECT_THAT(figures,
                HasSubstr(absl::StrCat("carousel_", figure, method, "1")));
  }
  EXPECT_THAT(figures, HasSubstr(absl::StrCat("carousel_request_seconds_sum{",
                                              method, "2")));
}

// Clients with a retry policy obey the trailer, others read the details.
TEST_F(CompletionCallTest, RefusedCallSaysWhenToTryAgain) {
  grpc::ClientContext context;
  v1::CompleteResponse response;
  std::thread engine([this] { engine_.Take().Refuse(Full()); });
  const grpc::Status status = stub_->Complete(&context, {}, &response);
  engine.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(details.message(), status.error_message());
  EXPECT_EQ(RetryMilliseconds(details), 1250);
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto pushback = trailers.find("grpc-retry-pushback-ms");
  ASSERT_NE(pushback, trailers.end());
  EXPECT_EQ(pushback->second, "1250");
}

// An error without advice has no details at all.
TEST_F(CompletionCallTest, ErrorWithoutAdviceHasNoDetails) {
  grpc::ClientContext context;
  v1::CompleteResponse response;
  std::thread engine(
      [this] { engine_.Take().Refuse(absl::NotFoundError("no model")); });
  const grpc::Status status = stub_->Complete(&context, {}, &response);
  engine.join();
  EXPECT_TRUE(status.error_details().empty());
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"),
            0u);
}

}  // namespace
}  // namespace carousel
