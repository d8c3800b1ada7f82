// SPDX-License-Identifier: Apache-2.0

#include "model/base/check.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

// A check that holds costs nothing and says nothing.
TEST(CheckTest, TrueConditionGoesOn) { CAROUSEL_CHECK(1 + 1 == 2); }

// The message must lead to the line without a debugger.
TEST(CheckDeathTest, FalseConditionEndsTheProcessAndNamesThePlace) {
  EXPECT_DEATH(CAROUSEL_CHECK(1 + 1 == 3),
               "check_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace carousel
