// SPDX-License-Identifier: Apache-2.0
#include "client/cli/keys.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Key Text(const std::string& text) { return {KeyType::kText, text}; }
Key Pressed(KeyType type) { return {type, ""}; }

TEST(KeyDecoderTest, CharactersAreKeys) {
  EXPECT_THAT(KeyDecoder().Feed("aé日 "),
              ElementsAre(Text("a"), Text("é"), Text("日"), Text(" ")));
}

TEST(KeyDecoderTest, ControlBytesAreKeys) {
  EXPECT_THAT(
      KeyDecoder().Feed("\t\r\x7f\x15\x17"),
      ElementsAre(Pressed(KeyType::kTab), Pressed(KeyType::kEnter),
                  Pressed(KeyType::kBackspace), Pressed(KeyType::kDeleteLine),
                  Pressed(KeyType::kDeleteWord)));
  EXPECT_THAT(KeyDecoder().Feed("\x03"), ElementsAre(Pressed(KeyType::kLeave)));
  EXPECT_THAT(KeyDecoder().Feed("\x04"), ElementsAre(Pressed(KeyType::kLeave)));
}

// Terminals send arrows in one of two dialects.
TEST(KeyDecoderTest, ArrowsAreUnderstoodInBothModes) {
  EXPECT_THAT(KeyDecoder().Feed("\x1b[A\x1bOB\x1b[C\x1bOD"),
              ElementsAre(Pressed(KeyType::kUp), Pressed(KeyType::kDown),
                          Pressed(KeyType::kRight), Pressed(KeyType::kLeft)));
}

// Unknown keys must not type their codes into the line.
TEST(KeyDecoderTest, KeysWithoutAMeaningAreLeftOut) {
  EXPECT_THAT(KeyDecoder().Feed("\x1b[15~\x1b[1;5C\x1bxa\x01"),
              ElementsAre(Text("a"), Pressed(KeyType::kHome)));
}

// read() may cut a key anywhere.
TEST(KeyDecoderTest, AKeyMayArriveByteByByte) {
  KeyDecoder decoder;
  EXPECT_THAT(decoder.Feed("\x1b"), IsEmpty());
  EXPECT_THAT(decoder.Feed("["), IsEmpty());
  EXPECT_TRUE(decoder.pending());
  EXPECT_THAT(decoder.Feed("3"), IsEmpty());
  EXPECT_THAT(decoder.Feed("~"), ElementsAre(Pressed(KeyType::kDelete)));
  EXPECT_THAT(decoder.Feed("\xE6\x97"), IsEmpty());
  EXPECT_THAT(decoder.Feed("\xA5"), ElementsAre(Text("日")));
  EXPECT_FALSE(decoder.pending());
}

// Only silence tells the Esc key from the start of another.
TEST(KeyDecoderTest, AnEscapeWithNothingBehindItLeaves) {
  KeyDecoder decoder;
  EXPECT_THAT(decoder.Feed("a\x1b"), ElementsAre(Text("a")));
  EXPECT_THAT(decoder.Flush(), ElementsAre(Pressed(KeyType::kLeave)));
  EXPECT_FALSE(decoder.pending());
}

// What the line holds goes to the server, which takes UTF-8 only.
TEST(KeyDecoderTest, BytesThatAreNotUtf8AreLeftOut) {
  EXPECT_THAT(KeyDecoder().Feed("\xff\x80"
                                "a\xC3"
                                "b"),
              ElementsAre(Text("a"), Text("b")));
  KeyDecoder decoder;
  EXPECT_THAT(decoder.Feed("\xC3"), IsEmpty());
  EXPECT_THAT(decoder.Flush(), IsEmpty());
}

}  // namespace
}  // namespace carousel
