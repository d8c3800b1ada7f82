// SPDX-License-Identifier: Apache-2.0

#include "model/train/run_checkpoint.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;

std::vector<NamedTensor> Weights(float value) {
  return {{"a", Tensor::FromFloats({2}, {1, value})}};
}

// Doubles and texts with their bits: the resumed run must not differ.
TEST(RunCheckpointTest, KeepsEveryFieldOfTheState) {
  TempDir dir;
  RunState state;
  state.step = 7;
  state.seconds = 0.1 + 0.2;
  state.batches = R"({"epoch": 1})";
  state.plateau_scale = 1.0 / 3;
  state.averaging = true;
  state.best_figures = R"({"perplexity":81.5})";
  ASSERT_THAT(SaveRunCheckpoint(dir.File("c"), Weights(2), state, "task", "{}"),
              IsOk());
  const auto opened = OpenRunCheckpoint(dir.File("c"));
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->task, "task");
  EXPECT_EQ(opened->config, "{}");
  EXPECT_EQ(opened->state.step, 7);
  EXPECT_EQ(opened->state.seconds, state.seconds);
  EXPECT_EQ(opened->state.batches, state.batches);
  EXPECT_EQ(opened->state.plateau_scale, state.plateau_scale);
  EXPECT_TRUE(opened->state.averaging);
  EXPECT_EQ(opened->state.best_figures, state.best_figures);
}

// What cannot be gone on from must not replace what can.
TEST(RunCheckpointTest, NumbersThatAreNotFiniteAreNeverWritten) {
  TempDir dir;
  ASSERT_THAT(SaveRunCheckpoint(dir.File("c"), Weights(2), {}, "task", "{}"),
              IsOk());
  for (const float bad : {std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THAT(
        SaveRunCheckpoint(dir.File("c"), Weights(bad), {}, "task", "{}"),
        StatusIs(absl::StatusCode::kInternal, HasSubstr("tensor \"a\" holds")));
  }
  const auto opened = OpenRunCheckpoint(dir.File("c"));
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(opened->tensors->Get("a")->data<float>()[1], 2);
}

}  // namespace
}  // namespace carousel
