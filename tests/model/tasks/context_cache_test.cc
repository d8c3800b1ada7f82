// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/context_cache.h"

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/decode/logits.h"
#include "model/tasks/half.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int32_t kEos = Vocabulary::kEndOfLine;

Tokenizer MakeTokenizer() {
  return Tokenizer(TokenizerKind::kWords,
                   Vocabulary::Create({"<unk>", "<eos>", "<num>", "hello",
                                       "world", "World", "there", "."})
                       .value());
}

std::string Repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, text);
  return all;
}

std::vector<ContextPassage> Cut(const std::string& text,
                                LineContext lines = LineContext::kLine) {
  return CutContext(MakeTokenizer(), lines, text).value();
}

// Each line as the model reads it: from <eos>; what is no line is none.
TEST(CutContextTest, LinesArePassages) {
  EXPECT_THAT(Cut("hello world\n\n  \nthere."),
              ElementsAre(ElementsAre(kEos, 3, 4), ElementsAre(kEos, 6, 7)));
  EXPECT_THAT(Cut(" \n\n"), IsEmpty());
}

// One text, whose lines end in <eos>.
TEST(CutContextTest, StreamIsOnePassage) {
  EXPECT_THAT(Cut("hello\n\nthere.", LineContext::kStream),
              ElementsAre(ElementsAre(kEos, 3, kEos, kEos, 6, 7)));
  EXPECT_THAT(Cut("hello\n", LineContext::kStream),
              ElementsAre(ElementsAre(kEos, 3)));
  EXPECT_THAT(Cut("", LineContext::kStream), IsEmpty());
}

// What was written last is what is written about.
TEST(CutContextTest, LatestLinesAreKept) {
  const auto passages =
      Cut(absl::StrCat(Repeated("hello world .\n", 400), "there\n"));
  ASSERT_THAT(passages, SizeIs(250));  // 2 positions, and 249 times 4
  EXPECT_THAT(passages.back(), ElementsAre(kEos, 6));
}

// A line that does not fit as a whole would be read anew at every keystroke.
TEST(CutContextTest, LineThatDoesNotFitIsLeftOut) {
  const auto passages =
      Cut(absl::StrCat(Repeated("there ", 500), "\n", Repeated("hello ", 600)));
  ASSERT_THAT(passages, SizeIs(1));
  EXPECT_EQ(passages[0].size(), 601u);
}

// No text makes more positions than there may be.
TEST(CutContextTest, LongLineIsCut) {
  for (const LineContext lines : {LineContext::kLine, LineContext::kStream}) {
    for (const int words : {998, 999, 1000, 1001, 5000}) {
      const auto passages = Cut(Repeated("hello ", words), lines);
      ASSERT_THAT(passages, SizeIs(1));
      EXPECT_LE(passages[0].size(), kMostContextPositions);
      EXPECT_GE(passages[0].size(), kMostContextPositions * 3 / 4);
      EXPECT_EQ(passages[0][0], kEos);
    }
  }
}

// Also where it would not be read.
TEST(CutContextTest, TextThatIsNotUtf8IsInvalid) {
  EXPECT_THAT(
      CutContext(MakeTokenizer(), LineContext::kLine,
                 absl::StrCat("\xff\n", Repeated("hello world\n", 1000))),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("byte 0")));
}

// Emoji, control characters, another script: tokens like any others.
TEST(CutContextTest, OddTextsAreCut) {
  for (const std::string& text :
       {std::string("\U0001F600 \U0001F600"), std::string("a\0b\x01\x1b", 5),
        std::string("\u05e9\u05dc\u05d5\u05dd \u202e hello"),
        std::string("\r\n\r\n")}) {
    EXPECT_THAT(CutContext(MakeTokenizer(), LineContext::kLine, text), IsOk());
  }
}

// Random states after the words of a text, and the equations by the letter.
class ContextCacheTest : public ::testing::Test {
 protected:
  static constexpr size_t kWidth = 5;

  ContextCacheTest() {
    cache_ = std::make_unique<ContextCache>(tokenizer_.vocabulary(), passages_,
                                            kSetting);
    for (const ContextPassage& passage : passages_) {
      auto states = std::make_shared<ContextStates>();
      states->width = kWidth;
      for (size_t i = 0; i < passage.size(); ++i) {
        states_.push_back(RandomVector(kWidth));
        states->Append(states_.back());
        next_.push_back(i + 1 < passage.size() ? passage[i + 1] : kEos);
      }
      cache_->Append(states);
    }
  }

  std::vector<float> RandomVector(size_t size) {
    std::vector<float> values(size);
    for (float& value : values) value = random_.Uniform(-1, 1);
    return values;
  }

  // p by token.
  std::vector<double> Expected(const std::vector<float>& logits,
                               const std::vector<float>& y) const {
    std::vector<double> p;
    double sum = 0;
    for (float logit : logits) sum += std::exp(static_cast<double>(logit));
    const Vocabulary& vocabulary = tokenizer_.vocabulary();
    for (int32_t id = 0; id < vocabulary.size(); ++id) {
      const float logit = logits[static_cast<size_t>(vocabulary.rank_of(id))];
      p.push_back(0.75 * std::exp(static_cast<double>(logit)) / sum);
    }
    double all = 0;
    std::map<int32_t, double> cached;
    for (size_t i = 0; i < states_.size(); ++i) {
      double dot = 0;
      for (size_t k = 0; k < kWidth; ++k) {
        dot += static_cast<double>(FromHalf(ToHalf(states_[i][k]))) *
               static_cast<double>(y[k]);
      }
      cached[next_[i]] += std::exp(2 * dot);
      all += std::exp(2 * dot);
    }
    for (const auto& [id, weight] : cached) {
      p[static_cast<size_t>(id)] += 0.25 * weight / all;
    }
    return p;
  }

  static constexpr ContextSetting kSetting = {.theta = 2, .lambda = 0.25f};
  const Tokenizer tokenizer_ = MakeTokenizer();
  const std::vector<ContextPassage> passages_ =
      Cut("hello world .\nhello there world");
  Random random_{11};
  std::unique_ptr<ContextCache> cache_;
  std::vector<std::vector<float>> states_;
  std::vector<int32_t> next_;
};

TEST_F(ContextCacheTest, MixedLogitsAreTheLogarithmsOfTheMixture) {
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  for (int round = 0; round < 10; ++round) {
    const auto logits = RandomVector(static_cast<size_t>(vocabulary.size()));
    const auto y = RandomVector(kWidth);
    const std::vector<double> expected = Expected(logits, y);
    for (const RankRange range :
         {RankRange{0, vocabulary.size()}, RankRange{4, 7}, RankRange{2, 3}}) {
      std::vector<float> mixed(logits.begin() + range.begin,
                               logits.begin() + range.end);
      cache_->Mix(range, LogSumExp(logits), y, absl::MakeSpan(mixed));
      for (int rank = range.begin; rank < range.end; ++rank) {
        EXPECT_NEAR(std::exp(mixed[static_cast<size_t>(rank - range.begin)]),
                    expected[static_cast<size_t>(vocabulary.id_at(rank))],
                    1e-5);
      }
    }
  }
}

// Scores are some of the logits: those near the top, and the words of the text.
TEST_F(ContextCacheTest, MixedScoresAreThoseOfTheMixture) {
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  const auto logits = RandomVector(static_cast<size_t>(vocabulary.size()));
  const auto y = RandomVector(kWidth);
  WordScorer scorer(vocabulary, 1, cache_->ranks());
  scorer.Add(0, logits, [](int) { return true; });
  const WordScores mixed = cache_->Mix(scorer.Take(), y);
  const std::vector<double> expected = Expected(logits, y);
  EXPECT_GE(mixed.scores.size(), cache_->ranks().size());
  for (size_t i = 0; i < mixed.scores.size(); ++i) {
    const WordScores::Score& score = mixed.scores[i];
    EXPECT_TRUE(i == 0 || score.rank > mixed.scores[i - 1].rank);
    EXPECT_NEAR(
        std::exp(static_cast<double>(score.logit) - mixed.log_normaliser),
        expected[static_cast<size_t>(vocabulary.id_at(score.rank))], 1e-5);
  }
}

// "World" is a spelling of a word of the text: they are ranked as one.
TEST_F(ContextCacheTest, RanksAreThoseOfTheWordsInEverySpelling) {
  std::vector<std::string> words;
  for (int rank : cache_->ranks()) {
    words.push_back(
        tokenizer_.vocabulary().token(tokenizer_.vocabulary().id_at(rank)));
  }
  EXPECT_THAT(words, ::testing::UnorderedElementsAre("<eos>", "hello", "world",
                                                     "World", "there", "."));
}

// A network of ReLUs may put out anything.
TEST_F(ContextCacheTest, LargeStatesGiveNumbers) {
  ContextCache cache(tokenizer_.vocabulary(), passages_,
                     {.theta = ContextSetting::kMostTheta,
                      .lambda = ContextSetting::kMostLambda});
  const std::vector<float> y(kWidth, 1e30f);
  auto states = std::make_shared<ContextStates>();
  states->width = kWidth;
  for (size_t i = 0; i < states_.size(); ++i) states->Append(y);
  cache.Append(states);
  std::vector<float> logits(3, 0.5f);
  cache.Mix({3, 6}, 1.0, std::vector<float>(kWidth, 1e3f),
            absl::MakeSpan(logits));
  for (float logit : logits) EXPECT_FALSE(std::isnan(logit));
}

}  // namespace
}  // namespace carousel
