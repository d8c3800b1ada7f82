// SPDX-License-Identifier: Apache-2.0

#include "server/engine/state_pool.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace carousel {
namespace {

constexpr StackSizes kSizes = {.inputs = 5, .hidden = 3, .layers = 2};

void FillFrom(const StatePool::Row& row, float first) {
  std::iota(row.values().begin(), row.values().end(), first);
}

TEST(StatePoolTest, RowHoldsHAndCOfEveryLayer) {
  EXPECT_EQ(StatePool(kSizes).floats(), 2u * 2 * 3);
  StackSizes gru = kSizes;
  gru.cell = Cell::kGru;
  EXPECT_EQ(StatePool(gru).floats(), 2u * 3);
}

// Nobody ever reads what another has left behind.
TEST(StatePoolTest, RowThatWasUsedBeforeBeginsFromZeros) {
  StatePool pool(kSizes);
  const float* memory = nullptr;
  {
    const StatePool::Row row = pool.Take();
    memory = row.values().data();
    FillFrom(row, 1);
  }
  const StatePool::Row row = pool.Take();
  ASSERT_EQ(row.values().data(), memory);
  for (float value : row.values()) EXPECT_EQ(value, 0);
}

// A reader that has no right to it gets what spreads and is seen.
TEST(StatePoolTest, RowThatWasGivenBackIsPoisoned) {
  StatePool pool(kSizes);
  absl::Span<float> values;
  {
    const StatePool::Row row = pool.Take();
    values = row.values();
    FillFrom(row, 1);
  }
  for (float value : values) EXPECT_TRUE(std::isnan(value));
}

TEST(StatePoolTest, RowsThatAreTakenAreApart) {
  StatePool pool(kSizes);
  std::vector<StatePool::Row> rows;
  for (int i = 0; i < 150; ++i) {
    rows.push_back(pool.Take());
    FillFrom(rows.back(), static_cast<float>(100 * i));
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].values()[11], static_cast<float>(100 * i + 11));
  }
  EXPECT_EQ(pool.rows_taken(), 150u);
  const size_t memory = pool.memory_bytes();
  rows.clear();
  EXPECT_EQ(pool.rows_taken(), 0u);
  for (int i = 0; i < 150; ++i) rows.push_back(pool.Take());
  EXPECT_EQ(pool.memory_bytes(), memory);
}

TEST(StatePoolTest, RowThatIsMovedIsGivenBackOnce) {
  StatePool pool(kSizes);
  StatePool::Row a = pool.Take();
  FillFrom(a, 5);
  StatePool::Row b = std::move(a);
  EXPECT_EQ(b.values()[0], 5);
  b = pool.Take();
  EXPECT_EQ(pool.rows_taken(), 1u);
}

// (L, N, H) of a step is put together from rows, and taken apart.
TEST(StatePoolTest, GatheredRowsAreScatteredBack) {
  StatePool pool(kSizes);
  const StatePool::Row a = pool.Take(), b = pool.Take();
  FillFrom(a, 0);
  FillFrom(b, 100);
  RecurrentState state = ZeroState(kSizes, 3);
  std::fill(state.h.begin(), state.h.end(), 7.0f);
  pool.Gather({&a, &b}, &state);
  EXPECT_EQ(state.h, (std::vector<float>{0, 1, 2, 100, 101, 102, 0, 0, 0,  //
                                         3, 4, 5, 103, 104, 105, 0, 0, 0}));
  EXPECT_EQ(state.c, (std::vector<float>{6, 7, 8, 106, 107, 108, 0, 0, 0,  //
                                         9, 10, 11, 109, 110, 111, 0, 0, 0}));
  for (float& value : state.h) value += 1000;
  pool.Scatter(state, {&a, &b});
  EXPECT_EQ(a.values()[0], 1000);
  EXPECT_EQ(a.values()[6], 6);
  EXPECT_EQ(b.values()[5], 1105);
  EXPECT_EQ(b.values()[11], 111);
}

}  // namespace
}  // namespace carousel
