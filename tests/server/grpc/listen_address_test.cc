// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/listen_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "server/grpc/grpc_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Whether this machine has the address ::1.
bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in6 loopback = {};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const bool bound =
      bind(fd, reinterpret_cast<sockaddr*>(&loopback), sizeof(loopback)) == 0;
  close(fd);
  return bound;
}

// Whether a server starts on `address` and a client reaches it there, or at its
// port of `host`.
void ExpectServes(const std::string& address, const std::string& host = "") {
  const auto server = GrpcServer::Start({.address = address}, {}, {});
  ASSERT_THAT(server, IsOk()) << address;
  const auto channel = grpc::CreateChannel(
      host.empty() ? address : absl::StrCat(host, ":", (*server)->port()),
      grpc::InsecureChannelCredentials());
  EXPECT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                        std::chrono::seconds(20)))
      << address;
}

TEST(ListenAddressTest, ServersListenOnWhatIsFree) {
  ExpectServes("127.0.0.1:0", "127.0.0.1");
  ExpectServes("0.0.0.0:0", "127.0.0.1");
  ExpectServes("localhost:0", "localhost");
  TempDir dir;
  ExpectServes("unix:" + dir.File("socket"));
  if (!HasIpv6()) return;
  ExpectServes("[::1]:0", "[::1]");
  ExpectServes("[::]:0", "[::1]");
}

// As for HTTP; by every name of the address.
TEST(ListenAddressTest, WhatIsInUseIsSaidToBe) {
  const auto server = GrpcServer::Start({.address = "127.0.0.1:0"}, {}, {});
  ASSERT_THAT(server, IsOk());
  for (const char* host : {"127.0.0.1", "0.0.0.0", "localhost"}) {
    const std::string address = absl::StrCat(host, ":", (*server)->port());
    const auto in_use =
        StatusIs(absl::StatusCode::kUnavailable,
                 AllOf(HasSubstr(absl::StrCat("\"", address, "\": ")),
                       HasSubstr("Address already in use")));
    EXPECT_THAT(CheckListenAddress(address), in_use);
    EXPECT_THAT(GrpcServer::Start({.address = address}, {}, {}), in_use);
  }
}

// 192.0.2.0/24 is for documentation: nobody has it.
TEST(ListenAddressTest, AddressOfAnotherMachineCannotBeHad) {
  EXPECT_THAT(CheckListenAddress("192.0.2.1:0"),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("Cannot assign requested address")));
}

TEST(ListenAddressTest, WhatIsNoAddressIsSaidToBeNone) {
  for (const char* address :
       {"", "foo", ":50051", "127.0.0.1:", "127.0.0.1:grpc", "127.0.0.1:65536",
        "127.0.0.1:-1", "[::1:50051", "::1:50051", "[localhost]:1", "[]:1",
        "::"}) {
    EXPECT_THAT(CheckListenAddress(address),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("gRPC address \"", address,
                                                "\": expected host:port"))));
  }
}

TEST(ListenAddressTest, HostThatNobodyKnowsIsNamed) {
  EXPECT_THAT(CheckListenAddress("[::zz]:1"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("gRPC address \"[::zz]:1\": ")));
}

}  // namespace
}  // namespace carousel
