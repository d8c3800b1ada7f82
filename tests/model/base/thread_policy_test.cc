// SPDX-License-Identifier: Apache-2.0

#include "model/base/thread_policy.h"

#include <sched.h>

#include <thread>

#include "gtest/gtest.h"

namespace carousel {
namespace {

TEST(ThreadPolicyTest, ThreadsThatAreStartedAreAsTheirStarter) {
  std::thread([] {
    InterruptNobody();
    ASSERT_EQ(sched_getscheduler(0), SCHED_BATCH);
    std::thread([] { EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH); }).join();
  }).join();
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST(ThreadPolicyTest, ThreadBecomesAnOrdinaryOneAgain) {
  std::thread([] {
    InterruptNobody();
    InterruptOthers();
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  }).join();
}

}  // namespace
}  // namespace carousel
