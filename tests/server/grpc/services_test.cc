// SPDX-License-Identifier: Apache-2.0
//
// The services behind a real connection, with an engine whose only worker
// stands still as long as the test wants and whose clock the test moves: what
// happens to a call that waits in the queue.

#include "server/grpc/services.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "server/grpc/grpc_server.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// A call that is under way.
class PendingCall {
 public:
  PendingCall(v1::AutocompleteService::Stub* stub, absl::Duration timeout) {
    if (timeout < absl::InfiniteDuration()) {
      context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    }
    request_.set_text("the ");
    stub->async()->Complete(&context_, &request_, &response_,
                            [this](grpc::Status status) {
                              status_ = std::move(status);
                              done_.Notify();
                            });
  }
  ~PendingCall() { done_.WaitForNotification(); }

  void Cancel() { context_.TryCancel(); }

  const grpc::Status& Wait() {
    done_.WaitForNotification();
    return status_;
  }

 private:
  grpc::ClientContext context_;
  v1::CompleteRequest request_;
  v1::CompleteResponse response_;
  grpc::Status status_;
  absl::Notification done_;
};

class ServicesTest : public testing::Test {
 protected:
  static constexpr int64_t kQueueTokens = 40;

  void SetUp() override {
    ASSERT_THAT(WriteTinyBundle(dir_.File("en/1"), {"the", "house"}, 1),
                IsOk());
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
    engine_ = std::make_unique<Engine>(
        EngineOptions{.workers = 1,
                      .admission = {.max_queue_tokens = kQueueTokens}},
        clock_);
    core_ = std::make_unique<AutocompleteCore>(
        AutocompleteOptions(), repository_.get(), engine_.get());
    service_ = std::make_unique<AutocompleteGrpcService>(
        core_.get(), UnaryCall::Environment{&metrics_, &Clock::Real()},
        &streams_);
    server_ = GrpcServer::Start({}, {service_.get()}, {}).value();
    stub_ = v1::AutocompleteService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                            grpc::InsecureChannelCredentials()));
  }

  void TearDown() override {
    // As in Server::Shutdown: gRPC waits for answers that the drain gives.
    engine_->Drain(absl::InfinitePast());
    server_.reset();
  }

  // Makes the worker stand still until `release`.
  void Occupy(absl::Notification* release) {
    absl::Notification occupied;
    const ModelHandle handle = repository_->Get("en").value();
    engine_->Submit({.network = {handle.model, &handle.model->network()},
                     .tokenizer = &handle.model->tokenizer(),
                     .text = "the",
                     .done = [&occupied, release](JobResult) {
                       occupied.Notify();
                       release->WaitForNotification();
                     }});
    occupied.WaitForNotification();
  }

  // Until `count` jobs wait.
  void AwaitQueued(int64_t count) {
    while (engine_->stats().queue.jobs < count) std::this_thread::yield();
  }

  std::unique_ptr<PendingCall> Call(
      absl::Duration timeout = absl::InfiniteDuration()) {
    return std::make_unique<PendingCall>(stub_.get(), timeout);
  }

  TempDir dir_;
  FakeClock clock_{absl::Now()};
  ServerMetrics metrics_{"test"};
  std::unique_ptr<ModelRepository> repository_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<AutocompleteCore> core_;
  LiveStreams streams_;
  std::unique_ptr<AutocompleteGrpcService> service_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<v1::AutocompleteService::Stub> stub_;
};

// The deadline travels from the client to the queue, and the answer is the
// server's own.
TEST_F(ServicesTest, CallWhoseDeadlinePassesInTheQueueIsNotComputed) {
  absl::Notification release;
  Occupy(&release);
  const auto call = Call(absl::Minutes(10));
  AwaitQueued(1);
  const int64_t tokens = engine_->stats().tokens;
  clock_.Advance(absl::Minutes(20));
  release.Notify();
  EXPECT_EQ(call->Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(call->Wait().error_message(), HasSubstr("before the answer"));
  EXPECT_EQ(engine_->stats().expired, 1);
  EXPECT_EQ(engine_->stats().tokens, tokens);
}

// The client leaves while it waits: its job is dropped. (A later call on the
// same connection shows that the news has come; that the reactor has heard of
// it, too, may need another try.)
TEST_F(ServicesTest, CallThatIsCancelledInTheQueueIsNotComputed) {
  while (engine_->stats().cancelled == 0) {
    absl::Notification release;
    Occupy(&release);
    const auto call = Call();
    AwaitQueued(1);
    call->Cancel();
    EXPECT_EQ(call->Wait().error_code(), grpc::StatusCode::CANCELLED);
    const auto later = Call();
    AwaitQueued(2);
    release.Notify();
    EXPECT_TRUE(later->Wait().ok());
  }
}

// Overload is a code of its own, which clients answer with patience.
TEST_F(ServicesTest, FullQueueIsResourceExhausted) {
  absl::Notification release;
  Occupy(&release);
  std::vector<std::unique_ptr<PendingCall>> waiting;
  const auto waiting_tokens = [&] { return engine_->stats().queue.tokens; };
  int64_t price = 0;  // of one call
  while (waiting_tokens() + price <= kQueueTokens) {
    waiting.push_back(Call());
    AwaitQueued(static_cast<int64_t>(waiting.size()));
    if (price == 0) price = waiting_tokens();
  }
  const auto refused = Call();
  EXPECT_EQ(refused->Wait().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused->Wait().error_message(), HasSubstr("queue is full"));
  release.Notify();
  for (const auto& call : waiting) EXPECT_TRUE(call->Wait().ok());
}

// A call that never comes to a worker is answered when the server stops.
TEST_F(ServicesTest, QueuedCallsAreAnsweredAtTheEnd) {
  absl::Notification release;
  Occupy(&release);
  const auto call = Call();
  AwaitQueued(1);
  std::thread drain([&] { engine_->Drain(absl::InfinitePast()); });
  EXPECT_EQ(call->Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  release.Notify();
  drain.join();
}

// Every outcome is counted under its code.
TEST_F(ServicesTest, CallsAreCounted) {
  EXPECT_TRUE(Call()->Wait().ok());
  engine_->Drain(absl::InfiniteFuture());
  EXPECT_FALSE(Call()->Wait().ok());
  for (const char* code : {"OK", "UNAVAILABLE"}) {
    EXPECT_THAT(metrics_.Render(),
                HasSubstr(absl::StrCat(
                    "carousel_requests_total{code=\"", code,
                    "\",method=\"AutocompleteService/Complete\"} 1")));
  }
}

}  // namespace
}  // namespace carousel
