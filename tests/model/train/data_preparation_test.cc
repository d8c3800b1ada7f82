// SPDX-License-Identifier: Apache-2.0

#include "model/train/data_preparation.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/child_process.h"
#include "model/base/files.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;

class DataPreparationTest : public testing::Test {
 protected:
  DataPreparationTest() {
    config_.data_directory = dir_.path();
    config_.train = {{.path = "train.txt"}};
    config_.minimum_count = 1;
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name), text), IsOk());
  }

  absl::StatusOr<PreparedData> Prepare() {
    const std::string run = dir_.File("run");
    EXPECT_THAT(MakeDirectories(run), IsOk());
    return PrepareData(config_, run, [](absl::string_view) {});
  }

  // The text that the tokens stand for.
  static std::string TextOf(const PreparedData& data, const Corpus& corpus) {
    std::string text;
    for (const int32_t id : corpus.tokens()) {
      text += data.tokenizer->vocabulary().token(id) + " ";
    }
    return text;
  }

  TempDir dir_;
  LanguageModelConfig config_;
};

// Numbers are masked, blank lines skipped, lines ended.
TEST_F(DataPreparationTest, TextBecomesTokensLineByLine) {
  Write("train.txt", "Call me at 555-1234.\n\nyes\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(TextOf(*data, *data->train), "Call me at <num> . <eos> yes <eos> ");
  EXPECT_EQ(data->dev, nullptr);
}

// WikiText counts them: every line, blank too, ends in <eos>.
TEST_F(DataPreparationTest, StreamContextKeepsBlankLines) {
  config_.tokenizer = TokenizerKind::kWhitespace;
  config_.context = LineContext::kStream;
  Write("train.txt", "a <unk> b\n\n 5 \n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(TextOf(*data, *data->train), "a <unk> b <eos> <eos> 5 <eos> ");
}

// Otherwise dev perplexity and every evaluation would be too good.
TEST_F(DataPreparationTest, LinesOfDevAndExcludedFilesAreNotTrainedOn) {
  config_.dev = {"dev.txt"};
  config_.exclude = {"test.txt"};
  Write("train.txt", "how are you?\nfine, thanks\nGood bye!\n");
  Write("dev.txt", "How are you\n");
  Write("test.txt", "good bye\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(TextOf(*data, *data->train), "fine , thanks <eos> ");
  EXPECT_EQ(TextOf(*data, *data->dev), "<unk> <unk> <unk> <eos> ");
}

// The more important text is read more often, and counts more.
TEST_F(DataPreparationTest, RepeatReadsAFileAgain) {
  config_.train = {{.path = "a.txt"}, {.path = "b.txt", .repeat = 3}};
  config_.minimum_count = 2;
  Write("a.txt", "once twice twice\n");
  Write("b.txt", "more\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(TextOf(*data, *data->train),
            "<unk> twice twice <eos> more <eos> more <eos> more <eos> ");
}

// The record says what a model is made of.
TEST_F(DataPreparationTest, RecordHasChecksumSizeAndLines) {
  config_.dev = {"dev.txt"};
  Write("train.txt", "a b\nc\n");
  Write("dev.txt", "C!\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  const auto record = nlohmann::json::parse(data->record);
  const auto& file = record["files"][0];
  EXPECT_EQ(file["path"], "train.txt");
  EXPECT_EQ(file["sha256"], Sha256("a b\nc\n"));
  EXPECT_EQ(file["size_bytes"], 6);
  EXPECT_EQ(file["lines"], 2);
  EXPECT_EQ(file["dropped_lines"], 1);
  EXPECT_EQ(record["train_tokens"], 3);
  EXPECT_EQ(record["dev_tokens"], 3);
}

// A resumed run reads what the first one prepared.
TEST_F(DataPreparationTest, PreparedDataCanBeLoadedAgain) {
  Write("train.txt", "a b\nc\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  const auto again = LoadPreparedData(config_, dir_.File("run"));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->train->fingerprint(), data->train->fingerprint());
  EXPECT_EQ(again->tokenizer->vocabulary().Serialise(),
            data->tokenizer->vocabulary().Serialise());
}

TEST_F(DataPreparationTest, MissingFileIsNotFound) {
  EXPECT_THAT(Prepare(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("train.txt")));
}

TEST_F(DataPreparationTest, BinaryDataIsRefusedWithItsLine) {
  Write("train.txt", "good\nbad \xff\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.txt:2")));
  Write("train.txt", std::string("good\nb\0d\n", 9));
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.txt")));
}

TEST_F(DataPreparationTest, TextOfOneWordIsTooLittle) {
  Write("train.txt", "word\nword\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("too little text")));
}

// An empty file beside a good one is a mistake of whoever wrote the list.
TEST_F(DataPreparationTest, EmptyFileIsRefusedByName) {
  config_.train.push_back({.path = "empty.txt"});
  Write("train.txt", "a b c\n");
  Write("empty.txt", "\n\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("empty.txt")));
}

// A person who asks for a size must not get another model than that.
TEST_F(DataPreparationTest, VocabularyLargerThanTheDataIsRefused) {
  Write("train.txt", "one two three\n");
  const int size = Prepare()->tokenizer->vocabulary().size();
  config_.vocabulary_size = size;
  EXPECT_THAT(Prepare(), IsOk());
  config_.vocabulary_size = size + 1;
  EXPECT_THAT(
      Prepare(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               testing::AllOf(HasSubstr("text.vocabulary_size"),
                              HasSubstr(absl::StrCat("the ", size, " tokens")),
                              HasSubstr("train.txt"))));
}

// The pieces of a run are made from its own text, and kept in its folder.
TEST_F(DataPreparationTest, SubwordsAreMadeFromTheTrainingText) {
  if (!RunProgram({"spm_train", "--version"}).ok()) {
    GTEST_SKIP() << "spm_train is not installed: apt-get install sentencepiece";
  }
  config_.tokenizer = TokenizerKind::kSubword;
  config_.vocabulary_size = 40;
  std::string text;
  for (const char* stem : {"walk", "talk", "paint", "jump", "look"}) {
    for (const char* end : {"s", "ed", "ing", "er", ""}) {
      text += std::string(stem) + end + " and " + stem + end + "\n";
    }
  }
  Write("train.txt", text);
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->tokenizer->vocabulary().size(), 40);
  std::vector<int32_t> first(
      data->train->tokens().begin(),
      std::find(data->train->tokens().begin(), data->train->tokens().end(),
                Vocabulary::kEndOfLine));
  EXPECT_EQ(data->tokenizer->Decode(first), "walks and walks");

  config_.vocabulary_size = 5000;
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("setting text.vocabulary_size: "
                                            "expected at most")));
}

}  // namespace
}  // namespace carousel
