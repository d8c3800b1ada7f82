// SPDX-License-Identifier: Apache-2.0
//
// What those who run the server rely on: health, readiness, metrics,
// reflection, addresses.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"
#include "tests/server/http/raw_http_client.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A unary or one-message streaming call, without generated code: health and
// reflection come with gRPC, but Debian ships no stubs for them.
struct RawReply {
  grpc::Status status;
  std::string bytes;
};

RawReply CallRaw(const std::shared_ptr<grpc::Channel>& channel,
                 const std::string& method, const std::string& bytes) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  next();
  const grpc::Slice slice(bytes);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  next();
  call->WritesDone(nullptr);
  next();
  RawReply reply;
  grpc::ByteBuffer buffer;
  call->Read(&buffer, nullptr);
  if (next()) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(buffer.Dump(&slices).ok());
    for (const grpc::Slice& s : slices) {
      reply.bytes.append(reinterpret_cast<const char*>(s.begin()), s.size());
    }
  }
  call->Finish(&reply.status, nullptr);
  next();
  return reply;
}

// HealthCheckRequest{service} and the HealthCheckResponse for SERVING, as
// bytes.
std::string HealthRequest(const std::string& service) {
  return service.empty() ? ""
                         : std::string("\x0a") +
                               static_cast<char>(service.size()) + service;
}
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

class OperationsTest : public testing::Test {
 protected:
  OperationsTest() { WriteModel(dir_, "en/1"); }

  ServerConfig Config() { return InProcessServer::Config(dir_.path()); }

  static RawReply Health(InProcessServer& server, const std::string& service) {
    return CallRaw(server.Connect(), "/grpc.health.v1.Health/Check",
                   HealthRequest(service));
  }

  static RawReply ListServices(InProcessServer& server) {
    return CallRaw(server.Connect(),
                   "/grpc.reflection.v1alpha.ServerReflection/"
                   "ServerReflectionInfo",
                   std::string("\x3a\x00", 2));  // list_services: ""
  }

  TempDir dir_;
};

// Live, ready, and ready by the service's name, as load balancers ask.
TEST_F(OperationsTest, HealthServesAllNamesWhenReady) {
  InProcessServer server(Config());
  for (const char* service : {"", "ready", "carousel.v1.AutocompleteService",
                              "carousel.v1.ForecastService"}) {
    const RawReply reply = Health(server, service);
    EXPECT_TRUE(reply.status.ok()) << service;
    EXPECT_EQ(reply.bytes, kServing) << service;
  }
  EXPECT_EQ(Health(server, "no.such.Service").status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// The same over HTTP.
TEST_F(OperationsTest, HttpSaysLiveAndReady) {
  InProcessServer server(Config());
  const int port = server.server().http_port();
  EXPECT_THAT(HttpGet(port, "/livez"), HasSubstr("200 OK"));
  EXPECT_THAT(HttpGet(port, "/readyz"), HasSubstr("200 OK"));
  EXPECT_THAT(HttpGet(port, "/other"), HasSubstr("404 Not Found"));
}

// What dashboards and alerts are made of.
TEST_F(OperationsTest, MetricsShowRequestsQueueModelAndProcess) {
  InProcessServer server(Config());
  const auto stub = Autocomplete::NewStub(server.Connect());
  ASSERT_TRUE(Complete(stub.get(), TextRequest("the ")).status.ok());
  ASSERT_FALSE(Complete(stub.get(), TextRequest("\xff")).status.ok());
  const std::string text = HttpGet(server.server().http_port(), "/metrics");
  for (const char* line :
       {"carousel_requests_total{code=\"OK\","
        "method=\"AutocompleteService/Complete\"} 1",
        "carousel_requests_total{code=\"INVALID_ARGUMENT\","
        "method=\"AutocompleteService/Complete\"} 1",
        "carousel_request_seconds_count{"
        "method=\"AutocompleteService/Complete\"} 2",
        "carousel_compute_seconds_count{"
        "method=\"AutocompleteService/Complete\"} 1",
        "carousel_queue_jobs 0", "carousel_workers 2",
        "carousel_expired_total 0",
        "carousel_model_state{model=\"en\",state=\"ready\",version=\"1\"} 1",
        "process_resident_memory_bytes "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

// For grpcurl and its like.
TEST_F(OperationsTest, ReflectionListsTheServices) {
  InProcessServer server(Config());
  EXPECT_THAT(ListServices(server).bytes,
              AllOf(HasSubstr("carousel.v1.AutocompleteService"),
                    HasSubstr("carousel.v1.ModelService"),
                    HasSubstr("grpc.health.v1.Health")));
}

// Off is off, although other servers in the process have it on.
TEST_F(OperationsTest, ReflectionCanBeSwitchedOff) {
  ServerConfig config = Config();
  config.reflection = false;
  InProcessServer server(config);
  EXPECT_EQ(ListServices(server).status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

// A second server on a port must not share its connections silently.
TEST_F(OperationsTest, GrpcPortInUseIsAnError) {
  InProcessServer server(Config());
  ServerConfig config = Config();
  config.grpc_address = absl::StrCat("127.0.0.1:", server.server().grpc_port());
  EXPECT_THAT(Server::Start(config, &server.stop()),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("gRPC"), HasSubstr(config.grpc_address),
                             HasSubstr("Address already in use"))));
}

// Neither must nonsense be taken for an address.
TEST_F(OperationsTest, BadAddressesAreErrors) {
  StopRequests stop;
  ServerConfig config = Config();
  config.grpc_address = "nonsense";
  EXPECT_THAT(Server::Start(config, &stop),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("gRPC address \"nonsense\": expected host")));
  config = Config();
  config.http_address = "nonsense";
  EXPECT_THAT(
      Server::Start(config, &stop),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonsense")));
}

// While requests may come, but the server shall go: still live, not ready. (The
// pause is cut by the test.)
TEST_F(OperationsTest, DrainPauseIsLiveButNotReadyAndServes) {
  ServerConfig config = Config();
  config.drain_pause = absl::InfiniteDuration();
  InProcessServer server(config);
  const int port = server.server().http_port();
  const auto stub = Autocomplete::NewStub(server.Connect());
  server.stop().Add();
  std::thread shutdown([&] { server.server().Shutdown(); });
  while (Health(server, "ready").bytes != kNotServing)
    std::this_thread::yield();
  EXPECT_EQ(Health(server, "").bytes, kServing);
  EXPECT_THAT(HttpGet(port, "/readyz"), HasSubstr("503"));
  EXPECT_THAT(HttpGet(port, "/livez"), HasSubstr("200 OK"));
  EXPECT_TRUE(Complete(stub.get(), TextRequest("the ")).status.ok());
  server.stop().Add();
  shutdown.join();
}

}  // namespace
}  // namespace carousel
