// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr char kLeast[] = R"({"data": {"train": ["a.tsv"]}})";

absl::StatusOr<TranslatorConfig> With(const std::vector<std::string>& set) {
  return ParseTranslatorConfig(kLeast, set);
}

// What is written in config.json and the checkpoint reads back as the same.
TEST(TranslatorConfigTest, SettingsSurviveWritingAndReading) {
  const auto config =
      With({"model.attention=additive", "model.cell=gru",
            "text.tokenizer=subword", "text.subword_algorithm=bpe",
            "model.reverse_input=true", "training.label_smoothing=0.1"})
          .value();
  EXPECT_EQ(config.attention, AttentionKind::kAdditive);
  const std::string text = SerialiseTranslatorConfig(config);
  EXPECT_EQ(SerialiseTranslatorConfig(ParseTranslatorConfig(text).value()),
            text);
  EXPECT_EQ(With({"model.attention=none"})->attention, std::nullopt);
}

// The encoder's outputs are as wide as the decoder's state, unless told.
TEST(TranslatorConfigTest, SizesFollowFromTheSettings) {
  const TranslatorSizes sizes =
      With({"model.hidden=64", "model.bidirectional=true"})->SizesFor(20, 30);
  EXPECT_EQ(sizes.encoder.hidden, 32);
  EXPECT_EQ(sizes.encoder.outputs(), sizes.decoder.outputs());
  EXPECT_THAT(WeightSpecs(sizes), IsOk());
  EXPECT_EQ(With({"model.encoder_hidden=40"})->SizesFor(20, 30).encoder.hidden,
            40);
}

TEST(TranslatorConfigTest, SettingsThatDoNotGoTogetherAreRefused) {
  const auto refused = [](const std::vector<std::string>& set,
                          const std::string& message) {
    EXPECT_THAT(With(set), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr(message)));
  };
  refused({"model.shared_embedding=true"}, "model.shared_embedding");
  refused({"model.hidden=33"}, "model.hidden");
  refused({"model.attention=dot", "model.encoder_hidden=7"}, "model");
  refused({"model.attention=some"}, "model.attention");
  refused({"data.train=[]"}, "data.train");
  refused({"model.width=3"}, "model.width");
}

// A checkpoint goes on with another rate, but not as another network.
TEST(TranslatorConfigTest, ARunCannotChangeItsNetwork) {
  const auto before = With({}).value();
  EXPECT_THAT(CheckCanResume(before, *With({"training.learning_rate=0.5"})),
              IsOk());
  EXPECT_THAT(CheckCanResume(before, *With({"model.reverse_input=true"})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("model.reverse_input")));
}

}  // namespace
}  // namespace carousel
