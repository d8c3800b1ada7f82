// SPDX-License-Identifier: Apache-2.0

#include "model/train/language_model_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/train/classifier_config.h"
#include "model/train/forecaster_config.h"
#include "model/train/translator_config.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr char kSmallest[] = R"({"data": {"train": ["a.txt"]}})";

absl::StatusOr<LanguageModelConfig> With(const std::string& setting) {
  return ParseLanguageModelConfig(kSmallest, {setting});
}

// The defaults are a working configuration.
TEST(LanguageModelConfigTest, OnlyTheTextIsRequired) {
  const auto config = ParseLanguageModelConfig(kSmallest);
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->train[0].path, "a.txt");
  EXPECT_EQ(config->train[0].repeat, 1);
  EXPECT_THAT(
      ParseLanguageModelConfig("{}"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("data.train")));
}

// A setting that is misspelt must not be a setting that is ignored.
TEST(LanguageModelConfigTest, UnknownSettingIsRefusedByName) {
  EXPECT_THAT(With("training.learning_rat=1"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("training.learning_rat")));
  EXPECT_THAT(
      With("trainer.rows=1"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("trainer.rows")));
  EXPECT_THAT(
      With(R"(data.train=[{"path": "x", "repeats": 2}])"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("repeats")));
}

// Each with what was expected and found.
TEST(LanguageModelConfigTest, ValueOutOfItsBoundsIsRefused) {
  for (const auto& [setting, expected] :
       std::vector<std::pair<std::string, std::string>>{
           {"training.rows=0", "1 to 65536, found 0"},
           {"training.rows=1.5", "a whole number, found 1.5"},
           {"training.rows=-1", "found -1"},
           {"text.vocabulary_size=4", "0 or at least 5, found 4"},
           {"training.dropout_layers=1", "0 to 0.95, found 1"},
           {"training.seed=\"x\"", "a whole number, found \"x\""},
           {"training.optimiser=adamm",
            "sgd or averaged_sgd or adam or adamw, found \"adamm\""},
           {"training.learning_rate=0", "found 0"},
           {"model.tied=1", "true or false, found 1"},
           {"bundle.stored_type=null", "found null"},
           {"data.dev=[1]", "strings in it, found 1"},
           {"data.train=x.txt", "a list"},
           {"training.epochs=0", "training.max_steps"},
           {"model.output=adaptive", "model.cutoffs: expected one to 4"},
           {"model.cutoffs=[5]", "none elsewhere; found 1"},
           {"training.accumulate=33", "at most training.rows, 32; found 33"},
           {"model.projection=false", "model.hidden"},
           {"bundle.self_test_texts=[]", "at least one"}}) {
    EXPECT_THAT(With(setting), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr(expected)))
        << setting;
  }
}

// Its clusters go from frequent to rare; it may share the embedding or not.
TEST(LanguageModelConfigTest, AdaptiveSoftmaxHasRisingCutoffs) {
  const auto parse = [](std::vector<std::string> more) {
    more.push_back("model.output=adaptive");
    return ParseLanguageModelConfig(kSmallest, more);
  };
  const auto config = parse({"model.cutoffs=[10,20]", "model.tied=false"});
  ASSERT_THAT(config, IsOk());
  EXPECT_TRUE(config->sizes.adaptive());
  const auto tied = parse({"model.cutoffs=[10,20]"});
  ASSERT_THAT(tied, IsOk());
  EXPECT_TRUE(tied->sizes.tied);
  EXPECT_THAT(parse({"model.cutoffs=[10,10]", "model.tied=false"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("rising numbers")));
}

// The averages that were asked for would never come.
TEST(LanguageModelConfigTest, PatienceLastsUntilAveragesBegin) {
  const auto parse = [](const char* patience) {
    return ParseLanguageModelConfig(
        kSmallest, {"training.optimiser=averaged_sgd",
                    "training.average_after_evaluations=3", patience});
  };
  EXPECT_THAT(parse("training.patience=0"), IsOk());
  EXPECT_THAT(parse("training.patience=3"), IsOk());
  EXPECT_THAT(parse("training.patience=2"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("training.patience: expected 0 or at least "
                                 "training.average_after_evaluations, 3")));
}

// A running text has no lines to drop, so asking for it is a mistake.
TEST(LanguageModelConfigTest, StreamContextHasNothingToExclude) {
  EXPECT_THAT(
      ParseLanguageModelConfig(kSmallest,
                               {"text.context=stream", "data.exclude=[\"b\"]"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("data.exclude")));
}

// For trying things out without another file.
TEST(LanguageModelConfigTest, OverridesWinOverTheFile) {
  const auto config = ParseLanguageModelConfig(
      kSmallest, {"training.rows=7", "training.optimiser=sgd",
                  "bundle.description=a = b", "training.learning_rate=5e-3"});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->rows, 7);
  EXPECT_EQ(config->training.trainer.optimiser.kind, OptimiserKind::kSgd);
  EXPECT_EQ(config->bundle.description, "a = b");
  EXPECT_FLOAT_EQ(config->training.learning_rate.peak, 5e-3f);
  EXPECT_THAT(With("rows=7"), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("section.key=value")));
}

// The checkpoint keeps the settings as text.
TEST(LanguageModelConfigTest, SerialisedSettingsParseToTheSame) {
  const auto config = ParseLanguageModelConfig(
      kSmallest, {R"(data.train=["a", {"path": "b", "repeat": 2}])",
                  "training.dropout_layers=0.3", "text.context=stream",
                  "bundle.context_theta=0.7", "training.seed=12345678901234"});
  ASSERT_THAT(config, IsOk());
  const std::string text = SerialiseLanguageModelConfig(*config);
  EXPECT_THAT(text, HasSubstr("\"dropout_layers\": 0.3,"));
  const auto again = ParseLanguageModelConfig(text);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(SerialiseLanguageModelConfig(*again), text);
  EXPECT_EQ(again->train[1].repeat, 2);
  EXPECT_EQ(again->context_cache.theta, 0.7f);
  EXPECT_EQ(again->training.trainer.seed, 12345678901234u);
}

// What shapes weights and batches is fixed; how long to go on is not.
TEST(LanguageModelConfigTest, ARunCannotChangeItsModelHalfWay) {
  const auto before = With("training.rows=7");
  ASSERT_THAT(before, IsOk());
  auto after = *before;
  after.training.epochs = 3;
  after.training.learning_rate.peak = 1;
  EXPECT_THAT(CheckCanResume(*before, after), IsOk());
  after.rows = 8;
  EXPECT_THAT(CheckCanResume(*before, after),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("training.rows")));
}

// The examples that the README points at, of all tasks.
TEST(ShippedConfigurationsTest, AllAreGood) {
  const auto read = [](const std::string& name) {
    return ReadFile(std::string(CAROUSEL_SOURCE_DIR) + "/model/train/configs/" +
                    name + ".json")
        .value();
  };
  EXPECT_THAT(ParseLanguageModelConfig(read("autocomplete-en")), IsOk());
  EXPECT_THAT(ParseLanguageModelConfig(read("wikitext-2")), IsOk());
  EXPECT_THAT(ParseClassifierConfig(read("sst-2")), IsOk());
  EXPECT_THAT(ParseTranslatorConfig(read("translator-multi30k")), IsOk());
  EXPECT_THAT(ParseForecasterConfig(read("forecaster-etth1")), IsOk());
}

}  // namespace
}  // namespace carousel
