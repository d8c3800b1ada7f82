// SPDX-License-Identifier: Apache-2.0

#include "server/engine/parts_board.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

TEST(PartsBoardTest, LoneThreadRunsEveryPartInTurn) {
  PartsBoard board(1, [] {});
  PartScratch scratch;
  std::vector<int> parts;
  ASSERT_THAT(board.Run(
                  4,
                  [&](int part, int thread, PartScratch* its) {
                    EXPECT_EQ(thread, 0);
                    EXPECT_EQ(its, &scratch);
                    parts.push_back(part);
                    return absl::OkStatus();
                  },
                  &scratch),
              IsOk());
  EXPECT_EQ(parts, (std::vector<int>{0, 1, 2, 3}));
}

TEST(PartsBoardTest, NothingOfferedIsNothingToHelpWith) {
  PartsBoard board(2, [] {});
  PartScratch scratch;
  EXPECT_FALSE(board.HasWork());
  board.Help(&scratch);
}

// The first part waits for the second, which only a helper can run.
TEST(PartsBoardTest, HelperTakesPartsWhileTheOwnerIsAtWork) {
  std::atomic<bool> woken = false, helped = false;
  PartsBoard board(2, [&] { woken = true; });
  board.SetIdle(true);
  std::thread helper([&] {
    PartScratch scratch;
    while (!helped) board.Help(&scratch);
  });
  PartScratch scratch;
  ASSERT_THAT(board.Run(
                  2,
                  [&](int, int thread, PartScratch*) {
                    if (thread == 1) helped = true;
                    while (!helped) std::this_thread::yield();
                    return absl::OkStatus();
                  },
                  &scratch),
              IsOk());
  helper.join();
  EXPECT_TRUE(woken);
  EXPECT_FALSE(board.HasWork());
}

TEST(PartsBoardTest, EveryPartIsRunOnceByManyThreads) {
  constexpr int kThreads = 4, kParts = 1000;
  PartsBoard board(kThreads, [] {});
  std::vector<std::atomic<int>> runs(kParts);
  std::atomic<bool> over = false;
  std::vector<std::thread> helpers;
  for (int i = 1; i < kThreads; ++i) {
    helpers.emplace_back([&] {
      PartScratch scratch;
      while (!over) board.Help(&scratch);
    });
  }
  PartScratch scratch;
  for (int round = 0; round < 20; ++round) {
    ASSERT_THAT(board.Run(
                    kParts,
                    [&](int part, int thread, PartScratch*) {
                      EXPECT_LT(thread, kThreads);
                      ++runs[static_cast<size_t>(part)];
                      return absl::OkStatus();
                    },
                    &scratch),
                IsOk());
  }
  over = true;
  for (std::thread& helper : helpers) helper.join();
  for (const auto& count : runs) EXPECT_EQ(count, 20);
}

TEST(PartsBoardTest, ErrorOfAPartIsThatOfAllAndEndsThem) {
  PartsBoard board(1, [] {});
  PartScratch scratch;
  int runs = 0;
  EXPECT_THAT(board.Run(
                  9,
                  [&](int part, int, PartScratch*) {
                    ++runs;
                    return part == 2 ? absl::InternalError("no")
                                     : absl::OkStatus();
                  },
                  &scratch),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(runs, 3);
}

}  // namespace
}  // namespace carousel
