// SPDX-License-Identifier: Apache-2.0

#include "server/http/http_server.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "tests/server/http/raw_http_client.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

HttpResponse Echo(const HttpRequest& request) {
  return {.body = absl::StrCat(request.method, " ", request.target, "\n")};
}

class HttpServerTest : public testing::Test {
 protected:
  void Start(const HttpServerOptions& options = {}) {
    auto server = HttpServer::Start(options, Echo);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }

  // The answer to `bytes` on a connection of its own.
  std::string Exchange(const std::string& bytes) {
    RawHttpClient client(server_->port());
    client.Send(bytes);
    client.CloseSending();
    return client.ReadAll();
  }

  std::unique_ptr<HttpServer> server_;
};

// The ordinary case, with the headers that clients rely on.
TEST_F(HttpServerTest, AnswersARequest) {
  Start();
  EXPECT_THAT(Exchange("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"),
                    HasSubstr("Content-Length: 9\r\n"),
                    EndsWith("\r\n\r\nGET /a?b\n")));
}

// Prometheus keeps its connection.
TEST_F(HttpServerTest, ConnectionServesSeveralRequests) {
  Start();
  RawHttpClient client(server_->port());
  for (const char* path : {"/1", "/2", "/3"}) {
    client.Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_THAT(client.ReadUntil(absl::StrCat("GET ", path, "\n")),
                StartsWith("HTTP/1.1 200 OK"));
  }
}

// The length is that of GET's body, the body stays away.
TEST_F(HttpServerTest, HeadHasNoBody) {
  Start();
  EXPECT_THAT(Exchange("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(HasSubstr("Content-Length: 8\r\n"), EndsWith("\r\n\r\n")));
}

// HTTP/1.0 without keep-alive, as simple probes speak it.
TEST_F(HttpServerTest, OldClientIsAnsweredAndClosed) {
  Start();
  RawHttpClient client(server_->port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("200 OK"));
}

// A body is not read: answer and close, whatever its length claims to be.
TEST_F(HttpServerTest, RequestWithABodyIsAnsweredAndClosed) {
  Start();
  RawHttpClient client(server_->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_THAT(client.ReadAll(),
              AllOf(HasSubstr("200 OK"), HasSubstr("Connection: close\r\n")));
}

// A header without end is cut off, not stored.
TEST_F(HttpServerTest, LongHeaderIsRefused) {
  Start({.max_header_bytes = 1000});
  EXPECT_THAT(Exchange(absl::StrCat(
                  "GET / HTTP/1.1\r\nX: ", std::string(5000, 'x'), "\r\n\r\n")),
              StartsWith("HTTP/1.1 431 "));
}

// Somebody speaks TLS or gRPC to this port.
TEST_F(HttpServerTest, WhatIsNotHttpGetsA400) {
  Start();
  EXPECT_THAT(Exchange("\x16\x03\x01\x02\n\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

// One byte and then silence holds no connection for ever. (The server's own
// timer ends it: the client only reads.)
TEST_F(HttpServerTest, SilentConnectionIsClosed) {
  Start({.idle_timeout = absl::Milliseconds(20)});
  RawHttpClient client(server_->port());
  client.Send("G");
  EXPECT_EQ(client.ReadAll(), "");
}

// More clients than connections wait for their turn; none is lost.
TEST_F(HttpServerTest, ConnectionsBeyondTheBoundWait) {
  Start({.max_connections = 1});
  auto first = std::make_unique<RawHttpClient>(server_->port());
  first->Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  first->ReadUntil("GET /1\n");
  RawHttpClient second(server_->port());
  second.Send("GET /2 HTTP/1.0\r\n\r\n");
  first.reset();
  EXPECT_THAT(second.ReadAll(), EndsWith("GET /2\n"));
}

// Random and damaged requests: an answer or a closed connection, then business
// as usual.
TEST_F(HttpServerTest, SurvivesGarbage) {
  Start();
  const std::string good = "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    std::string bytes = good;
    if (seed % 2 == 0) bytes.resize(random.Below(200));
    const uint64_t changes = 1 + random.Below(8);
    for (uint64_t i = 0; i < changes && !bytes.empty(); ++i) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Bits());
    }
    Exchange(bytes);
  }
  EXPECT_THAT(Exchange(good), HasSubstr("200 OK"));
}

// Connections that are open do not hold up the end.
TEST_F(HttpServerTest, StopsWithOpenConnections) {
  Start();
  RawHttpClient idle(server_->port());
  RawHttpClient half(server_->port());
  half.Send("GET / HT");
  server_.reset();
  EXPECT_EQ(idle.ReadAll(), "");
}

// Two servers on one port: the second says what is the matter.
TEST_F(HttpServerTest, AddressInUseIsAnError) {
  Start();
  EXPECT_THAT(
      HttpServer::Start(
          {.address = absl::StrCat("127.0.0.1:", server_->port())}, Echo),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("Address already in use"),
                     HasSubstr(absl::StrCat(server_->port())))));
}

// Whatever cannot be an address is named.
TEST_F(HttpServerTest, BadAddressIsAnError) {
  for (const char* address : {"", "127.0.0.1", ":80", "127.0.0.1:http",
                              "127.0.0.1:99999", "no.such.host.invalid:0"}) {
    EXPECT_THAT(HttpServer::Start({.address = address}, Echo),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("\"", address, "\""))))
        << address;
  }
}

}  // namespace
}  // namespace carousel
