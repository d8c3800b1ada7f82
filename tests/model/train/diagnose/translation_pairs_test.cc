// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/translation_pairs.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAreArray;

// What there is to learn: a dictionary, and nothing that depends on chance.
TEST(TranslationPairsTest, EveryWordHasOneTranslation) {
  std::map<int32_t, int32_t> dictionary;
  const TranslationPairs pairs = MakeTranslationPairs(1);
  EXPECT_GT(pairs.training.size(), 1000u);
  for (int32_t word = 2; word < pairs.source_vocabulary; ++word) {
    dictionary[word] = -1;
  }
  // Words that are no adjectives and follow none stay in their place.
  for (const TranslationPair& pair : pairs.training) {
    ASSERT_EQ(pair.source.size(), pair.target.size());
    ASSERT_LE(static_cast<int>(pair.source.size()), pairs.longest_source);
    const bool moved = pair.source[0] < 12;
    if (moved) continue;
    int32_t& known = dictionary[pair.source[0]];
    if (known < 0) known = pair.target[0];
    EXPECT_EQ(known, pair.target[0]);
  }
}

// A pair has the words of its translation, in whatever order.
TEST(TranslationPairsTest, TargetsAreTheTranslatedWords) {
  const TranslationPairs pairs = MakeTranslationPairs(2);
  for (const TranslationPair& pair : pairs.dev) {
    std::vector<int32_t> expected;
    for (const int32_t word : pair.source) {
      expected.push_back(2 + (7 * (word - 2) + 3) % 40);
    }
    EXPECT_THAT(pair.target, UnorderedElementsAreArray(expected));
  }
}

// Sources end in the last step and targets begin in the first.
TEST(TranslationPairsTest, BatchesAreAligned) {
  const TranslationPairs pairs = {
      .source_vocabulary = 9,
      .target_vocabulary = 9,
      .longest_source = 3,
      .longest_target = 2,
      .training = {{.source = {5, 6}, .target = {7}},
                   {.source = {2, 3, 4}, .target = {8, 7}}}};
  const TranslationBatch batch =
      MakeTranslationBatch(pairs, {&pairs.training[0], &pairs.training[1]});
  EXPECT_THAT(batch.source, ElementsAre(0, 2, 5, 3, 6, 4, 0, 0));
  EXPECT_THAT(batch.resets, ElementsAre(0, 1, 1, 0, 0, 0, 0, 0));
  EXPECT_THAT(batch.target_in, ElementsAre(0, 0, 7, 8, 0, 7));
  EXPECT_THAT(batch.targets, ElementsAre(7, 8, 0, 7, -1, 0));
  EXPECT_EQ(batch.target_count, 5);
}

TEST(TranslationPairsTest, FilesAreRead) {
  TempDir dir;
  std::string text;
  for (int i = 0; i < 200; ++i) absl::StrAppend(&text, "a b\tx y z\n");
  ASSERT_THAT(WriteFileAtomically(dir.File("pairs.tsv"), text), IsOk());
  const auto pairs = ReadTranslationPairs(dir.File("pairs.tsv"));
  ASSERT_THAT(pairs, IsOk());
  EXPECT_EQ(pairs->source_vocabulary, 4);
  EXPECT_EQ(pairs->target_vocabulary, 5);
  EXPECT_EQ(pairs->dev.size(), 20u);
  EXPECT_EQ(pairs->training.size(), 180u);
}

// A file of another kind is answered with the place of the mistake.
TEST(TranslationPairsTest, ALineWithoutATabIsNamed) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("bad.tsv"), "a\tb\nno tab here\n"),
              IsOk());
  EXPECT_THAT(ReadTranslationPairs(dir.File("bad.tsv")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("bad.tsv:2: expected source<TAB>target")));
  ASSERT_THAT(WriteFileAtomically(dir.File("few.tsv"), "a\tb\n"), IsOk());
  EXPECT_THAT(ReadTranslationPairs(dir.File("few.tsv")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("pairs")));
}

}  // namespace
}  // namespace carousel
