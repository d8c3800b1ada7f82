// SPDX-License-Identifier: Apache-2.0

#include "model/base/quote.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(QuoteForMessageTest, StandsInQuotationMarks) {
  EXPECT_EQ(QuoteForMessage(""), "\"\"");
  EXPECT_EQ(QuoteForMessage("two words"), "\"two words\"");
}

// What was found may be anything; the message is a line of text.
TEST(QuoteForMessageTest, EscapesWhatCannotBeShown) {
  EXPECT_EQ(QuoteForMessage("a\n\"b\"\t\\"), R"("a\n\"b\"\t\\")");
  EXPECT_EQ(QuoteForMessage("\xff\x01"), R"("\xff\x01")");
  EXPECT_EQ(QuoteForMessage(absl::string_view("\0", 1)), R"("\x00")");
}

TEST(QuoteForMessageTest, CutsWhatIsLong) {
  const std::string most(80, 'x');
  EXPECT_EQ(QuoteForMessage(most), "\"" + most + "\"");
  EXPECT_EQ(QuoteForMessage(most + "y"), "\"" + most + "...\"");
}

}  // namespace
}  // namespace carousel
