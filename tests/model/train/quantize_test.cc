// SPDX-License-Identifier: Apache-2.0

#include "model/train/quantize.h"

#include <cstdio>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/onednn/matmul.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class QuantizeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!SupportsInt8()) GTEST_SKIP() << "not on this CPU";
    ASSERT_THAT(WriteTinyBundle(bundle_, kWords, 3), IsOk());
    ASSERT_THAT(WriteFileAtomically(options_.data, "one two\nthree one two\n"),
                IsOk());
  }

  // Measures, then writes.
  absl::Status Quantize() {
    const auto record = MeasurePrecision(options_);
    if (!record.ok()) return record.status();
    return WriteQuantized(options_, *record);
  }

  // Another bundle, for which 8 bits are too few: one number of a row of
  // weights is so large that most others are rounded to nothing.
  void WriteSpoilt() {
    const LanguageModelSizes sizes = TinySizes(6);
    std::vector<Tensor> weights = TinyWeights(sizes, 3);
    const auto specs = WeightSpecs(sizes);
    for (size_t i = 0; i < weights.size(); ++i) {
      if (specs->at(i).name != "projection.weight") continue;
      const int64_t width = weights[i].shape()[1];
      const absl::Span<float> values = weights[i].mutable_span<float>();
      for (size_t k = 0; k < values.size(); k += width) values[k] = 60;
    }
    options_.bundle = dir_.File("spoilt/1");
    ASSERT_THAT(WriteTinyBundle(options_.bundle, kWords, std::move(weights)),
                IsOk());
  }

  const std::vector<std::string> kWords = {"one", "two", "three"};
  TempDir dir_;
  const std::string bundle_ = dir_.File("tiny/1");
  Progress progress_{stderr, ProgressStyle::kNone};
  QuantizeOptions options_ = {.bundle = bundle_,
                              .data = dir_.File("dev.txt"),
                              .out = dir_.File("tiny/2"),
                              .progress = &progress_};
};

TEST_F(QuantizeTest, RecordsBothFiguresAndTheData) {
  const auto record = MeasurePrecision(options_);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->metric, QualityMetric::kPerplexity);
  EXPECT_GT(record->f32, 1);
  EXPECT_NE(record->value, record->f32);
  EXPECT_NEAR(record->value, record->f32, 0.2 * record->f32);
  EXPECT_EQ(
      record->data,
      (std::vector<MeasuredFile>{{"dev.txt", *Sha256OfFile(options_.data)}}));
}

// The weights are what they were; what is to be known of it is written down.
TEST_F(QuantizeTest, WritesTheBundleWithItsRecord) {
  PrecisionRecord record = TinyRecord(0.001);
  ASSERT_THAT(WriteQuantized(options_, record), IsOk());
  const auto model = Model::Load(options_.out);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kInt8);
  EXPECT_EQ((*model)->manifest().precisions.at(Precision::kInt8), record);
  for (const char* name : {kWeightsFile, kVocabularyFile}) {
    EXPECT_EQ((*model)->manifest().files.at(name).sha256,
              (*Model::Load(bundle_))->manifest().files.at(name).sha256);
  }
  EXPECT_THAT(
      *ReadFile(JoinPath(options_.out, kCardFile)),
      AllOf(HasSubstr("# A tiny model"), HasSubstr("## In int8"),
            HasSubstr("0.10 % of perplexity"), HasSubstr("tiny.dev.txt")));
}

// A bundle that 8 bits spoil is not made by accident.
TEST_F(QuantizeTest, RefusesALossBeyondTheLimit) {
  WriteSpoilt();
  EXPECT_THAT(Quantize(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                   AllOf(HasSubstr("expected int8 to cost at "
                                                   "most 0.5 % of perplexity"),
                                         HasSubstr("--force"))));
  EXPECT_THAT(ReadManifest(options_.out),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(QuantizeTest, ForceWritesWhatLoadsByForceOnly) {
  WriteSpoilt();
  options_.force = true;
  ASSERT_THAT(Quantize(), IsOk());
  EXPECT_THAT(Model::Load(options_.out),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Model::Load(options_.out, {.force = true}), IsOk());
}

TEST_F(QuantizeTest, ClassifierIsMeasuredByItsAccuracy) {
  options_.bundle = dir_.File("labels/1");
  options_.out = dir_.File("labels/2");
  options_.force = true;
  ASSERT_THAT(WriteTinyClassifier(options_.bundle, kWords), IsOk());
  ASSERT_THAT(WriteFileAtomically(options_.data,
                                  "positive\tone two\nnegative\tthree\n"
                                  "negative\tone two\n"),
              IsOk());
  const auto record = MeasurePrecision(options_);
  ASSERT_THAT(record, IsOk());
  EXPECT_EQ(record->metric, QualityMetric::kAccuracy);
  EXPECT_GE(record->f32, 1.0 / 3);  // of the two that are equal one is right
  ASSERT_THAT(WriteQuantized(options_, *record), IsOk());
  const auto model = Model::Load(options_.out, {.force = true});
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kInt8);
}

TEST_F(QuantizeTest, F32IsNothingToMeasure) {
  options_.precision = Precision::kF32;
  EXPECT_THAT(MeasurePrecision(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected bf16 or int8")));
}

}  // namespace
}  // namespace carousel
