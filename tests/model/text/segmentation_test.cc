// SPDX-License-Identifier: Apache-2.0

#include "model/text/segmentation.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<size_t> WordEnds(absl::string_view chunk) {
  std::vector<size_t> ends;
  FindWordEnds(chunk, &ends);
  return ends;
}

TEST(SegmentationTest, MarksInsideWordsAndNumbersJoin) {
  // Contractions, initials and figures are one segment each.
  EXPECT_THAT(WordEnds("don't"), ElementsAre(5));
  EXPECT_THAT(WordEnds("U.S."), ElementsAre(3, 4));
  EXPECT_THAT(WordEnds("1,000.5"), ElementsAre(7));
  EXPECT_THAT(WordEnds("a-b"), ElementsAre(1, 2, 3));
  EXPECT_THAT(WordEnds("don'"), ElementsAre(3, 4));
}

TEST(SegmentationTest, UnicodeWordsEndWhereIcuSays) {
  // Accents stay with their letter, emoji sequences are one.
  EXPECT_THAT(WordEnds("café!"), ElementsAre(5, 6));
  EXPECT_THAT(WordEnds("e\u0301a"), ElementsAre(4));
  EXPECT_THAT(WordEnds("👩\u200D👧x"), ElementsAre(11, 12));
  EXPECT_THAT(WordEnds(""), IsEmpty());
}

// They are not asked of ICU, but must be what it says.
TEST(SegmentationTest, LettersAndAMarkBehindThemEndWhereIcuSays) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> iterator(
      icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
  ASSERT_TRUE(U_SUCCESS(error));
  for (char c = '!'; c <= '~'; ++c) {
    if (c == '@') continue;  // see below
    for (const std::string word : {"a", "Hello"}) {
      const std::string chunk = word + c;
      const auto text = icu::UnicodeString::fromUTF8(chunk);
      iterator->setText(text);  // which it refers to
      std::vector<size_t> expected;
      while (iterator->next() != icu::BreakIterator::DONE) {
        expected.push_back(static_cast<size_t>(iterator->current()));
      }
      EXPECT_EQ(WordEnds(chunk), expected) << chunk;
    }
  }
}

TEST(SegmentationTest, ColonAndAtSignStandAlone) {
  // ICU 72 makes one word of "a@é", later releases three.
  EXPECT_THAT(WordEnds("a@b"), ElementsAre(1, 2, 3));
  EXPECT_THAT(WordEnds("é@é"), ElementsAre(2, 3, 5));
  EXPECT_THAT(WordEnds("é:@"), ElementsAre(2, 3, 4));
}

TEST(SegmentationTest, FullStopJoinsAbbreviationsAndNothingElse) {
  // A forgotten space must not make a word of two, nor a host name one.
  EXPECT_THAT(WordEnds("Ph.D"), ElementsAre(4));
  EXPECT_THAT(WordEnds("C.F.R"), ElementsAre(5));
  EXPECT_THAT(WordEnds("perfect.I"), ElementsAre(7, 8, 9));
  EXPECT_THAT(WordEnds("no.Thanks"), ElementsAre(2, 3, 9));
  EXPECT_THAT(WordEnds("pm.I'm"), ElementsAre(2, 3, 6));
  EXPECT_THAT(WordEnds("example.com."), ElementsAre(7, 8, 11, 12));
}

TEST(SegmentationTest, ThreadsDoNotShareAnIterator) {
  // Iterators of ICU hold the text that they cut; TSan watches this.
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (int& count : right) {
    threads.emplace_back([&count] {
      for (int i = 0; i < 500; ++i) {
        count += WordEnds("naïve,ok") == std::vector<size_t>{6, 7, 9} ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(right, ::testing::Each(500));
}

}  // namespace
}  // namespace carousel
