// SPDX-License-Identifier: Apache-2.0

#include "model/base/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace carousel {
namespace {

class MutexTest : public testing::Test {
 protected:
  // On a thread of its own, and that cannot go on before the mutex is free.
  std::thread SetReady(void (CondVar::*notify)()) {
    return std::thread([this, notify] {
      MutexLock lock(&mutex_);
      ready_ = true;
      (changed_.*notify)();
    });
  }

  Mutex mutex_;
  CondVar changed_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
};

// Without the lock some of the additions are lost.
TEST_F(MutexTest, OneThreadAtATimeHoldsIt) {
  constexpr int kThreads = 4;
  constexpr int kTimes = 10'000;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int time = 0; time < kTimes; ++time) {
        MutexLock lock(&mutex_);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kTimes);
}

// Else the other thread never comes to say so.
TEST_F(MutexTest, WhoWaitsLetsOthersHoldIt) {
  std::thread other;
  {
    MutexLock lock(&mutex_);
    other = SetReady(&CondVar::NotifyOne);
    while (!ready_) changed_.Wait(&mutex_);
  }
  other.join();
}

TEST_F(MutexTest, NotifyAllWakesEachThatWaits) {
  std::vector<std::thread> waiting;
  int waits = 0;
  CondVar one_waits;
  for (int i = 0; i < 3; ++i) {
    waiting.emplace_back([&] {
      MutexLock lock(&mutex_);
      ++waits;
      one_waits.NotifyOne();
      while (!ready_) changed_.Wait(&mutex_);
    });
  }
  {
    MutexLock lock(&mutex_);
    while (waits < 3) one_waits.Wait(&mutex_);
  }
  SetReady(&CondVar::NotifyAll).join();
  for (std::thread& thread : waiting) thread.join();
}

// "For ever" is a deadline, too.
TEST_F(MutexTest, WaitUntilTheEndOfTimeEndsWhenNotified) {
  std::thread other;
  {
    MutexLock lock(&mutex_);
    other = SetReady(&CondVar::NotifyOne);
    while (!ready_) {
      EXPECT_TRUE(changed_.WaitUntil(&mutex_, absl::InfiniteFuture()));
    }
  }
  other.join();
}

TEST_F(MutexTest, WaitUntilEndsAtItsDeadline) {
  const absl::Time deadline = absl::Now() + absl::Milliseconds(1);
  MutexLock lock(&mutex_);
  while (changed_.WaitUntil(&mutex_, deadline)) {
  }
  EXPECT_GE(absl::Now(), deadline);
  EXPECT_FALSE(changed_.WaitUntil(&mutex_, absl::InfinitePast()));
}

}  // namespace
}  // namespace carousel
