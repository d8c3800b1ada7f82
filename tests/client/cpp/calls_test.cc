// SPDX-License-Identifier: Apache-2.0
//
// What calls.h says beyond what callers of a Client see.
#include "client/cpp/calls.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/cord.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(CallsTest, ErrorsOfAMessageKeepTheirDetails) {
  google::rpc::Status message;
  message.set_code(8);
  message.set_message("full");
  message.add_details()->set_type_url("type.googleapis.com/a.B");
  message.mutable_details(0)->set_value("x");
  const absl::Status status = FromMessage(message);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(status.GetPayload("type.googleapis.com/a.B"), absl::Cord("x"));
}

// A proxy may send anything there; the server's words count still.
TEST(CallsTest, DetailsThatDoNotParseAreNone) {
  Calls calls("127.0.0.1:1");
  const absl::Status status = calls.ToAbslStatus(
      grpc::Status(grpc::StatusCode::NOT_FOUND, "no model", "\xff\xff\xff"),
      absl::Seconds(1));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound, "no model"));
  calls.End();
}

// One that was there need not be started, nor is another the right one.
TEST(CallsTest, ABrokenConnectionIsAServerThatWentAway) {
  Calls calls("127.0.0.1:1");
  const auto unavailable = [&](const std::string& message) {
    return std::string(
        calls
            .ToAbslStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, message),
                          absl::Seconds(1))
            .message());
  };
  EXPECT_EQ(unavailable("Socket closed"),
            "the server at 127.0.0.1:1 went away (Socket closed)");
  EXPECT_EQ(unavailable("draining"), "draining");  // the server's own words
  calls.End();
}

TEST(CallsTest, ADeadlineSaysWhoDidNotAnswerAndHowLong) {
  Calls calls("127.0.0.1:1");
  EXPECT_THAT(
      calls.ToAbslStatus(
          grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline"),
          absl::Milliseconds(50)),
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("within 50ms"))));
  calls.End();
}

// Only then is it the client's end that ended a call.
TEST(CallsTest, CancelledIsAShutdownOnlyAfterOne) {
  Calls calls("127.0.0.1:1");
  const grpc::Status cancelled(grpc::StatusCode::CANCELLED, "by the server");
  EXPECT_THAT(calls.ToAbslStatus(cancelled, absl::Seconds(1)),
              StatusIs(absl::StatusCode::kCancelled, "by the server"));
  calls.End();
  EXPECT_THAT(
      calls.ToAbslStatus(cancelled, absl::Seconds(1)),
      StatusIs(absl::StatusCode::kCancelled, "the client is shut down"));
}

TEST(CallsTest, EachCallHasAnIdOfItsOwn) {
  Calls calls("127.0.0.1:1");
  {
    const CallsUnderWay::Context one(calls.under_way(), absl::Seconds(1));
    const CallsUnderWay::Context other(calls.under_way(),
                                       absl::InfiniteDuration());
    EXPECT_NE(one.id(), other.id());
    calls.Cancel(one.id());
    calls.Cancel(other.id() + 1);  // nobody's
  }
  calls.End();
}

}  // namespace
}  // namespace carousel
