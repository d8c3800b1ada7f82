// SPDX-License-Identifier: Apache-2.0

#include "model/train/batch_stream.h"

#include <algorithm>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr int32_t kNone = LanguageModelBatch::kNoTarget;

// Lines of different lengths; no two are equal.
std::shared_ptr<const Corpus> ManyLines(int lines) {
  std::vector<int32_t> tokens;
  Random random(7);
  for (int line = 0; line < lines; ++line) {
    tokens.push_back(10 + line);
    for (uint64_t i = random.Below(6); i > 0; --i) tokens.push_back(5);
    tokens.push_back(1);
  }
  return Corpus::Of(tokens);
}

std::vector<std::vector<int32_t>> SortedLines(
    const std::vector<int32_t>& tokens) {
  std::vector<std::vector<int32_t>> lines(1);
  for (const int32_t token : tokens) {
    lines.back().push_back(token);
    if (token == 1) lines.emplace_back();
  }
  lines.pop_back();
  std::sort(lines.begin(), lines.end());
  return lines;
}

// One row's targets over several batches, without kNoTarget.
std::vector<int32_t> RowTargets(const LanguageModelBatch& batch, int row,
                                int rows) {
  std::vector<int32_t> targets;
  for (size_t i = static_cast<size_t>(row); i < batch.targets.size();
       i += static_cast<size_t>(rows)) {
    if (batch.targets[i] != kNone) targets.push_back(batch.targets[i]);
  }
  return targets;
}

// The layout that the trainer is given, by hand: (T, N) = (3, 2).
TEST(BatchStreamTest, LinesFillRowsAndGoOnInTheNextBatch) {
  BatchStream stream(Corpus::Of({5, 6, 7, 8, 1, 9, 1}),
                     {.rows = 2, .steps = 3, .training = false});
  LanguageModelBatch batch;
  ASSERT_TRUE(stream.Next(&batch));
  EXPECT_THAT(batch.inputs, ElementsAre(1, 1, 5, 9, 6, 1));
  EXPECT_THAT(batch.targets, ElementsAre(5, 9, 6, 1, 7, kNone));
  EXPECT_THAT(batch.resets, ElementsAre(1, 1, 0, 0, 0, 0));
  ASSERT_TRUE(stream.Next(&batch));
  EXPECT_THAT(batch.inputs, ElementsAre(7, 1, 8, 1, 1, 1));
  EXPECT_THAT(batch.targets, ElementsAre(8, kNone, 1, kNone, kNone, kNone));
  EXPECT_THAT(batch.resets, ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_FALSE(stream.Next(&batch));
}

// An epoch that skips or repeats lines trains on another text than it says.
TEST(BatchStreamTest, AnEpochHandsOutEveryLineOnce) {
  const auto corpus = ManyLines(200);
  BatchStream stream(corpus, {.rows = 3,
                              .steps = 4,
                              .training = false,
                              .block_tokens = 20,
                              .blocks_at_once = 4});
  std::vector<int32_t> rows[3];
  LanguageModelBatch batch;
  while (stream.Next(&batch)) {
    for (int row = 0; row < 3; ++row) {
      const auto targets = RowTargets(batch, row, 3);
      rows[row].insert(rows[row].end(), targets.begin(), targets.end());
    }
  }
  std::vector<int32_t> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  EXPECT_EQ(SortedLines(all),
            SortedLines({corpus->tokens().begin(), corpus->tokens().end()}));
}

// The same for training, whose epochs run into one another: one row, so that
// the lines come out in order.
TEST(BatchStreamTest, TrainingShufflesEveryEpochDifferently) {
  const auto corpus = ManyLines(100);
  const auto size = corpus->tokens().size();
  BatchStream stream(
      corpus, {.rows = 1, .steps = 1, .block_tokens = 20, .blocks_at_once = 4});
  LanguageModelBatch batch;
  std::vector<int32_t> epochs[2];
  for (auto& epoch : epochs) {
    for (size_t i = 0; i < size; ++i) {
      ASSERT_TRUE(stream.Next(&batch));
      epoch.push_back(batch.targets[0]);
    }
    EXPECT_EQ(SortedLines(epoch),
              SortedLines({corpus->tokens().begin(), corpus->tokens().end()}));
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_EQ(stream.epoch(), 2);
}

// Rows without gaps: no work is wasted on padding.
TEST(BatchStreamTest, TrainingBatchesAreFull) {
  BatchStream stream(ManyLines(50), {.rows = 4, .steps = 5});
  LanguageModelBatch batch;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(stream.Next(&batch));
    EXPECT_EQ(std::count(batch.targets.begin(), batch.targets.end(), kNone), 0);
  }
}

// A state that is not reset would leak one line into the next.
TEST(BatchStreamTest, StateIsResetWhereALineBeginsAndNowhereElse) {
  BatchStream stream(ManyLines(50), {.rows = 4, .steps = 5});
  LanguageModelBatch batch;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(stream.Next(&batch));
    for (size_t j = 0; j < batch.inputs.size(); ++j) {
      EXPECT_EQ(batch.resets[j] == 1, batch.inputs[j] == 1);
    }
  }
}

// By hand: seven tokens in two rows of four and three; T = 3.
TEST(BatchStreamTest, StreamRowsReadContiguousParts) {
  BatchStream stream(Corpus::Of({5, 6, 1, 7, 8, 9, 1}),
                     {.context = LineContext::kStream, .rows = 2, .steps = 3});
  LanguageModelBatch batch;
  for (int epoch = 0; epoch < 2; ++epoch) {
    EXPECT_EQ(stream.epoch(), epoch);
    ASSERT_TRUE(stream.Next(&batch));
    EXPECT_THAT(batch.inputs, ElementsAre(1, 7, 5, 8, 6, 9));
    EXPECT_THAT(batch.targets, ElementsAre(5, 8, 6, 9, 1, 1));
    EXPECT_THAT(batch.resets, ElementsAre(1, 1, 0, 0, 0, 0));
    ASSERT_TRUE(stream.Next(&batch));
    EXPECT_THAT(batch.targets,
                ElementsAre(7, kNone, kNone, kNone, kNone, kNone));
    EXPECT_THAT(batch.resets, ElementsAre(0, 0, 0, 0, 0, 0));
  }
}

// What is measured must be measured once.
TEST(BatchStreamTest, StreamStopsAfterItsOnlyPass) {
  BatchStream stream(Corpus::Of({5, 6, 1, 7, 8, 9, 1}),
                     {.context = LineContext::kStream,
                      .rows = 2,
                      .steps = 3,
                      .training = false});
  LanguageModelBatch batch;
  EXPECT_TRUE(stream.Next(&batch));
  EXPECT_TRUE(stream.Next(&batch));
  EXPECT_FALSE(stream.Next(&batch));
}

// The learning rate is planned with it.
TEST(BatchStreamTest, BatchesPerEpochIsRoundedUp) {
  const auto corpus = Corpus::Of({5, 6, 1, 7, 8, 9, 1});
  EXPECT_EQ(BatchStream(corpus, {.rows = 2, .steps = 3}).batches_per_epoch(),
            2);
  EXPECT_EQ(BatchStream(corpus, {.rows = 7, .steps = 1}).batches_per_epoch(),
            1);
}

class ResumeTest : public testing::TestWithParam<LineContext> {};
INSTANTIATE_TEST_SUITE_P(Contexts, ResumeTest,
                         testing::Values(LineContext::kLine,
                                         LineContext::kStream));

// A resumed run sees the very batches that it would have seen.
TEST_P(ResumeTest, BatchesAfterSeekAreThoseThatWouldHaveCome) {
  const auto corpus = ManyLines(60);
  const BatchStreamOptions options = {.context = GetParam(),
                                      .rows = 3,
                                      .steps = 4,
                                      .block_tokens = 20,
                                      .blocks_at_once = 3};
  BatchStream whole(corpus, options);
  LanguageModelBatch expected;
  LanguageModelBatch found;
  for (int i = 0; i < 150; ++i) {
    BatchStream resumed(corpus, options);
    ASSERT_THAT(resumed.Seek(whole.Position()), IsOk());
    ASSERT_TRUE(whole.Next(&expected));
    ASSERT_TRUE(resumed.Next(&found));
    ASSERT_THAT(found.inputs, ElementsAreArray(expected.inputs)) << i;
    ASSERT_THAT(found.targets, ElementsAreArray(expected.targets)) << i;
    ASSERT_THAT(found.resets, ElementsAreArray(expected.resets)) << i;
    ASSERT_EQ(resumed.Position(), whole.Position());
  }
}

// A position is read from a file.
TEST(BatchStreamTest, SeekRefusesWhatIsNotItsPosition) {
  BatchStream stream(ManyLines(5), {.rows = 2, .steps = 2});
  const std::string before = stream.Position();
  EXPECT_THAT(stream.Seek("nonsense"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(stream.Seek("{}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("epoch")));
  EXPECT_THAT(
      stream.Seek(
          BatchStream(ManyLines(6), {.rows = 2, .steps = 2}).Position()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another text")));
  EXPECT_THAT(
      stream.Seek(
          BatchStream(ManyLines(5), {.rows = 3, .steps = 2}).Position()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 rows")));
  EXPECT_EQ(stream.Position(), before);
}

// As a signed number the largest counts are negative, and not past any end.
TEST(BatchStreamTest, SeekRefusesCountsThatDoNotFit) {
  BatchStream stream(ManyLines(5), {.rows = 2, .steps = 2});
  const std::string before = stream.Position();
  for (const char* key : {"epoch", "group", "next_line"}) {
    for (const uint64_t count :
         {uint64_t{1} << 63, std::numeric_limits<uint64_t>::max()}) {
      auto position = nlohmann::json::parse(before);
      position[key] = count;
      EXPECT_THAT(stream.Seek(position.dump()),
                  StatusIs(absl::StatusCode::kInvalidArgument))
          << key;
      EXPECT_EQ(stream.Position(), before);
    }
  }
}

}  // namespace
}  // namespace carousel
