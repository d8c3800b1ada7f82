// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/status_util.h"

#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "model/base/retry.h"

namespace carousel {
namespace {

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

// The details are for those that have some: trailers are dear.
TEST(StatusUtilTest, DetailsComeWithAWholeStatus) {
  EXPECT_EQ(ToGrpcStatus(absl::NotFoundError("x")).error_details(), "");
  const grpc::Status status = ToGrpcStatus(WithRetryDelay(
      absl::ResourceExhaustedError("full"), absl::Milliseconds(5)));
  google::rpc::Status message;
  ASSERT_TRUE(message.ParseFromString(status.error_details()));
  EXPECT_EQ(message.code(), status.error_code());
  EXPECT_EQ(message.message(), "full");
  EXPECT_EQ(message.details_size(), 1);
}

}  // namespace
}  // namespace carousel
