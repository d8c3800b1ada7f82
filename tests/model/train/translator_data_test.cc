// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_data.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/train/corpus.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TranslatorDataTest : public testing::Test {
 protected:
  TranslatorDataTest() {
    config_.data_directory = dir_.path();
    config_.train = {{.path = "train.tsv"}};
    config_.minimum_count = 1;
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name), text), IsOk());
  }

  absl::StatusOr<TranslatorData> Prepare() {
    const std::string run = dir_.File("run");
    EXPECT_THAT(MakeDirectories(run), IsOk());
    return PrepareTranslatorData(config_, run, [](absl::string_view) {});
  }

  static std::string TextOf(const Tokenizer& tokenizer,
                            absl::Span<const int32_t> ids) {
    std::string text;
    for (const int32_t id : ids) {
      absl::StrAppend(&text, text.empty() ? "" : " ",
                      tokenizer.vocabulary().token(id));
    }
    return text;
  }

  TempDir dir_;
  TranslatorConfig config_;
};

// Sources end in <eos>, which the encoder reads; targets get theirs in batches.
TEST_F(TranslatorDataTest, LinesBecomePairs) {
  Write("train.tsv", "a dog.\tun chien.\nthe dog\tle chien\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  ASSERT_EQ(data->train->size(), 2);
  EXPECT_EQ(TextOf(*data->source, data->train->source(0)), "a dog . <eos>");
  EXPECT_EQ(TextOf(*data->target, data->train->target(0)), "un chien .");
  EXPECT_EQ(data->dev, nullptr);
  EXPECT_EQ(nlohmann::json::parse(data->record)["train_pairs"], 2);
}

// A resumed run has what the first one read.
TEST_F(TranslatorDataTest, LoadingGivesTheSame) {
  config_.dev = {"dev.tsv"};
  Write("train.tsv", "a dog\tun chien\n");
  Write("dev.tsv", "dog\tchien\ndog\tle chien\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  const auto loaded = LoadTranslatorData(config_, dir_.File("run"));
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->train->fingerprint(), data->train->fingerprint());
  EXPECT_EQ(loaded->dev->size(), 2);
  ASSERT_EQ(loaded->dev_pairs.size(), 1u);
  EXPECT_THAT(loaded->dev_pairs[0].references,
              ElementsAre("chien", "le chien"));
}

// Otherwise dev's figures would be too good.
TEST_F(TranslatorDataTest, SourcesOfDevAreNotTrainedOn) {
  config_.dev = {"dev.tsv"};
  Write("train.tsv", "a dog\tun chien\ndog\tchien\ndog\tun chien\n");
  Write("dev.tsv", "dog\tchien\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->train->size(), 1);
  EXPECT_EQ(nlohmann::json::parse(data->record)["files"][0]["dropped_lines"],
            2);
}

// One vocabulary, so that names have one token in both languages.
TEST_F(TranslatorDataTest, AJointVocabularyIsOfBothLanguages) {
  config_.joint = true;
  Write("train.tsv", "a dog\tun chien\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->source->vocabulary().Serialise(),
            data->target->vocabulary().Serialise());
  EXPECT_TRUE(data->source->vocabulary().Find("chien").has_value());
}

// Whoever repairs the file must know where.
TEST_F(TranslatorDataTest, BadLinesAreToldWithFileAndLine) {
  Write("train.tsv", "a\tb\na b\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.tsv:2: expected source")));
  Write("train.tsv", "a\tb\tc\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.tsv:1: ")));
  Write("train.tsv", "a\t\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("no text")));
  Write("train.tsv", "a\tb\n\n \tb\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.tsv:3: ")));
  Write("train.tsv", "a\t\xff\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.tsv:1: ")));
}

// What an epoch reads twice counts twice.
TEST_F(TranslatorDataTest, WordsOfRepeatedFilesCountAsOften) {
  config_.train[0].repeat = 2;
  config_.minimum_count = 2;
  Write("train.tsv", "a dog\tun chien\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(data->train->size(), 2);
  EXPECT_EQ(TextOf(*data->source, data->train->source(1)), "a dog <eos>");
}

// It would end its side there and shift all pairs behind it.
TEST_F(TranslatorDataTest, TheTokenThatEndsATextIsNotText) {
  config_.tokenizer = TokenizerKind::kWhitespace;
  Write("train.tsv", "a b\tc d\na <eos> b\tc d\n");
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("train.tsv:2: expected text, found "
                                            "the token <eos>")));
}

// Half a pair, or another run's pairs, would train sources on wrong targets.
TEST_F(TranslatorDataTest, OtherPairsThanTheRecordsAreDataLoss) {
  Write("train.tsv", "a dog\tun chien\n");
  ASSERT_THAT(Prepare(), IsOk());
  for (const int lines : {1, 3, 4}) {
    auto writer = CorpusWriter::Create(dir_.File("run/train.tokens")).value();
    for (int i = 0; i < lines; ++i) ASSERT_THAT(writer->Add({3, 4}), IsOk());
    ASSERT_THAT(writer->Finish(), IsOk());
    EXPECT_THAT(LoadTranslatorData(config_, dir_.File("run")),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr("expected 1 pairs of lines, found ")))
        << lines;
  }
}

// The bounds are those of the texts; the <eos> behind them does not count.
TEST_F(TranslatorDataTest, PairsUpToTheBoundsAreNotTooLong) {
  config_.max_source = 3;
  config_.max_target = 2;
  Write("train.tsv", "a b c\td e\na b c d\td e\na b c\td e f\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ(ExampleStream::CountTooLong(*data->train, StreamOptions(config_)),
            2);
}

// Nobody waits for the translation of a text that is too long to learn from.
TEST_F(TranslatorDataTest, DevTextsThatAreTooLongAreNotTranslated) {
  config_.dev = {"dev.tsv"};
  config_.max_source = 3;
  Write("train.tsv", "a b c\td e\n");
  Write("dev.tsv", "a b c a\td\nb c a\te\n");
  const auto data = Prepare();
  ASSERT_THAT(data, IsOk());
  ASSERT_EQ(data->dev_pairs.size(), 1u);
  EXPECT_EQ(data->dev_pairs[0].source, "b c a");
}

// A run that could train on nothing does not begin.
TEST_F(TranslatorDataTest, NothingLeftIsAnError) {
  Write("train.tsv", "a b c\td e f\n");
  config_.max_source = 2;
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("text.max_source")));
  config_.max_source = 100;
  config_.minimum_count = 2;
  EXPECT_THAT(Prepare(), StatusIs(absl::StatusCode::kInvalidArgument,
                                  HasSubstr("too little text")));
}

}  // namespace
}  // namespace carousel
