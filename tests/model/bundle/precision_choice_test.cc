// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/precision_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr Precision kF32 = Precision::kF32;
constexpr Precision kBF16 = Precision::kBF16;
constexpr Precision kInt8 = Precision::kInt8;

constexpr PrecisionSupport kNothing = {};
constexpr PrecisionSupport kOnlyBF16 = {.bf16 = true};
constexpr PrecisionSupport kAll = {.bf16 = true, .int8 = true};

PrecisionRecord Perplexity(double value) {
  return {.metric = QualityMetric::kPerplexity,
          .f32 = 25,
          .value = value,
          .data = {{"dev.txt", std::string(64, 'a')}}};
}

const PrecisionRecords kNone = {};
const PrecisionRecords kInt8Measured = {{kInt8, Perplexity(25.03)}};
const PrecisionRecords kBF16Measured = {{kBF16, Perplexity(25.01)}};
const PrecisionRecords kBothMeasured = {{kBF16, Perplexity(25.01)},
                                        {kInt8, Perplexity(25.03)}};
const PrecisionRecords kImported = {{kBF16, {}}};
const PrecisionRecords kInt8TooLossy = {{kInt8, Perplexity(26)}};

// What runs, and what people read of it.
TEST(PrecisionChoiceTest, RunsAsMeantOrAsNearAsItCan) {
  const struct {
    const PrecisionRecords& records;
    PrecisionSupport network;
    PrecisionSupport cpu;
    Precision expected;
    const char* note;
  } cases[] = {
      // Nothing recorded: nothing is risked.
      {kNone, kAll, kAll, kF32, ""},
      {kInt8Measured, kAll, kAll, kInt8,
       "int8 costs 0.12 % of perplexity (25 in f32, 25.03)"},
      {kBothMeasured, kAll, kAll, kInt8, "int8 costs 0.12 %"},
      {kBF16Measured, kAll, kAll, kBF16, "bf16 costs 0.04 %"},
      {kImported, kAll, kAll, kBF16, "bf16 costs what was not measured"},
      // The CPU lacks something.
      {kInt8Measured, kAll, kNothing, kF32,
       "int8 was meant; this CPU lacks AVX512_VNNI: runs in f32"},
      {kInt8Measured, kAll, kOnlyBF16, kF32,
       "int8 was meant; this CPU lacks AVX512_VNNI: runs in f32"},
      {kBothMeasured, kAll, kOnlyBF16, kBF16,
       "int8 was meant; this CPU lacks AVX512_VNNI: runs in bf16"},
      {kBothMeasured, kAll, kNothing, kF32,
       "int8 was meant; this CPU lacks AVX512_VNNI: runs in f32"},
      {kImported, kAll, kNothing, kF32,
       "bf16 was meant; this CPU lacks AVX512_BF16: runs in f32"},
      // The network does: a GRU, and those that have neither.
      {kBothMeasured, kOnlyBF16, kAll, kBF16,
       "int8 was meant; only LSTM cells have it: runs in bf16"},
      {kInt8Measured, kOnlyBF16, kAll, kF32, "only LSTM cells have it"},
      {kBF16Measured, kNothing, kAll, kF32,
       "bf16 was meant; only language models and classifiers have it"},
  };
  for (const auto& c : cases) {
    const auto choice = ChoosePrecision(
        {.records = c.records, .network = c.network, .cpu = c.cpu});
    ASSERT_THAT(choice, IsOk()) << c.note;
    EXPECT_EQ(choice->precision, c.expected) << c.note;
    EXPECT_THAT(choice->note, HasSubstr(c.note));
    EXPECT_EQ(choice->note.empty(), std::string(c.note).empty());
  }
}

// Whoever asks gets it, or an error: nothing else in its place.
TEST(PrecisionChoiceTest, WhatIsAskedForIsRunOrRefused) {
  for (Precision wanted : {kF32, kBF16, kInt8}) {
    const auto choice = ChoosePrecision({.records = kBothMeasured,
                                         .network = kAll,
                                         .cpu = kAll,
                                         .wanted = wanted});
    ASSERT_THAT(choice, IsOk());
    EXPECT_EQ(choice->precision, wanted);
  }
  const struct {
    Precision wanted;
    PrecisionSupport network;
    PrecisionSupport cpu;
    const char* error;
  } refused[] = {
      {kInt8, kAll, kOnlyBF16,
       "int8 was asked for, but this CPU lacks AVX512_VNNI"},
      {kBF16, kAll, kNothing,
       "bf16 was asked for, but this CPU lacks AVX512_BF16"},
      {kInt8, kOnlyBF16, kAll,
       "int8 was asked for, but only LSTM cells have it"},
      {kBF16, kNothing, kAll, "only language models and classifiers have it"},
  };
  for (const auto& c : refused) {
    EXPECT_THAT(
        ChoosePrecision({.records = kBothMeasured,
                         .network = c.network,
                         .cpu = c.cpu,
                         .wanted = c.wanted}),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(c.error)));
  }
}

// Also where the CPU would not run it: all replicas are to say the same.
TEST(PrecisionChoiceTest, LossBeyondTheLimitsIsRefusedWithItsFigures) {
  for (const PrecisionSupport cpu : {kAll, kNothing}) {
    EXPECT_THAT(
        ChoosePrecision(
            {.records = kInt8TooLossy, .network = kAll, .cpu = cpu}),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr("int8: expected to cost at most 0.5 % of"),
                       HasSubstr("costs 4.00 % of perplexity (25 in f32, "
                                 "26)"))));
  }
  EXPECT_THAT(ChoosePrecision({.records = kInt8TooLossy,
                               .network = kAll,
                               .cpu = kAll,
                               .wanted = kInt8}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

// What does not run costs nothing.
TEST(PrecisionChoiceTest, LossOfAnotherPrecisionIsNoHindrance) {
  const auto choice = ChoosePrecision(
      {.records = kInt8TooLossy, .network = kAll, .cpu = kAll, .wanted = kF32});
  ASSERT_THAT(choice, IsOk());
  EXPECT_EQ(choice->note, "");
}

TEST(PrecisionChoiceTest, ForceTakesAnyLoss) {
  const auto choice = ChoosePrecision(
      {.records = kInt8TooLossy, .network = kAll, .cpu = kAll, .force = true});
  ASSERT_THAT(choice, IsOk());
  EXPECT_EQ(choice->precision, kInt8);
  EXPECT_THAT(choice->note, HasSubstr("costs 4.00 %"));
}

}  // namespace
}  // namespace carousel
