// SPDX-License-Identifier: Apache-2.0
//
// Bundles in bf16 and int8, on a CPU that has both; lesser_cpu_test.cc is about
// the others.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/bundle/writer.h"
#include "model/onednn/matmul.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kFailedPrecondition = absl::StatusCode::kFailedPrecondition;

class ModelPrecisionTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!SupportsInt8() || !SupportsBF16()) GTEST_SKIP() << "not on this CPU";
    ASSERT_THAT(WriteTinyBundle(bundle_, {"one", "two", "three"}, 3), IsOk());
  }

  // The bundle, meant for int8 at a relative loss of perplexity.
  void RecordInt8(double loss) {
    ASSERT_THAT(RecordPrecision(bundle_, Precision::kInt8, TinyRecord(loss)),
                IsOk());
  }

  void SetInt8Tolerance(double tolerance) {
    Manifest manifest = *ReadManifest(bundle_);
    manifest.self_test_tolerances[Precision::kInt8] = tolerance;
    ASSERT_THAT(WriteFileAtomically(JoinPath(bundle_, kManifestFile),
                                    SerialiseManifest(manifest)),
                IsOk());
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("tiny/1");
};

// What loses nothing needs no permission.
TEST_F(ModelPrecisionTest, BundleWithoutARecordRunsInF32) {
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kF32);
  EXPECT_EQ((*model)->precision_note(), "");
}

TEST_F(ModelPrecisionTest, RunsInTheRecordedPrecision) {
  for (Precision precision : {Precision::kBF16, Precision::kInt8}) {
    ASSERT_THAT(RecordPrecision(bundle_, precision, TinyRecord(0.001)), IsOk());
    const auto model = Model::Load(bundle_);
    ASSERT_THAT(model, IsOk());
    EXPECT_EQ((*model)->precision(), precision);
    EXPECT_THAT((*model)->precision_note(), HasSubstr("costs 0.10 %"));
  }
}

TEST_F(ModelPrecisionTest, LossBeyondTheLimitIsRefusedUnlessForced) {
  RecordInt8(0.0051);
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kFailedPrecondition,
                       HasSubstr("tiny/1: int8: expected to cost at most 0.5 % "
                                 "of perplexity, costs 0.51 % of perplexity "
                                 "(20 in f32, 20.102)")));
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kF32}), IsOk());
  const auto forced = Model::Load(bundle_, {.force = true});
  ASSERT_THAT(forced, IsOk());
  EXPECT_EQ((*forced)->precision(), Precision::kInt8);
}

// The answers of the self-test are those of f32, which int8 comes near.
TEST_F(ModelPrecisionTest, SelfTestHasTheToleranceOfThePrecision) {
  RecordInt8(0.001);
  SetInt8Tolerance(1e-7);
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("in int8: self-test of")));
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kF32}), IsOk());
}

TEST_F(ModelPrecisionTest, ForcedModelNotesAMissedSelfTest) {
  RecordInt8(0.001);
  SetInt8Tolerance(1e-7);
  const auto model = Model::Load(bundle_, {.force = true});
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT((*model)->precision_note(), HasSubstr("; in int8: self-test of"));
}

TEST_F(ModelPrecisionTest, OnlyLstmsRunInInt8) {
  const Tokenizer tokenizer(
      TokenizerKind::kWords,
      Vocabulary::Create(TinyTokens({"one", "two"})).value());
  LanguageModelSizes sizes = TinySizes(tokenizer.vocabulary().size());
  sizes.cell = Cell::kGru;
  BundleContent content;
  content.manifest.model = LanguageModelManifest{.sizes = sizes};
  content.weights = TinyWeights(sizes, 3);
  content.tokenizer = &tokenizer;
  content.self_test_texts = {"one"};
  const std::string gru = dir_.File("gru/1");
  ASSERT_THAT(WriteBundle(gru, content), IsOk());
  EXPECT_THAT(Model::Load(gru, {.precision = Precision::kInt8}),
              StatusIs(kFailedPrecondition, HasSubstr("only LSTM cells")));
  EXPECT_THAT(Model::Load(gru, {.precision = Precision::kBF16}), IsOk());
}

}  // namespace
}  // namespace carousel
