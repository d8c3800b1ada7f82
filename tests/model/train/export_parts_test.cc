// SPDX-License-Identifier: Apache-2.0

#include "model/train/export_parts.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(WithCardSectionTest, NewSectionComesLast) {
  EXPECT_EQ(WithCardSection("", "## A\n\none\n"), "## A\n\none\n");
  EXPECT_EQ(WithCardSection("# T\n\n## AB\n\nb\n", "## A\n\none\n"),
            "# T\n\n## AB\n\nb\n\n## A\n\none\n");
}

// What was measured anew does not stand beside what was measured before.
TEST(WithCardSectionTest, SectionTakesThePlaceOfTheOneBefore) {
  EXPECT_EQ(WithCardSection("# T\n\n## A\n\nold\n", "## A\n\none\n"),
            "# T\n\n## A\n\none\n");
  EXPECT_EQ(WithCardSection("## A\n\nold\nolder", "## A\n\none\n"),
            "## A\n\none\n");
  EXPECT_EQ(
      WithCardSection("# T\n\n## A\n\nold\n\n## B\n\nb\n", "## A\n\none\n"),
      "# T\n\n## A\n\none\n\n## B\n\nb\n");
}

}  // namespace
}  // namespace carousel
