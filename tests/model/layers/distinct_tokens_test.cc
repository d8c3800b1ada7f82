// SPDX-License-Identifier: Apache-2.0

#include "model/layers/distinct_tokens.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DistinctTokensTest, EachTokenIsThereOnceAndIsFoundByItsPlace) {
  DistinctTokens distinct;
  distinct.Set({7, 3, 7, 0, 3}, 8);
  EXPECT_THAT(distinct.tokens(), ElementsAre(7, 3, 0));
  EXPECT_THAT(distinct.places(), ElementsAre(0, 1, 0, 2, 1));
}

TEST(DistinctTokensTest, ABatchLeavesNoTraceInTheNextOne) {
  DistinctTokens distinct;
  distinct.Set({7, 3}, 8);
  distinct.Set({9, 7}, 10);  // of a larger vocabulary
  EXPECT_THAT(distinct.tokens(), ElementsAre(9, 7));
  EXPECT_THAT(distinct.places(), ElementsAre(0, 1));
  distinct.Set({}, 8);
  EXPECT_THAT(distinct.tokens(), IsEmpty());
}

}  // namespace
}  // namespace carousel
