// SPDX-License-Identifier: Apache-2.0

#include "model/train/example_stream.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int32_t kNone = ExampleBatch::kNoTarget;

std::shared_ptr<ExampleSet> SetOf(
    const std::vector<std::pair<std::vector<int32_t>, std::vector<int32_t>>>&
        pairs) {
  auto set = std::make_shared<ExampleSet>();
  for (const auto& [source, target] : pairs) set->Add(source, target);
  return set;
}

// Examples of many lengths; no two sources are equal.
std::shared_ptr<ExampleSet> ManyExamples(int count) {
  auto set = std::make_shared<ExampleSet>();
  Random random(11);
  for (int i = 0; i < count; ++i) {
    std::vector<int32_t> source(1 + random.Below(20), 7);
    source[0] = 10 + i;
    const std::vector<int32_t> target(random.Below(20), 5);
    set->Add(source, target);
  }
  return set;
}

// The examples of an epoch, in the order in which they come.
std::vector<int64_t> EpochOf(ExampleStream* stream) {
  std::vector<int64_t> order;
  ExampleBatch batch;
  for (int64_t i = 0; i < stream->batches_per_epoch(); ++i) {
    EXPECT_TRUE(stream->Next(&batch));
    for (const int64_t example : batch.examples) {
      if (example != ExampleBatch::kNoExample) order.push_back(example);
    }
  }
  return order;
}

std::vector<int64_t> Sorted(std::vector<int64_t> items) {
  std::sort(items.begin(), items.end());
  return items;
}

bool SameBatch(const ExampleBatch& a, const ExampleBatch& b) {
  return a.source == b.source && a.resets == b.resets &&
         a.lengths == b.lengths && a.target_in == b.target_in &&
         a.targets == b.targets && a.examples == b.examples;
}

// The layout that the networks are given, by hand: S 3, T 3, N 2.
TEST(ExampleStreamTest, SourcesAreRightAlignedAndTargetsLeft) {
  ExampleStream stream(SetOf({{{5, 6, 7}, {8}}, {{9}, {10, 11}}}),
                       {.rows = 2, .max_buckets = 1, .training = false});
  ExampleBatch batch;
  ASSERT_TRUE(stream.Next(&batch));
  EXPECT_THAT(batch.source, ElementsAre(5, 1, 6, 1, 7, 9));
  EXPECT_THAT(batch.resets, ElementsAre(1, 0, 0, 0, 0, 1));
  EXPECT_THAT(batch.lengths, ElementsAre(3, 1));
  EXPECT_THAT(batch.target_in, ElementsAre(1, 1, 8, 10, 1, 11));
  EXPECT_THAT(batch.targets, ElementsAre(8, 10, 1, 11, kNone, 1));
  EXPECT_FALSE(stream.Next(&batch));
  EXPECT_EQ(stream.epoch(), 1);
}

// A classifier has one target a row, and no decoder.
TEST(ExampleStreamTest, ALabelIsOneTarget) {
  ExampleStream stream(
      SetOf({{{5, 6}, {0}}, {{}, {2}}}),
      {.labels = true, .rows = 2, .max_buckets = 1, .training = false});
  ExampleBatch batch;
  ASSERT_TRUE(stream.Next(&batch));
  EXPECT_THAT(batch.targets, ElementsAre(0, 2));
  EXPECT_THAT(batch.target_in, IsEmpty());
  EXPECT_THAT(batch.source, ElementsAre(5, 1, 6, 1));
  EXPECT_THAT(batch.lengths, ElementsAre(2, 1));
}

// Rows without an example must have a defined state and attention, no target.
TEST(ExampleStreamTest, AMissingRowReadsOneTokenAndCountsNothing) {
  ExampleStream stream(SetOf({{{5, 6}, {8}}}), {.rows = 2, .training = false});
  ExampleBatch batch;
  ASSERT_TRUE(stream.Next(&batch));
  EXPECT_THAT(batch.examples, ElementsAre(0, ExampleBatch::kNoExample));
  EXPECT_THAT(batch.lengths, ElementsAre(2, 1));
  EXPECT_THAT(batch.resets, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(batch.targets, ElementsAre(8, kNone, 1, kNone));
}

// An epoch that skips or repeats examples trains on other data than it says.
TEST(ExampleStreamTest, EveryEpochHandsOutEveryExampleOnceInANewOrder) {
  ExampleStream stream(ManyExamples(300), {.rows = 8, .tokens = 200});
  const std::vector<int64_t> first = EpochOf(&stream);
  EXPECT_EQ(stream.epoch(), 1);
  const std::vector<int64_t> second = EpochOf(&stream);
  EXPECT_NE(first, second);
  std::vector<int64_t> all(300);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(Sorted(first), all);
  EXPECT_EQ(Sorted(second), all);
}

// No more shapes than promised, and no batch above the bound of tokens.
TEST(ExampleStreamTest, ShapesAndTokensAreBounded) {
  ExampleStream stream(ManyExamples(500),
                       {.rows = 64, .tokens = 400, .max_buckets = 5});
  EXPECT_LE(stream.buckets().size(), 5u);
  ExampleBatch batch;
  for (int64_t i = 0; i < stream.batches_per_epoch(); ++i) {
    ASSERT_TRUE(stream.Next(&batch));
    EXPECT_LE(batch.rows * (batch.source_steps + batch.target_steps), 400);
    EXPECT_EQ(batch.source.size(),
              static_cast<size_t>(batch.rows * batch.source_steps));
  }
}

// Rests of short buckets join longer ones: few rows are empty.
TEST(ExampleStreamTest, FewRowsAreEmpty) {
  ExampleStream stream(ManyExamples(500), {.rows = 16});
  ExampleBatch batch;
  int64_t rows = 0;
  for (int64_t i = 0; i < stream.batches_per_epoch(); ++i) {
    ASSERT_TRUE(stream.Next(&batch));
    rows += batch.rows;
  }
  EXPECT_LE(rows, 500 + 4 * 16);
}

// Nothing is dropped in silence.
TEST(ExampleStreamTest, TooLongExamplesAreCounted) {
  const ExampleStreamOptions options = {
      .rows = 1, .max_source = 2, .max_target = 3, .training = false};
  const auto set =
      SetOf({{{5, 6, 7}, {8}}, {{5}, {8, 8, 8}}, {{5, 6}, {8, 8}}});
  EXPECT_EQ(ExampleStream::CountTooLong(*set, options), 2);
  ExampleStream stream(set, options);
  EXPECT_EQ(stream.too_long(), 2);
  EXPECT_THAT(EpochOf(&stream), ElementsAre(2));
}

// Two processes together compute the batch of one.
TEST(ExampleStreamTest, PartsMakeUpTheWholeBatch) {
  const auto set = ManyExamples(100);
  ExampleStream whole(set, {.rows = 8});
  ExampleStream left(set, {.rows = 8, .part = 0, .parts = 2});
  ExampleStream right(set, {.rows = 8, .part = 1, .parts = 2});
  ExampleBatch all, a, b;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(whole.Next(&all) && left.Next(&a) && right.Next(&b));
    EXPECT_EQ(b.first_row, 4);
    EXPECT_EQ(b.global_rows, 8);
    std::vector<int64_t> both = a.examples;
    both.insert(both.end(), b.examples.begin(), b.examples.end());
    EXPECT_EQ(both, all.examples);
  }
}

// How many processes there are must not change what is learned: 8 rows, or one
// long one, are divided among three.
TEST(ExampleStreamTest, PartsThatDoNotDivideTheBatchAreUneven) {
  const auto set = ManyExamples(100);
  const ExampleStreamOptions options = {.rows = 8, .tokens = 100};
  ExampleStream whole(set, options);
  std::vector<ExampleStream> thirds;
  for (int part = 0; part < 3; ++part) {
    ExampleStreamOptions third = options;
    third.part = part;
    third.parts = 3;
    thirds.emplace_back(set, third);
  }
  bool some_are_empty = false;
  ExampleBatch all, part;
  for (int i = 0; i < 80; ++i) {
    ASSERT_TRUE(whole.Next(&all));
    std::vector<int64_t> together;
    for (ExampleStream& third : thirds) {
      ASSERT_TRUE(third.Next(&part));
      EXPECT_EQ(part.global_rows, all.rows);
      EXPECT_EQ(part.first_row, static_cast<int>(together.size()));
      EXPECT_EQ(part.rows, static_cast<int>(part.examples.size()));
      some_are_empty |= part.rows == 0;
      together.insert(together.end(), part.examples.begin(),
                      part.examples.end());
    }
    EXPECT_EQ(together, all.examples);
    EXPECT_EQ(thirds[0].Position(), whole.Position());
  }
  EXPECT_TRUE(some_are_empty);
}

// A resumed run reads what the whole run reads.
TEST(ExampleStreamTest, SeekGoesOnAtThePosition) {
  const auto set = ManyExamples(100);
  ExampleStream one(set, {.rows = 8});
  ExampleBatch a, b;
  for (int64_t i = 0; i < one.batches_per_epoch() + 3; ++i) one.Next(&a);
  ExampleStream other(set, {.rows = 8});
  ASSERT_TRUE(other.Seek(one.Position()).ok());
  for (int64_t i = 0; i < 2 * one.batches_per_epoch(); ++i) {
    ASSERT_TRUE(one.Next(&a) && other.Next(&b));
    EXPECT_TRUE(SameBatch(a, b));
  }
  EXPECT_EQ(one.Position(), other.Position());
}

// A damaged checkpoint, or one of another run, must not go on somewhere.
TEST(ExampleStreamTest, SeekRefusesAPositionOfAnotherStream) {
  const auto set = ManyExamples(50);
  ExampleStream stream(set, {.rows = 8});
  const std::string good = stream.Position();
  ExampleStream other(set, {.rows = 8, .seed = 2});
  EXPECT_THAT(stream.Seek(other.Position()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("other examples or settings")));
  auto json = nlohmann::json::parse(good);
  json["next_batch"] = 1000;
  EXPECT_THAT(stream.Seek(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("past the last batch")));
  json["next_batch"] = 0;
  json["epoch"] = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(stream.Seek(json.dump()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("epoch")));
  EXPECT_THAT(stream.Seek("{}"), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("\"epoch\"")));
  EXPECT_THAT(stream.Seek("3"), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("JSON object")));
  EXPECT_EQ(stream.Position(), good);
}

}  // namespace
}  // namespace carousel
