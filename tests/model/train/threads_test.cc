// SPDX-License-Identifier: Apache-2.0

#include "model/train/threads.h"

#include <omp.h>

#include <algorithm>

#include "gtest/gtest.h"

namespace carousel {
namespace {

// ctest sets a limit of two. OpenMP itself would say 1000 here.
TEST(ThreadsTest, AreAsManyAsOpenMpMayStart) {
  const int limit = omp_get_thread_limit();
  SetThreads(1000);
  EXPECT_EQ(omp_get_max_threads(), std::min(1000, limit));
  SetThreads(1);
  EXPECT_EQ(omp_get_max_threads(), 1);
}

}  // namespace
}  // namespace carousel
