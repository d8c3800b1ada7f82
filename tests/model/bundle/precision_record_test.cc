// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/precision_record.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using nlohmann::json;
using testing::HasSubstr;

PrecisionRecords Sample() {
  return {{Precision::kBF16, {}},
          {Precision::kInt8,
           {.metric = QualityMetric::kPerplexity,
            .f32 = 25.19,
            .value = 25.22,
            .data = {{"x.dev.txt", std::string(64, 'a')},
                     {"y.dev.txt", std::string(64, 'b')}}}}};
}

absl::StatusOr<PrecisionRecords> Parse(const json& document) {
  return ParsePrecisionRecords(JsonField(document, "precisions"));
}

TEST(PrecisionRecordTest, ReadsBackWhatWasWritten) {
  const json document = PrecisionRecordsJson(Sample());
  EXPECT_THAT(Parse(document), IsOkAndHolds(Sample()));
  EXPECT_NEAR(document["int8"]["relative_loss"].get<double>(), 0.00119, 1e-5);
}

TEST(PrecisionRecordTest, ReadsBackAnAccuracy) {
  const PrecisionRecords records = {
      {Precision::kBF16,
       {.metric = QualityMetric::kAccuracy,
        .f32 = 0.875,
        .value = 0.874,
        .data = {{"dev.tsv", std::string(64, 'a')}}}}};
  const json document = PrecisionRecordsJson(records);
  EXPECT_THAT(Parse(document), IsOkAndHolds(records));
  EXPECT_NEAR(document["bf16"]["points_lost"].get<double>(), 0.1, 1e-9);
}

// Each field with values that must not pass, and what the error must hold.
TEST(PrecisionRecordTest, RefusesEveryDamagedField) {
  const struct {
    const char* pointer;
    const char* value;
    const char* error;
  } cases[] = {
      {"", "[]", "precisions: expected an object"},
      {"/f32", "{}", "\"bf16\" or \"int8\" on the left"},
      {"/int4", "{}", "\"bf16\" or \"int8\" on the left"},
      {"/int8", "3", "precisions[\"int8\"]: expected an object"},
      {"/int8", "{\"metric\": \"none\"}", "expected a measured loss"},
      {"/int8/metric", "\"bleu\"", "precisions[\"int8\"].metric"},
      {"/int8/f32", "0.5", "precisions[\"int8\"].f32: expected a perplexity"},
      {"/int8/value", "1e300", "precisions[\"int8\"].value"},
      {"/int8/value", "\"25\"", "precisions[\"int8\"].value"},
      {"/int8/relative_loss", "0.0005",
       "precisions[\"int8\"].relative_loss: expected about 0.00119095, as f32 "
       "and "
       "value make it, found 0.0005"},
      {"/int8/relative_loss", "null", "precisions[\"int8\"].relative_loss"},
      {"/int8/data", "[]",
       "precisions[\"int8\"].data: expected at least one file"},
      {"/int8/data/0", "\"x\"", "precisions[\"int8\"].data[0]"},
      {"/int8/data/0/file", "\"\"", "data[0].file: expected the name"},
      {"/int8/data/1/sha256", "\"abc\"", "data[1].sha256: expected 64"},
  };
  for (const auto& c : cases) {
    json document = PrecisionRecordsJson(Sample());
    document[json::json_pointer(c.pointer)] = json::parse(c.value);
    EXPECT_THAT(Parse(document), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr(c.error)))
        << c.pointer << " = " << c.value;
  }
}

// The limits: half a per cent of perplexity, a fifth of a point of accuracy.
TEST(PrecisionRecordTest, LimitsAreThoseOfTheMetric) {
  const auto perplexity = [](double value) {
    return PrecisionRecord{
        .metric = QualityMetric::kPerplexity, .f32 = 100, .value = value};
  };
  EXPECT_TRUE(perplexity(99).WithinLimits());
  EXPECT_TRUE(perplexity(100.49).WithinLimits());
  EXPECT_FALSE(perplexity(100.51).WithinLimits());
  const auto accuracy = [](double value) {
    return PrecisionRecord{
        .metric = QualityMetric::kAccuracy, .f32 = 0.9, .value = value};
  };
  EXPECT_TRUE(accuracy(0.95).WithinLimits());
  EXPECT_TRUE(accuracy(0.8981).WithinLimits());
  EXPECT_FALSE(accuracy(0.8979).WithinLimits());
}

TEST(PrecisionRecordTest, NamesAreReadBack) {
  for (Precision precision :
       {Precision::kF32, Precision::kBF16, Precision::kInt8}) {
    EXPECT_THAT(ParsePrecision("x", PrecisionName(precision)),
                IsOkAndHolds(precision));
  }
  EXPECT_THAT(ParsePrecision("--precision", "fp16"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--precision: expected f32, bf16 or int8, "
                                 "found \"fp16\"")));
}

}  // namespace
}  // namespace carousel
