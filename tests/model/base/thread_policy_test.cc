// SPDX-License-Identifier: Apache-2.0

#include "model/base/thread_policy.h"

#include <sched.h>

#include <thread>

#include "gtest/gtest.h"

namespace carousel {
namespace {

// Where another policy rules, or none may be set, nothing happens.
class ThreadPolicyTest : public testing::Test {
 protected:
  void SetUp() override {
    bool can_be_set = false;
    std::thread([&] {
      const sched_param none = {};
      can_be_set = sched_getscheduler(0) == SCHED_OTHER &&
                   sched_setscheduler(0, SCHED_BATCH, &none) == 0;
    }).join();
    if (!can_be_set) GTEST_SKIP() << "policies cannot be set here";
  }
};

TEST_F(ThreadPolicyTest, ThreadsThatAreStartedAreAsTheirStarter) {
  std::thread([] {
    InterruptNobody();
    ASSERT_EQ(sched_getscheduler(0), SCHED_BATCH);
    std::thread([] { EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH); }).join();
  }).join();
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST_F(ThreadPolicyTest, ThreadBecomesAnOrdinaryOneAgain) {
  std::thread([] {
    InterruptNobody();
    InterruptOthers();
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  }).join();
}

}  // namespace
}  // namespace carousel
