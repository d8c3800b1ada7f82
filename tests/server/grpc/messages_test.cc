// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/messages.h"

#include <string>

#include "carousel/v1/forecast.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

grpc::ByteBuffer Bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

// A field with a length before it; `content` is shorter than 128 bytes.
std::string Field(int number, const std::string& content) {
  return std::string{static_cast<char>(number << 3 | 2),
                     static_cast<char>(content.size())} +
         content;
}

const std::string kNumber5 = "\x08\x05";

TEST(MessagesTest, NumberAndRequestAreRead) {
  const auto request =
      ParseNumberedRequest(Bytes(kNumber5 + Field(2, Field(2, "abc"))));
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->name, 5);
  ASSERT_THAT(request->request, IsOk());
  EXPECT_EQ(request->request->text(), "abc");
}

// protobuf refuses the whole message for it; its number is wanted all the same.
TEST(MessagesTest, NumberIsReadWhereTheTextIsNotUtf8) {
  for (const std::string& bytes : {kNumber5 + Field(2, Field(2, "\xff")),
                                   Field(2, Field(2, "\xff")) + kNumber5}) {
    const auto request = ParseNumberedRequest(Bytes(bytes));
    ASSERT_THAT(request, IsOk());
    EXPECT_EQ(request->name, 5);
    EXPECT_THAT(request->request,
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("carousel.v1.CompleteRequest: expected")));
  }
}

TEST(MessagesTest, RequestThatIsNotSetIsRefusedAlone) {
  const auto request = ParseNumberedRequest(Bytes(kNumber5));
  ASSERT_THAT(request, IsOk());
  EXPECT_THAT(request->request,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("request: expected one, found none")));
}

// Nobody could say which request is refused.
TEST(MessagesTest, BytesWithoutFieldsAreNoMessage) {
  for (const std::string& bytes :
       {std::string("\xff\xff"), kNumber5 + "\x12\x7f" + "cut off",
        std::string("\x0b")}) {
    EXPECT_THAT(ParseNumberedRequest(Bytes(bytes)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("CompleteStreamRequest")));
  }
}

TEST(MessagesTest, IdIsReadWhereTheTextIsNotUtf8) {
  const auto request = ParseRequestWithId<v1::ScoreStreamRequest>(
      Bytes(Field(1, "a7") + Field(2, Field(2, "\xff"))));
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->name, "a7");
  EXPECT_THAT(request->request,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("carousel.v1.ScoreRequest: expected")));
}

// An answer by it could not be sent.
TEST(MessagesTest, IdThatIsNotUtf8IsNoMessage) {
  EXPECT_THAT(
      ParseRequestWithId<v1::ScoreStreamRequest>(Bytes(Field(1, "\xff"))),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

// Two bytes each would become a hundred before anybody has looked at them.
TEST(MessagesTest, MessagesOfNothingButEmptyOnesAreRefused) {
  v1::ForecastRequest request;
  for (int i = 0; i < 1 << 17; ++i) request.add_timestamps();
  const auto bytes = [&] { return Bytes(request.SerializeAsString()); };
  v1::ForecastRequest parsed;
  EXPECT_THAT(ParseMessage(bytes(), &parsed), IsOk());
  EXPECT_EQ(parsed.timestamps_size(), 1 << 17);
  request.add_timestamps();
  v1::ForecastRequest refused;
  EXPECT_THAT(ParseMessage(bytes(), &refused),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("more than 131072 fields")));
  EXPECT_EQ(refused.timestamps_size(), 0);
}

}  // namespace
}  // namespace carousel
