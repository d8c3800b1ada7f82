// SPDX-License-Identifier: Apache-2.0

#include "server/core/model_status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

// Each once, whatever stands around them.
TEST(ModelStatusTest, InstructionSetsStandBehindColons) {
  EXPECT_EQ(IsaOf("lstm brg:avx512_core_amx_int8, first layer looked up, "
                  "matmul brg:avx512_core_amx_int8"),
            "avx512_core_amx_int8");
  EXPECT_EQ(IsaOf("lstm own:avx512_core, matmul own:avx512_core"),
            "avx512_core");
  EXPECT_EQ(IsaOf("lstm brgemm:avx512_core, matmul gemm:jit:avx2"),
            "avx512_core, jit:avx2");
  EXPECT_EQ(IsaOf("matmul ref:any"), "any");
  EXPECT_EQ(IsaOf("ref"), "");
  EXPECT_EQ(IsaOf("a: b"), "");
  EXPECT_EQ(IsaOf(""), "");
}

TEST(ModelStatusTest, FiguresAreTheNumbersOfTheRecord) {
  EXPECT_THAT(TrainingFigures(R"({"seconds": 5, "dev": {"accuracy": 0.9,
                                  "ece": {"value": 1e-2}}, "done": true,
                                  "list": [1], "text": "1", "none": null})"),
              ElementsAre(Pair("dev.accuracy", 0.9),
                          Pair("dev.ece.value", 0.01), Pair("seconds", 5)));
}

// ... and not its settings.
TEST(ModelStatusTest, SettingsAreNoFigures) {
  EXPECT_THAT(TrainingFigures(R"({"config": {"seed": 1},
                                  "dev": {"config": 2}})"),
              ElementsAre(Pair("dev.config", 2)));
}

// A record may hold anything, at any length: an answer has its bound.
TEST(ModelStatusTest, RecordsOfAnyKindAreRead) {
  for (const char* record : {"", "{", "[]", "7", "null", R"({"a": NaN})"}) {
    EXPECT_THAT(TrainingFigures(record), IsEmpty()) << record;
  }
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&many, "\"", i, "\": 1, ");
  EXPECT_THAT(TrainingFigures(many + "\"end\": 1}"), SizeIs(100));
  const std::string longest(128, 'x');
  const auto figures = TrainingFigures(
      absl::StrCat("{\"", longest, "\": 1, \"", longest, "y\": 2}"));
  EXPECT_THAT(figures, ElementsAre(Pair(longest, 1)));
}

// A directory may have any name, and it is in what is wrong: protobuf refuses
// texts that are not UTF-8.
TEST(ModelStatusTest, ErrorsWithOddPathsAreTold) {
  ModelVersion version = {.location = {"en", 1, ""},
                          .state = ModelVersion::State::kFailed,
                          .error = absl::DataLossError("\xff/en/1")};
  version.reload_error = absl::NotFoundError("\xfe/en/1");
  version.labels_error = absl::InvalidArgumentError("\xfd/en/labels.json");
  v1::Model told;
  ASSERT_TRUE(told.ParseFromString(ToMessage(version).SerializeAsString()));
  EXPECT_EQ(told.message(), "DATA_LOSS: \xEF\xBF\xBD/en/1");
  EXPECT_EQ(told.reload_error().message(), "\xEF\xBF\xBD/en/1");
  EXPECT_EQ(told.labels_error().message(), "\xEF\xBF\xBD/en/labels.json");
}

}  // namespace
}  // namespace carousel
