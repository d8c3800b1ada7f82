// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/status_util.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

}  // namespace
}  // namespace carousel
