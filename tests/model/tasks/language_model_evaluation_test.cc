// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/language_model_evaluation.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/writer.h"
#include "model/tasks/completion.h"
#include "model/tasks/keystrokes.h"
#include "model/text/normalise.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;

const std::vector<std::string>& Words() {
  static const auto& words = *new std::vector<std::string>{
      "the", "The", "cat", "Cat", "sat",  "on", "mat", "a",
      "in",  "it",  "It",  "hat", "that", ".",  ",",   "don't"};
  return words;
}

std::vector<std::string> Lines() {
  return {"The cat sat on the mat.",   "",
          "It sat, that cat!",         "  ",
          "cat don't sit on 12 hats.", "Éclair — in the hat"};
}

// What the figures mean, step by step and without any sharing of work.
class SlowEvaluation {
 public:
  SlowEvaluation(const Model& model, bool with_typing)
      : model_(model), with_typing_(with_typing) {}

  LanguageModelFigures Measure(const std::vector<std::string>& lines) {
    const bool is_stream =
        model_.manifest().language_model().context == LineContext::kStream;
    std::vector<int32_t> tokens = {Vocabulary::kEndOfLine};
    for (const std::string& raw : lines) {
      const std::string line = Normalise(raw).value();
      const auto pieces = SplitText(model_.tokenizer().kind(), line);
      if (pieces.empty() && !is_stream) continue;
      if (!is_stream) tokens = {Vocabulary::kEndOfLine};
      for (const TextPiece& piece : pieces) {
        const int32_t token = model_.tokenizer().IdOf(piece);
        MeasureToken(tokens, token, piece.is_word);
        tokens.push_back(token);
      }
      MeasureToken(tokens, Vocabulary::kEndOfLine, false);
      tokens.push_back(Vocabulary::kEndOfLine);
      if (with_typing_) MeasureTyping(line);
    }
    figures_.perplexity = std::exp(sum_ / static_cast<double>(figures_.tokens));
    const double words = static_cast<double>(figures_.words);
    figures_.oov_rate /= words;
    figures_.top1 /= words;
    figures_.top3 /= words;
    figures_.keystrokes_saved = 1 - keystrokes_ / characters_;
    return figures_;
  }

 private:
  std::vector<float> LogitsAfter(const std::vector<int32_t>& tokens) {
    const LanguageModel& network = model_.network();
    RecurrentState state = network.InitialState(1);
    for (int32_t token : tokens) {
      EXPECT_THAT(network.Advance({token}, 1, 1, &state, nullptr, &workspace_),
                  IsOk());
    }
    std::vector<float> logits(static_cast<size_t>(network.sizes().vocabulary));
    EXPECT_THAT(
        network.Logits(network.Top(state), 1, 0, network.sizes().vocabulary,
                       absl::MakeSpan(logits), &workspace_),
        IsOk());
    return logits;
  }

  void MeasureToken(const std::vector<int32_t>& tokens, int32_t target,
                    bool is_word) {
    const Vocabulary& vocabulary = model_.tokenizer().vocabulary();
    const std::vector<float> logits = LogitsAfter(tokens);
    double sum = 0;
    std::map<std::string, double> guesses;
    for (int rank = 0; rank < vocabulary.size(); ++rank) {
      const double weight = std::exp(static_cast<double>(logits[rank]));
      sum += weight;
      const int32_t id = vocabulary.id_at(rank);
      if (IsGuess(id)) guesses[ToLower(vocabulary.token(id))] += weight;
    }
    sum_ += std::log(sum) - logits[vocabulary.rank_of(target)];
    ++figures_.tokens;
    if (!is_word) return;
    ++figures_.words;
    if (target == Vocabulary::kUnknown) ++figures_.oov_rate;
    const auto own = guesses.find(ToLower(vocabulary.token(target)));
    if (own == guesses.end()) return;
    const auto better = std::count_if(
        guesses.begin(), guesses.end(),
        [&](const auto& guess) { return guess.second > own->second; });
    if (better < 1) ++figures_.top1;
    if (better < 3) ++figures_.top3;
  }

  bool IsGuess(int32_t id) const {
    const Vocabulary& vocabulary = model_.tokenizer().vocabulary();
    if (model_.tokenizer().kind() == TokenizerKind::kWords) {
      return vocabulary.may_be_offered(id);
    }
    return id > 2 && SplitText(TokenizerKind::kWhitespace, vocabulary.token(id))
                         .front()
                         .is_word;
  }

  void MeasureTyping(const std::string& line) {
    const auto suggest = [&](absl::string_view text) {
      auto completion =
          Completion::Start(model_.tokenizer(), text, {.max_suggestions = 3})
              .value();
      while (const auto query = completion.Next()) {
        const std::vector<float> logits =
            LogitsAfter({query->tokens.begin(), query->tokens.end()});
        completion.Answer(absl::MakeConstSpan(logits).subspan(
            static_cast<size_t>(query->ranks.begin),
            static_cast<size_t>(query->ranks.size())));
      }
      return absl::StatusOr<std::vector<Suggestion>>(completion.Suggestions());
    };
    const KeystrokeCount count = CountKeystrokes(line, suggest).value();
    keystrokes_ += static_cast<double>(count.keystrokes);
    characters_ += static_cast<double>(count.characters);
  }

  const Model& model_;
  const bool with_typing_;
  LanguageModel::Workspace workspace_;
  LanguageModelFigures figures_;
  double sum_ = 0;
  double keystrokes_ = 0;
  double characters_ = 0;
};

class LanguageModelEvaluationTest : public testing::Test {
 protected:
  // Several threads wait for each other longer than a tiny step takes.
  LanguageModelEvaluationTest() { omp_set_num_threads(1); }

  std::shared_ptr<const Model> MakeModel(TokenizerKind kind,
                                         LineContext context) {
    return MakeModel(
        Tokenizer(kind, Vocabulary::Create(TinyTokens(Words())).value()),
        context);
  }

  std::shared_ptr<const Model> MakeModel(const Tokenizer& tokenizer,
                                         LineContext context) {
    const std::string directory = dir_.File(absl::StrCat("tiny/", ++version_));
    BundleContent content;
    const LanguageModelSizes sizes = TinySizes(tokenizer.vocabulary().size());
    content.manifest.model = LanguageModelManifest{
        .sizes = sizes, .tokenizer = tokenizer.kind(), .context = context};
    content.weights = TinyWeights(sizes, 3);
    content.tokenizer = &tokenizer;
    content.card = "A test.\n";
    content.self_test_texts = {"the cat"};
    EXPECT_THAT(WriteBundle(directory, content), IsOk());
    return Model::Load(directory).value();
  }

  std::string WriteText(const std::vector<std::string>& lines) {
    const std::string path = dir_.File("text.txt");
    EXPECT_THAT(WriteFileAtomically(path, absl::StrJoin(lines, "\n") + "\n"),
                IsOk());
    return path;
  }

  LanguageModelFigures Evaluate(const Model& model,
                                const std::vector<std::string>& lines,
                                int threads = 1) {
    auto figures =
        EvaluateLanguageModel(model, WriteText(lines), {.threads = threads});
    EXPECT_THAT(figures, IsOk());
    return figures.value_or(LanguageModelFigures());
  }

  static void ExpectClose(const LanguageModelFigures& a,
                          const LanguageModelFigures& b) {
    EXPECT_NEAR(a.perplexity, b.perplexity, 1e-4 * b.perplexity);
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.words, b.words);
    EXPECT_DOUBLE_EQ(a.oov_rate, b.oov_rate);
    EXPECT_DOUBLE_EQ(a.top1, b.top1);
    EXPECT_DOUBLE_EQ(a.top3, b.top3);
  }

  TempDir dir_;
  int version_ = 0;
};

TEST_F(LanguageModelEvaluationTest, LinesAgreeWithTheSlowEvaluation) {
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  const auto figures = Evaluate(*model, Lines());
  const auto slow = SlowEvaluation(*model, true).Measure(Lines());
  ExpectClose(figures, slow);
  EXPECT_NEAR(figures.keystrokes_saved, slow.keystrokes_saved, 1e-9);
  EXPECT_GT(figures.top3, 0);
  EXPECT_GT(figures.keystrokes_saved, 0);
}

// Who only wants the perplexity does not wait for the typist.
TEST_F(LanguageModelEvaluationTest, KeystrokesCanBeLeftOut) {
  for (LineContext context : {LineContext::kLine, LineContext::kStream}) {
    const auto model = MakeModel(TokenizerKind::kWords, context);
    const auto figures = EvaluateLanguageModel(*model, WriteText(Lines()),
                                               {.keystrokes = false});
    ASSERT_THAT(figures, IsOk());
    EXPECT_TRUE(std::isnan(figures->keystrokes_saved));
    ExpectClose(*figures, Evaluate(*model, Lines()));
  }
}

TEST_F(LanguageModelEvaluationTest, AStreamAgreesWithTheSlowEvaluation) {
  const auto model =
      MakeModel(TokenizerKind::kWhitespace, LineContext::kStream);
  const auto figures = Evaluate(*model, Lines());
  ExpectClose(figures, SlowEvaluation(*model, false).Measure(Lines()));
  EXPECT_TRUE(std::isnan(figures.keystrokes_saved));
  EXPECT_THAT(figures.ToJson(), HasSubstr("\"keystrokes_saved\":null"));
}

TEST_F(LanguageModelEvaluationTest, LongLinesAreMeasuredInPieces) {
  // Longer than what is fed to the network at once.
  std::string line;
  for (int i = 0; i < 30; ++i) absl::StrAppend(&line, "the cat, ");
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  ExpectClose(Evaluate(*model, {line}),
              SlowEvaluation(*model, false).Measure({line}));
}

TEST_F(LanguageModelEvaluationTest, TokensAndWordsAreCounted) {
  // the | cat | , | dog (<unk>) | 12 (<num>) | <eos>
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  const auto figures = Evaluate(*model, {"", "the cat, dog 12"});
  EXPECT_EQ(figures.tokens, 6);
  EXPECT_EQ(figures.words, 4);
  EXPECT_DOUBLE_EQ(figures.oov_rate, 0.25);
}

TEST_F(LanguageModelEvaluationTest, BlankLinesOfAStreamAreTokens) {
  const auto model =
      MakeModel(TokenizerKind::kWhitespace, LineContext::kStream);
  EXPECT_EQ(Evaluate(*model, {"", "the cat", ""}).tokens, 5);
}

TEST_F(LanguageModelEvaluationTest, ThreadsDoNotChangeTheFigures) {
  std::vector<std::string> lines;
  for (int i = 0; i < 100; ++i) {
    for (const std::string& line : Lines()) {
      lines.push_back(absl::StrCat(line, i % 3 == 0 ? " it" : ""));
    }
  }
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  EXPECT_EQ(Evaluate(*model, lines, 1).ToJson(),
            Evaluate(*model, lines, 3).ToJson());
}

// A bar must not go back, and must come to its end.
TEST_F(LanguageModelEvaluationTest, ProgressRisesToTheNumberOfLines) {
  for (const LineContext context : {LineContext::kLine, LineContext::kStream}) {
    const auto model = MakeModel(TokenizerKind::kWords, context);
    std::vector<int64_t> seen = {0};
    ASSERT_THAT(EvaluateLanguageModel(*model, WriteText(Lines()),
                                      {.threads = 2,
                                       .on_progress =
                                           [&](int64_t n) {
                                             EXPECT_GT(n, seen.back());
                                             seen.push_back(n);
                                           }}),
                IsOk());
    // Lines of a stream are read, and then typed.
    EXPECT_EQ(seen.back(), context == LineContext::kLine ? 6 : 12);
  }
}

TEST_F(LanguageModelEvaluationTest, AFileWithoutTextIsRefused) {
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  EXPECT_THAT(EvaluateLanguageModel(*model, WriteText({"", "  "}), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected lines of text, found none")));
  EXPECT_THAT(EvaluateLanguageModel(*model, dir_.File("missing"), {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LanguageModelEvaluationTest, ABadLineIsNamed) {
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  EXPECT_THAT(EvaluateLanguageModel(*model, WriteText({"the", "c\xff"}), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("text.txt, line 2: ")));
}

TEST_F(LanguageModelEvaluationTest, NoThreadsAreTooFew) {
  const auto model = MakeModel(TokenizerKind::kWords, LineContext::kLine);
  EXPECT_THAT(
      EvaluateLanguageModel(*model, WriteText({"the"}), {.threads = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at least 1")));
}

TEST(LanguageModelFiguresTest, JsonHasTheFieldsInOrder) {
  const LanguageModelFigures figures = {.perplexity = 50.5,
                                        .tokens = 7,
                                        .words = 4,
                                        .oov_rate = 0.25,
                                        .top1 = 0.5,
                                        .top3 = 0.75,
                                        .keystrokes_saved = 0.375,
                                        .with_cache = {}};
  EXPECT_EQ(figures.ToJson(),
            R"({"task":"language_model","perplexity":50.5,"tokens":7,)"
            R"("words":4,"oov_rate":0.25,"top1":0.5,"top3":0.75,)"
            R"("keystrokes_saved":0.375})");
}

// Pieces are the tokens of perplexity; nobody is offered pieces to type.
TEST_F(LanguageModelEvaluationTest, SubwordsArePredictedPieceByPiece) {
  auto pieces = ParsePieces(
      "<unk>\tunigram\n<eos>\t0\n<num>\t0\n▁\t-9\n▁the\t-1\n▁c\t-2\n"
      "at\t-2\n.\t-3\n");
  ASSERT_THAT(pieces, IsOk());
  const auto model = MakeModel(Tokenizer(pieces->vocabulary, pieces->pieces),
                               LineContext::kLine);
  const auto figures = Evaluate(*model, {"the cat.", "", "the ☃"});
  // ▁the ▁c at . <eos>, ▁the ▁ <unk> <eos>
  EXPECT_EQ(figures.tokens, 9);
  EXPECT_EQ(figures.words, 4);
  EXPECT_TRUE(std::isnan(figures.keystrokes_saved));
  EXPECT_GT(figures.perplexity, 1);
}

}  // namespace
}  // namespace carousel
