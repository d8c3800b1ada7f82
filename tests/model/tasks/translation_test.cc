// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/translation.h"

#include <omp.h>

#include <algorithm>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/tasks/translation_evaluation.h"
#include "tests/testing/reference_recurrent.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Ne;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

Tokenizer TokenizerOf(const std::vector<std::string>& words) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  tokens.insert(tokens.end(), words.begin(), words.end());
  return Tokenizer(TokenizerKind::kWhitespace,
                   Vocabulary::Create(tokens).value());
}

// A network with random weights, large enough that it has opinions.
TranslatorParts RandomParts(std::optional<AttentionKind> attention) {
  const TranslatorSizes sizes = {
      .source_vocabulary = 7,
      .target_vocabulary = 8,
      .embedding = 4,
      .encoder = {.cell = Cell::kLstm,
                  .inputs = 4,
                  .hidden = 3,
                  .layers = 1,
                  .bidirectional = true},
      .decoder = {.cell = Cell::kLstm, .inputs = 4, .hidden = 6, .layers = 1},
      .attention = attention};
  const auto specs = WeightSpecs(sizes).value();
  std::vector<Doubles> weights = RandomReferenceWeights(specs, 4);
  for (Doubles& weight : weights) {
    for (double& value : weight) value *= 4;
  }
  return {
      .source_tokenizer = TokenizerOf({"a", "b", "c", "d"}),
      .target_tokenizer = TokenizerOf({"v", "w", "x", "y", "z"}),
      .network = Translator::Create(sizes, ToTensors(specs, weights)).value()};
}

class TranslationTest : public testing::Test {
 protected:
  TranslationTest() { omp_set_num_threads(1); }

  // Long translations are preferred.
  static constexpr TranslationOptions kAligned = {
      .beam_size = 6, .length_penalty = 3, .align = true};

  const TranslatorParts parts_ = TinyTranslator();
  Translator::Workspace workspace_;

  std::vector<std::vector<Translation>> TranslateAll(
      const std::vector<std::string>& texts, const TranslationOptions& options,
      const std::function<bool()>& stop = nullptr) {
    return Translate(parts_, texts, options, &workspace_, stop).value();
  }
};

// A person is shown several, the best first, no two alike.
TEST_F(TranslationTest, GivesTheBestInOrder) {
  const auto found = TranslateAll({"a b c"}, {.beam_size = 4, .n_best = 3})[0];
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_GE(found[0].score, found[1].score);
  EXPECT_GE(found[1].score, found[2].score);
  EXPECT_NE(found[0].tokens, found[1].tokens);
  EXPECT_LT(found[0].log_probability, 0);
}

// Who else is translated at the same moment must not matter.
TEST_F(TranslationTest, TextsComeOutTogetherAsAlone) {
  const std::vector<std::string> texts = {"a b c", "d", "c c a", "b a d c"};
  const auto together = TranslateAll(texts, {.beam_size = 3});
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto alone = TranslateAll({texts[i]}, {.beam_size = 3});
    EXPECT_EQ(together[i][0].tokens, alone[0][0].tokens);
    EXPECT_EQ(together[i][0].ended, alone[0][0].ended);
    EXPECT_NEAR(together[i][0].log_probability, alone[0][0].log_probability,
                1e-4);
  }
}

// A penalty needs the attention; without one nobody asks for it.
TEST_F(TranslationTest, CoveragePenaltyLowersTheScore) {
  const auto translate = [&](double penalty) {
    int steps = 0;
    // After one step no position has got all the attention of one.
    return TranslateAll({"a b c", "d"},
                        {.beam_size = 1, .coverage_penalty = penalty},
                        [&] { return ++steps > 1; });
  };
  const auto without = translate(0);
  const auto with = translate(1);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(with[i][0].tokens, without[i][0].tokens);
    EXPECT_LT(with[i][0].score, without[i][0].score);
  }
}

// Which word became which, for whoever shows it.
TEST_F(TranslationTest, AlignmentsAreGivenOnDemand) {
  const Translation best = TranslateAll({"a b  c"}, kAligned)[0][0];
  EXPECT_THAT(best.alignment.source,
              ElementsAre(ByteRange{0, 1}, ByteRange{2, 3}, ByteRange{5, 6}));
  ASSERT_EQ(best.alignment.target.size(), best.tokens.size());
  ASSERT_EQ(best.alignment.weights.size(), best.tokens.size());
  for (const std::vector<float>& row : best.alignment.weights) {
    ASSERT_THAT(row, SizeIs(4));
    EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 1, 1e-5);
    EXPECT_THAT(row, Each(Ge(0)));
  }
  EXPECT_TRUE(TranslateAll({"a b c"}, {})[0][0].alignment.empty());
}

// What is told of a translation on its way must be what a translation that is
// fed once more, token by token, looks at.
TEST_F(TranslationTest, AttentionIsThatOfTheTokens) {
  const Translation best = TranslateAll({"a b c"}, kAligned)[0][0];
  ASSERT_GE(best.tokens.size(), 2u);
  const auto encoded =
      parts_.network->Encode({{3, 4, 5, 1}}, &workspace_).value();
  RecurrentState state = encoded[0].state;
  int32_t before = Vocabulary::kEndOfLine;
  for (size_t t = 0; t < best.tokens.size(); ++t) {
    std::vector<std::vector<float>> row;
    ASSERT_THAT(
        parts_.network->decoder().Step({before}, {&encoded[0].memory}, &state,
                                       &row, &workspace_.decoder()),
        IsOk());
    for (size_t s = 0; s < 4; ++s) {
      EXPECT_NEAR(row[0][s], best.alignment.weights[t][s], 1e-5);
    }
    before = best.tokens[t];
  }
}

TEST_F(TranslationTest, NothingIsTranslatedToNothing) {
  const auto found = TranslateAll({"", "a"}, {});
  EXPECT_EQ(found[0][0].text, "");
  EXPECT_TRUE(found[0][0].ended);
  EXPECT_THAT(found[1], SizeIs(1));
}

TEST_F(TranslationTest, BadTextsAndOptionsAreRefused) {
  const auto translate = [this](const std::string& text,
                                const TranslationOptions& options) {
    return Translate(parts_, {text}, options, &workspace_);
  };
  EXPECT_THAT(translate("a a a", {.max_source = 2}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 2 tokens, found 3")));
  EXPECT_THAT(translate("a", {.max_source = -1}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("max_source: expected 1 to 65536, found -1")));
  EXPECT_THAT(translate("", {.beam_size = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(translate("a", {.beam_size = 2, .n_best = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(translate("\xFF", {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// A caller that has gone away ends the work.
TEST_F(TranslationTest, StoppingGivesTheBestSoFar) {
  int steps = 0;
  const TranslationOptions options = {.beam_size = 8};
  const auto found =
      TranslateAll({"a b c"}, options, [&] { return ++steps > 1; });
  EXPECT_THAT(found[0], SizeIs(1));
  EXPECT_EQ(steps, 2);
  steps = 0;
  TranslateAll({"a b c"}, options, [&] { return ++steps > 1000; });
  EXPECT_GE(steps, 3);
}

// Who reads along is never told anything that is not so in the end.
TEST_F(TranslationTest, CertainTextGrowsToTheBest) {
  for (const char* text : {"a b c", "d", "c c a", "b a d c"}) {
    auto sentence = SentenceTranslation::Start(parts_, text, {.beam_size = 3});
    ASSERT_THAT(sentence, IsOk());
    ASSERT_THAT(ReadSentences(*parts_.network, {&*sentence}, &workspace_),
                IsOk());
    std::vector<std::string> told;
    while (!sentence->finished()) {
      told.push_back(sentence->CertainText());
      ASSERT_THAT(WriteSentences(*parts_.network, {&*sentence}, &workspace_),
                  IsOk());
    }
    const std::string best = sentence->Best().front().text;
    EXPECT_EQ(sentence->CertainText(), best);
    size_t length = 0;
    for (const std::string& certain : told) {
      EXPECT_THAT(best, StartsWith(certain));
      EXPECT_GE(certain.size(), length);
      length = certain.size();
    }
  }
}

// Pieces become words again, and none is what cannot be shown.
TEST(TranslationOfPiecesTest, TextIsThatOfThePieces) {
  omp_set_num_threads(1);
  const TranslatorParts parts = TinyTranslator({.pieces = true});
  Translator::Workspace workspace;
  const auto found =
      Translate(parts, {"ab c! d", "zz a", "ca"},
                {.beam_size = 4, .n_best = 4, .align = true}, &workspace);
  ASSERT_THAT(found, IsOk());
  for (const std::vector<Translation>& best : *found) {
    ASSERT_THAT(best, SizeIs(4));
    for (const Translation& translation : best) {
      EXPECT_EQ(translation.text,
                parts.target_tokenizer.Decode(translation.tokens));
      EXPECT_THAT(translation.text, Not(HasSubstr("\u2581")));
      EXPECT_THAT(translation.tokens, Each(Ne(Vocabulary::kUnknown)));
    }
  }
  // A word that was cut into pieces is one word of the alignment.
  const Translation& first = (*found)[0][0];
  const WordAlignment& alignment = first.alignment;
  const std::string source = "ab c! d";
  std::vector<std::string> words;
  for (const ByteRange word : alignment.source) {
    words.emplace_back(TextOf(source, word));
  }
  EXPECT_THAT(words, ElementsAre("ab", "c", "!", "d"));
  for (const ByteRange word : alignment.target) {
    EXPECT_THAT(std::string(TextOf(first.text, word)), Not(HasSubstr(" ")));
  }
}

// Without attention there is nothing to align by, and nothing to attend to.
TEST(TranslationWithoutAttentionTest, TextsAreTranslated) {
  omp_set_num_threads(1);
  const TranslatorParts parts = RandomParts({});
  Translator::Workspace workspace;
  const auto found =
      Translate(parts, {"a b", "c"}, {.align = true}, &workspace);
  ASSERT_THAT(found, IsOk());
  EXPECT_TRUE((*found)[0][0].alignment.empty());
}

// Equal sources are one text that may be translated in several ways.
TEST(TranslationEvaluationTest, EqualSourcesAreSeveralReferences) {
  TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.File("a.tsv"), "a\tx\nb\ty\na\tz\n"),
              IsOk());
  const auto pairs = ReadReferencePairs(dir.File("a.tsv")).value();
  ASSERT_THAT(pairs, SizeIs(2));
  EXPECT_THAT(pairs[0].references, ElementsAre("x", "z"));
}

// Blank lines are nothing; any other that is no pair is named.
TEST(TranslationEvaluationTest, LinesThatAreNoPairsAreNamed) {
  TempDir dir;
  const auto read = [&](const std::string& line) {
    EXPECT_THAT(
        WriteFileAtomically(dir.File("b.tsv"), "\n  \na\tx\n" + line + "\n"),
        IsOk());
    return ReadReferencePairs(dir.File("b.tsv"));
  };
  EXPECT_THAT(read(""), IsOkAndHolds(SizeIs(1)));
  for (const char* line :
       {"b y", "b\ty\tz", "b\t", "\ty", " \ty", "\t", "b\ty\xFF"}) {
    EXPECT_THAT(read(line), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("b.tsv:4: ")))
        << line;
  }
  EXPECT_THAT(ForEachTextPair(dir.File("b.tsv"),
                              [](const std::string&, const std::string&) {
                                return absl::InternalError("not this one");
                              }),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("b.tsv:3: not this one")));
}

// One text that cannot be translated must not cost the figures of the others.
TEST(TranslationEvaluationTest, TextsThatAreTooLongAreLeftOutAndCounted) {
  const TranslatorParts parts = RandomParts(AttentionKind::kDot);
  const std::vector<ReferencePair> all = {
      {"a b", {"v w"}}, {"a b c d", {"x"}}, {"c", {"y z"}}};
  const TranslationEvaluationOptions options = {
      .translation = {.max_source = 3}};
  std::vector<std::string> translations;
  const auto figures = EvaluateTranslator(parts, all, options, &translations);
  ASSERT_THAT(figures, IsOk());
  EXPECT_EQ(figures->n, 2);
  EXPECT_EQ(figures->too_long, 1);
  EXPECT_THAT(figures->ToJson(), HasSubstr("\"n\":2,\"too_long\":1}"));
  EXPECT_THAT(translations, SizeIs(3));
  EXPECT_EQ(translations[1], "");
  const auto others = EvaluateTranslator(parts, {all[0], all[2]}, options);
  EXPECT_EQ(figures->chrf, others->chrf);
  EXPECT_THAT(EvaluateTranslator(parts, {all[1]}, options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 3 tokens, found 1 longer ones")));
}

// Who has seen enough must not wait for the rest.
TEST(TranslationEvaluationTest, EndsWhenToldAndTellsRisingCounts) {
  const TranslatorParts parts = RandomParts(AttentionKind::kDot);
  const std::vector<std::string> texts(40, "a b");
  std::vector<int64_t> told = {0};
  TranslationEvaluationOptions options = {.batch = 2, .threads = 3};
  options.on_progress = [&](int64_t done) {
    EXPECT_GT(done, told.back());
    told.push_back(done);
    return true;
  };
  ASSERT_THAT(TranslateAll(parts, texts, options), IsOkAndHolds(SizeIs(40)));
  EXPECT_EQ(told.back(), 40);
  int calls = 0;
  options.on_progress = [&](int64_t) { return ++calls < 2; };
  EXPECT_THAT(TranslateAll(parts, texts, options),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(calls, 2);
}

// Figures do not depend on the machine's CPUs.
TEST(TranslationEvaluationTest, ThreadsDoNotChangeTheFigures) {
  const TranslatorParts parts = RandomParts(AttentionKind::kDot);
  std::vector<ReferencePair> pairs;
  for (int i = 0; i < 40; ++i) {
    std::string source;
    for (int k = 0; k <= i % 7; ++k)
      source += "abcd"[(i + k) % 4] + std::string(" ");
    pairs.push_back({.source = source, .references = {"v w x"}});
  }
  const auto one = EvaluateTranslator(parts, pairs, {.batch = 4, .threads = 1});
  const auto many =
      EvaluateTranslator(parts, pairs, {.batch = 4, .threads = 3});
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(one->ToJson(), many->ToJson());
  EXPECT_EQ(one->n, static_cast<int64_t>(pairs.size()));
  EXPECT_THAT(EvaluateTranslator(parts, {}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace carousel
