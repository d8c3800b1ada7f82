// SPDX-License-Identifier: Apache-2.0
//
// The end of a server under load: whoever asked gets an answer.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::Not;

class ShutdownTest : public testing::Test {
 protected:
  ShutdownTest() { WriteModel(dir_, "en/1"); }

  // Asks again and again until the server is gone, on a connection of its own.
  // Counts the answers; anything but "gone" is a failure. CANCELLED is what
  // gRPC says to a call that comes in the moment of its shutdown.
  void AskUntilGone(InProcessServer* server) {
    const auto stub = Autocomplete::NewStub(server->Connect());
    while (true) {
      const grpc::Status status =
          Complete(stub.get(), TextRequest("I would like to ")).status;
      if (!status.ok()) {
        EXPECT_TRUE(status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::CANCELLED)
            << status.error_code() << " " << status.error_message();
        return;
      }
      ++answered_;
    }
  }

  // Shuts down while eight clients ask.
  void ShutDownUnderLoad(InProcessServer* server) {
    std::vector<std::thread> clients;
    for (int c = 0; c < 8; ++c) {
      clients.emplace_back([this, server] { AskUntilGone(server); });
    }
    while (answered_ < 100) std::this_thread::yield();
    server->server().Shutdown();
    for (std::thread& client : clients) client.join();
  }

  // The metric that counts requests answered with `code`.
  static std::string RequestsTotal(const std::string& code) {
    return absl::StrCat("carousel_requests_total{code=\"", code,
                        "\",method=\"AutocompleteService/Complete\"}");
  }

  TempDir dir_;
  std::atomic<int> answered_ = 0;
};

// Whatever was computed reached its client, and nobody who was taken in was
// dropped.
TEST_F(ShutdownTest, EveryRequestTakenInIsAnswered) {
  InProcessServer server(InProcessServer::Config(dir_.path()));
  ShutDownUnderLoad(&server);
  const std::string figures = server.server().metrics().Render();
  EXPECT_THAT(figures, HasSubstr(absl::StrCat(RequestsTotal("OK"), " ",
                                              answered_.load(), "\n")));
  EXPECT_THAT(figures, Not(HasSubstr(RequestsTotal("CANCELLED"))));
  EXPECT_EQ(server.server().engine().stats().running, 0);
  EXPECT_EQ(server.server().engine().stats().queue.jobs, 0);
}

// No time at all is a legal deadline: what is open is told at once.
TEST_F(ShutdownTest, ZeroDeadlineEndsAtOnce) {
  ServerConfig config = InProcessServer::Config(dir_.path());
  config.drain_deadline = absl::ZeroDuration();
  config.workers = 1;
  InProcessServer server(config);
  ShutDownUnderLoad(&server);
  EXPECT_EQ(server.server().engine().stats().queue.jobs, 0);
}

// Idle connections do not hold up the end, and a second call does nothing.
TEST_F(ShutdownTest, IdleServerStopsAndMayBeStoppedAgain) {
  InProcessServer server(InProcessServer::Config(dir_.path()));
  const auto stub = Autocomplete::NewStub(server.Connect());
  ASSERT_TRUE(Complete(stub.get(), TextRequest("the ")).status.ok());
  server.server().Shutdown();
  server.server().Shutdown();
  EXPECT_EQ(Complete(stub.get(), TextRequest("the ")).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

// A signal while models are being loaded ends the start.
TEST_F(ShutdownTest, RequestToStopEndsTheStart) {
  StopRequests stop;
  stop.Add();
  const auto server =
      Server::Start(InProcessServer::Config(dir_.path()), &stop);
  EXPECT_EQ(server.status().code(), absl::StatusCode::kCancelled);
}

// Starting and stopping leaves nothing behind that the next start trips over.
TEST_F(ShutdownTest, ServerStartsAgainAndAgain) {
  for (int i = 0; i < 5; ++i) {
    InProcessServer server(InProcessServer::Config(dir_.path()));
    const auto stub = Autocomplete::NewStub(server.Connect());
    EXPECT_TRUE(Complete(stub.get(), TextRequest("the ")).status.ok());
  }
}

}  // namespace
}  // namespace carousel
