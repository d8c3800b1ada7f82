// SPDX-License-Identifier: Apache-2.0

#include "model/train/communicator.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

// A process of a larger launch, of which only the place is looked at.
class PlaceOnly : public AloneCommunicator {
 public:
  PlaceOnly(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }

 private:
  const int rank_;
  const int size_;
};

// No row may be trained twice or not at all, however many processes there are.
TEST(CommunicatorTest, SlicesOfAllProcessesAreTheRowsOnceEach) {
  for (int size = 1; size <= 5; ++size) {
    for (int rows : {1, 4, 5, 32}) {
      int next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const RowSlice slice = PlaceOnly(rank, size).Slice(rows);
        EXPECT_EQ(slice.first, next)
            << rows << " rows, " << rank << "/" << size;
        next += slice.count;
      }
      EXPECT_EQ(next, rows);
    }
  }
}

// The slowest process sets the pace: none may have two rows more than another.
TEST(CommunicatorTest, SlicesDifferByOneRowAtMost) {
  for (int rank = 0; rank < 3; ++rank) {
    const int count = PlaceOnly(rank, 3).Slice(32).count;
    EXPECT_GE(count, 10);
    EXPECT_LE(count, 11);
  }
}

// Training alone must not need anything of the others.
TEST(CommunicatorTest, SumOverOneProcessIsTheValueItself) {
  float values[] = {1.5f, -2.0f};
  ASSERT_THAT(Communicator::Alone().AllReduceSum(absl::MakeSpan(values)),
              IsOk());
  EXPECT_THAT(values, testing::ElementsAre(1.5f, -2.0f));
  EXPECT_EQ(Communicator::Alone().AllReduceMax(7).value(), 7);
  EXPECT_TRUE(Communicator::Alone().is_writer());
}

}  // namespace
}  // namespace carousel
