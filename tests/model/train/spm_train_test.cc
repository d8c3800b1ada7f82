// SPDX-License-Identifier: Apache-2.0

#include "model/train/spm_train.h"

#include <unistd.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/child_process.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

bool IsInstalled(const std::string& program) {
  return RunProgram({program, "--version"}).ok();
}

// Words of syllables: enough different ones to have pieces.
std::string RandomSentence(Random& random) {
  static const std::vector<std::string> syllables = {
      "ka", "ro", "sel", "mi", "tu", "ben", "ä", "ß", "lo", "ning", "er", "s"};
  std::string line;
  for (uint64_t words = 1 + random.Below(8); words > 0; --words) {
    if (!line.empty()) line += ' ';
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      line += syllables[random.Below(syllables.size())];
    }
    if (random.Below(5) == 0) line += random.Below(2) == 0 ? "." : ", ";
  }
  return line;
}

class SpmTrainTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!IsInstalled("spm_train")) {
      GTEST_SKIP() << "spm_train is not installed: apt-get install "
                      "sentencepiece";
    }
  }

  absl::StatusOr<Tokenizer> Train(const PieceTrainingOptions& options,
                                  int lines = 400) {
    const auto trainer = PieceTrainer::Create(dir_.path());
    if (!trainer.ok()) return trainer.status();
    Random random(1, 0);
    for (int i = 0; i < lines; ++i) {
      EXPECT_THAT((*trainer)->Add(RandomSentence(random)), IsOk());
    }
    return (*trainer)->Train(options);
  }

  TempDir dir_;
};

// Special tokens must have our ids, whatever spm_train thinks of them.
TEST_F(SpmTrainTest, VocabularyHasTheSizeAndTheSpecialTokens) {
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    const auto tokenizer =
        Train({.algorithm = algorithm, .vocabulary_size = 120});
    ASSERT_THAT(tokenizer, IsOk());
    EXPECT_EQ(tokenizer->kind(), TokenizerKind::kSubword);
    EXPECT_EQ(tokenizer->vocabulary().size(), 120);
    EXPECT_EQ(tokenizer->vocabulary().token(Vocabulary::kNumber), "<num>");
    const auto ids = tokenizer->Encode("karosel, mitu");
    ASSERT_THAT(ids, IsOk());
    EXPECT_EQ(tokenizer->Decode(*ids), "karosel, mitu");
  }
}

// Two runs with one seed must be the same run.
TEST_F(SpmTrainTest, EqualTextGivesEqualPieces) {
  const auto first = Train({.vocabulary_size = 100});
  const auto second = Train({.vocabulary_size = 100});
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->Serialise(), second->Serialise());
}

// A run's folder keeps what one needs later, not copies of the text.
TEST_F(SpmTrainTest, OnlyTheLogIsLeftBehind) {
  ASSERT_THAT(Train({.vocabulary_size = 100}), IsOk());
  std::vector<std::string> left;
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    left.push_back(file.path().filename());
  }
  EXPECT_THAT(left, testing::ElementsAre("spm_train.log"));
}

// The person set vocabulary_size, and never heard of --vocab_size.
TEST_F(SpmTrainTest, VocabularyThatDoesNotFitTheTextIsRefusedWithTheBound) {
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    EXPECT_THAT(Train({.algorithm = algorithm, .vocabulary_size = 900'000}, 9),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::ContainsRegex(
                             "text.vocabulary_size: expected at most [1-9]"
                             "[0-9]*, for .*found 900000")));
    EXPECT_THAT(Train({.algorithm = algorithm, .vocabulary_size = 5}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::ContainsRegex(
                             "text.vocabulary_size: expected at least [1-9]"
                             "[0-9]*, one .*found 5")));
  }
  EXPECT_THAT(Train({}, 0), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("expected text, found none")));
}

// A new release of spm_train may cut otherwise; then we want to know.
TEST_F(SpmTrainTest, TextIsCutAsSpmEncodeCutsIt) {
  if (!IsInstalled("spm_encode")) {
    GTEST_SKIP() << "spm_encode is not installed: apt-get install "
                    "sentencepiece";
  }
  Random random(2, 0);
  std::vector<std::string> lines;
  for (int i = 0; i < 300; ++i) lines.push_back(RandomSentence(random));
  lines.push_back("unseen: ☃ zebra");
  for (const char* algorithm : {"unigram", "bpe"}) {
    const std::string prefix = dir_.File(algorithm);
    ASSERT_THAT(WriteFileAtomically(dir_.File("text"),
                                    absl::StrJoin(lines, "\n") + "\n"),
                IsOk());
    ASSERT_THAT(RunProgram({"spm_train", "--input=" + dir_.File("text"),
                            "--model_prefix=" + prefix, "--vocab_size=150",
                            absl::StrCat("--model_type=", algorithm),
                            "--normalization_rule_name=identity", "--unk_id=0",
                            "--bos_id=-1", "--eos_id=1", "--eos_piece=<eos>",
                            "--control_symbols=<num>"}),
                IsOk());
    ASSERT_THAT(
        RunProgram({"spm_encode", "--model=" + prefix + ".model",
                    "--output_format=id", "--input=" + dir_.File("text"),
                    "--output=" + dir_.File("ids")}),
        IsOk());
    const auto vocabulary = ReadFile(prefix + ".vocab");
    const auto ids = ReadFile(dir_.File("ids"));
    ASSERT_THAT(vocabulary, IsOk());
    ASSERT_THAT(ids, IsOk());
    const auto tokenizer =
        TokenizerOfSpmVocabulary(*ParsePieceAlgorithm(algorithm), *vocabulary);
    ASSERT_THAT(tokenizer, IsOk());
    const std::vector<std::string> expected = absl::StrSplit(*ids, '\n');
    for (size_t i = 0; i < lines.size(); ++i) {
      const auto found = tokenizer->Encode(lines[i]);
      ASSERT_THAT(found, IsOk());
      EXPECT_EQ(absl::StrJoin(*found, " "), expected[i]) << lines[i];
    }
  }
}

// The comma ends a file name for spm_train: it would train on another file.
TEST(PieceTrainerTest, FolderWithACommaIsRefused) {
  EXPECT_THAT(PieceTrainer::Create("/a,b"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("without a comma")));
  EXPECT_THAT(PieceTrainer::Create("/no/such/folder"),
              StatusIs(absl::StatusCode::kNotFound));
}

// The remedy belongs to the message.
TEST(PieceTrainerTest, MissingProgramSaysHowToInstallIt) {
  TempDir dir;
  const std::string path = getenv("PATH");
  ASSERT_EQ(setenv("PATH", dir.path().c_str(), 1), 0);
  const auto trainer = PieceTrainer::Create(dir.path());
  ASSERT_THAT(trainer, IsOk());
  EXPECT_THAT((*trainer)->Train({}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("apt-get install sentencepiece")));
  setenv("PATH", path.c_str(), 1);
}

// What we do not know is shown as it is.
TEST(PieceTrainerTest, UnknownErrorsKeepTheirWords) {
  EXPECT_THAT(ExplainSpmError("a\nout of luck\nProgram terminated with an "
                              "unrecoverable error.\n",
                              {}),
              StatusIs(absl::StatusCode::kInternal, "spm_train: out of luck"));
}

}  // namespace
}  // namespace carousel
