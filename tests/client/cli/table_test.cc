// SPDX-License-Identifier: Apache-2.0
#include "client/cli/table.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace carousel {
namespace {

// By what a terminal shows: a wide letter takes two columns, an accent none.
TEST(TableTest, ColumnsAreAlignedByTheirWidth) {
  EXPECT_EQ(
      FormatTable({{"NAME", "N"}, {"\u6f22\u5b57x", "1"}, {"e\u0301", "2"}}),
      "NAME   N\n"
      "\u6f22\u5b57x  1\n"
      "e\u0301      2\n");
}

// Empty cells at the end leave no space there, those within keep theirs.
TEST(TableTest, LinesEndWithTheirLastCell) {
  EXPECT_EQ(FormatTable({{"a", "", "c"}, {"", "b", ""}, {"", "", ""}}),
            "a     c\n"
            "   b\n"
            "\n");
  EXPECT_EQ(FormatTable({{}}), "\n");
}

TEST(TableTest, NumbersHaveAPrefixAndAUnit) {
  EXPECT_EQ(Thousands(0, "B"), "");
  EXPECT_EQ(Thousands(999, "B"), "999 B");
  EXPECT_EQ(Thousands(1000, "B"), "1.0 kB");
  EXPECT_EQ(Thousands(23'400'000, "B"), "23.4 MB");
  EXPECT_EQ(Thousands(11'700'000, ""), "11.7 M");
  EXPECT_EQ(Thousands(std::numeric_limits<int64_t>::max(), "B"),
            "9223372.0 TB");
}

}  // namespace
}  // namespace carousel
