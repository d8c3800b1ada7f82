// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/status_util.h"

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "model/base/retry.h"
#include "server/core/errors.h"

namespace carousel {
namespace {

using testing::EndsWith;

// Both libraries number the canonical codes alike; the cast relies on it.
TEST(StatusUtilTest, CodesAreTheSame) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ToGrpcStatus(absl::InvalidArgumentError("x")).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ToGrpcStatus(absl::ResourceExhaustedError("x")).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ToGrpcStatus(absl::UnavailableError("x")).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ToGrpcStatus(absl::UnauthenticatedError("x")).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
}

// Ordinary messages arrive as they are.
TEST(StatusUtilTest, ShortMessageIsKept) {
  EXPECT_EQ(ToGrpcStatus(absl::NotFoundError("no \"x\" (é)")).error_message(),
            "no \"x\" (é)");
}

// Trailers are bounded; the cut shows.
TEST(StatusUtilTest, LongMessageIsCut) {
  const std::string text = ForTrailer(std::string(5000, 'a'));
  EXPECT_EQ(text.size(), kMaxMessageBytes);
  EXPECT_THAT(text, EndsWith("a..."));
}

// A cut inside a character would make the message unreadable for clients that
// check.
TEST(StatusUtilTest, CutLeavesCharactersWhole) {
  std::string text;
  while (text.size() < 2000) text += "€";  // three bytes
  const std::string cut = ForTrailer(text);
  EXPECT_LE(cut.size(), kMaxMessageBytes);
  EXPECT_EQ((cut.size() - 3) % 3, 0u);
}

// What a caller sent may come back in a message: it must not break the trailer.
TEST(StatusUtilTest, MessageBecomesValidAndPrintable) {
  EXPECT_EQ(ForTrailer("a\xff\nb"), "a\xEF\xBF\xBD b");
  EXPECT_EQ(ForTrailer(std::string("a\0b", 3)), "a b");
}

// What a program can act on comes as Google's message, a moment late at most
// and never a moment early.
TEST(StatusUtilTest, RetryDelayBecomesRetryInfoInWholeMilliseconds) {
  const google::rpc::Status message = ToStatusMessage(WithRetryDelay(
      absl::ResourceExhaustedError("full"), absl::Microseconds(2000001)));
  EXPECT_EQ(message.code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(message.message(), "full");
  ASSERT_EQ(message.details_size(), 1);
  EXPECT_EQ(message.details(0).type_url(),
            "type.googleapis.com/google.rpc.RetryInfo");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(message.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 1000000);
}

TEST(StatusUtilTest, FieldThatIsWrongBecomesABadRequest) {
  const google::rpc::Status message =
      ToStatusMessage(InvalidField("text", "has 9 bytes; at most 8"));
  EXPECT_EQ(message.message(), "text has 9 bytes; at most 8");
  ASSERT_EQ(message.details_size(), 1);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(message.details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "text");
  EXPECT_EQ(bad.field_violations(0).description(), "has 9 bytes; at most 8");
}

// "For ever" must fit into a client's integers.
TEST(StatusUtilTest, LongestRetryDelayIsADay) {
  const google::rpc::Status message = ToStatusMessage(WithRetryDelay(
      absl::UnavailableError("closed"), absl::InfiniteDuration()));
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(message.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 24 * 3600);
}

// The details are for those that have some: trailers are dear.
TEST(StatusUtilTest, StatusWithoutARetryDelayHasNoDetails) {
  EXPECT_EQ(ToGrpcStatus(absl::NotFoundError("x")).error_details(), "");
}

}  // namespace
}  // namespace carousel
