// SPDX-License-Identifier: Apache-2.0

#include "server/core/errors.h"

#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "model/base/retry.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::EndsWith;
using testing::IsEmpty;
using testing::SizeIs;

// The only detail, which must be of that type.
template <typename Detail>
Detail DetailOf(const absl::Status& status) {
  const auto details = ErrorDetails(status);
  EXPECT_THAT(details, SizeIs(1));
  Detail detail;
  EXPECT_TRUE(details.at(0).UnpackTo(&detail));
  return detail;
}

TEST(ErrorsTest, FieldIsNamedInTheMessageAndApart) {
  const absl::Status status = InvalidField("model.name", "is needed");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "model.name is needed"));
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(detail.field_violations_size(), 1);
  EXPECT_EQ(detail.field_violations(0).field(), "model.name");
  EXPECT_EQ(detail.field_violations(0).description(), "is needed");
}

// Code and message stay.
TEST(ErrorsTest, ErrorOfAnotherPlaceGetsAField) {
  const absl::Status status =
      AboutField("text", absl::OutOfRangeError("too far"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kOutOfRange, "too far"));
  EXPECT_EQ(
      DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(),
      "text");
}

TEST(ErrorsTest, MissingModelIsAResource) {
  const auto detail = DetailOf<google::rpc::ResourceInfo>(
      AboutModel("mood/7", absl::NotFoundError("ready: none")));
  EXPECT_EQ(detail.resource_type(), "model");
  EXPECT_EQ(detail.resource_name(), "mood/7");
  EXPECT_EQ(detail.description(), "ready: none");
}

// Trailers are small, and a cut must not fall into a character.
TEST(ErrorsTest, TextsOfDetailsAreCutBetweenCharacters) {
  std::string name = "x";
  while (name.size() < 2000) name += "\xe2\x82\xac";  // three bytes each
  const std::string cut = DetailOf<google::rpc::ResourceInfo>(
                              AboutModel(name, absl::NotFoundError("")))
                              .resource_name();
  EXPECT_LE(cut.size(), 515u);
  EXPECT_GE(cut.size(), 510u);
  EXPECT_EQ((cut.size() - 1 - 3) % 3, 0u);
  EXPECT_THAT(cut, EndsWith("\xe2\x82\xac..."));
}

// Advice to try again is told in another way (model/base/retry.h).
TEST(ErrorsTest, OtherPayloadsAreNoDetails) {
  EXPECT_THAT(ErrorDetails(absl::InternalError("bug")), IsEmpty());
  EXPECT_THAT(ErrorDetails(WithRetryDelay(absl::ResourceExhaustedError("full"),
                                          absl::Seconds(1))),
              IsEmpty());
}

}  // namespace
}  // namespace carousel
