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
  const absl::Status status = InvalidField("model.name", "expected a name");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "model.name: expected a name"));
  const auto detail = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(detail.field_violations_size(), 1);
  EXPECT_EQ(detail.field_violations(0).field(), "model.name");
  EXPECT_EQ(detail.field_violations(0).description(), "expected a name");
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

// Options are called as their fields are.
TEST(ErrorsTest, OptionOutOfItsBoundsIsTheField) {
  EXPECT_THAT(AboutOption(absl::OkStatus()), IsOk());
  const absl::Status status =
      AboutOption(absl::InvalidArgumentError("max_words: expected 1: no"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "max_words: expected 1: no"));
  EXPECT_EQ(
      DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(),
      "max_words");
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
  EXPECT_LE(cut.size(), 512u);
  EXPECT_GE(cut.size(), 507u);
  EXPECT_EQ((cut.size() - 1 - 3) % 3, 0u);
  EXPECT_THAT(cut, EndsWith("\xe2\x82\xac..."));
}

// A path, for instance, need not be UTF-8: protobuf would refuse the detail.
TEST(ErrorsTest, TextsOfDetailsAreValid) {
  EXPECT_EQ(DetailOf<google::rpc::ResourceInfo>(
                AboutModel("mood", absl::NotFoundError("in \xff/")))
                .description(),
            "in \xEF\xBF\xBD/");
}

// Advice to try again is told in another way (model/base/retry.h).
TEST(ErrorsTest, OtherPayloadsAreNoDetails) {
  EXPECT_THAT(ErrorDetails(absl::InternalError("bug")), IsEmpty());
  EXPECT_THAT(ErrorDetails(WithRetryDelay(absl::ResourceExhaustedError("full"),
                                          absl::Seconds(1))),
              IsEmpty());
}

// Trailers are bounded; the cut shows.
TEST(ErrorsTest, LongMessageIsCut) {
  const std::string text = MessageText(std::string(5000, 'a'));
  EXPECT_EQ(text.size(), kMaxMessageBytes);
  EXPECT_THAT(text, EndsWith("a..."));
}

// A cut inside a character would make the message unreadable for clients that
// check.
TEST(ErrorsTest, CutLeavesCharactersWhole) {
  std::string text;
  while (text.size() < 2000) text += "€";  // three bytes
  const std::string cut = MessageText(text);
  EXPECT_LE(cut.size(), kMaxMessageBytes);
  EXPECT_EQ((cut.size() - 3) % 3, 0u);
}

// What a caller sent may come back in a message: it must not break the trailer.
TEST(ErrorsTest, MessageBecomesValidAndPrintable) {
  EXPECT_EQ(MessageText("a\xff\nb"), "a\xEF\xBF\xBD b");
  EXPECT_EQ(MessageText(std::string("a\0b", 3)), "a b");
  const std::string odd = MessageText(std::string(5000, '\xff'), 10);
  EXPECT_EQ(odd, "\xEF\xBF\xBD\xEF\xBF\xBD...");
}

// What a program can act on comes as Google's message, a moment late at most
// and never a moment early.
TEST(ErrorsTest, RetryDelayBecomesRetryInfoInWholeMilliseconds) {
  const google::rpc::Status message = ToStatusMessage(WithRetryDelay(
      absl::ResourceExhaustedError("full"), absl::Microseconds(2000001)));
  EXPECT_EQ(message.code(),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(message.message(), "full");
  ASSERT_EQ(message.details_size(), 1);
  EXPECT_EQ(message.details(0).type_url(),
            "type.googleapis.com/google.rpc.RetryInfo");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(message.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 1000000);
}

TEST(ErrorsTest, FieldThatIsWrongBecomesABadRequest) {
  const google::rpc::Status message =
      ToStatusMessage(InvalidField("text", "expected 8, found 9"));
  EXPECT_EQ(message.message(), "text: expected 8, found 9");
  ASSERT_EQ(message.details_size(), 1);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(message.details(0).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "text");
  EXPECT_EQ(bad.field_violations(0).description(), "expected 8, found 9");
}

// "For ever" must fit into a client's integers.
TEST(ErrorsTest, LongestRetryDelayIsADay) {
  const google::rpc::Status message = ToStatusMessage(WithRetryDelay(
      absl::UnavailableError("closed"), absl::InfiniteDuration()));
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(message.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 24 * 3600);
}

}  // namespace
}  // namespace carousel
