// SPDX-License-Identifier: Apache-2.0
//
// Bundles on a CPU that lacks the instructions they are meant for: oneDNN may
// not use more than ONEDNN_MAX_CPU_ISA, here AVX512_CORE unless it is set.

#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/bundle/model.h"
#include "model/layers/f32_product.h"
#include "model/layers/int8_product.h"
#include "model/onednn/matmul.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// Before oneDNN looks, which it does once.
[[maybe_unused]] const int kIsBounded =
    setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE", /*overwrite=*/0);

class LesserCpuTest : public testing::Test {
 protected:
  LesserCpuTest() {
    EXPECT_FALSE(SupportsInt8());
    EXPECT_FALSE(SupportsBF16());
    EXPECT_THAT(WriteTinyBundle(bundle_, {"one", "two", "three"}, 3), IsOk());
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("tiny/1");
};

TEST_F(LesserCpuTest, OurOwnKernelsAreBoundTooByWhatOneDnnMayUse) {
  EXPECT_EQ(Int8KernelVersion(0), nullptr);
  ASSERT_NE(F32KernelVersion(0), nullptr);
  EXPECT_STREQ(F32KernelVersion(0)->name,
               std::getenv("ONEDNN_MAX_CPU_ISA") == std::string("AVX2")
                   ? "own:avx2"
                   : "own:avx512_core");
}

// A bundle runs on every CPU; which it does not run as it is meant, it says.
TEST_F(LesserCpuTest, BundleForInt8RunsInF32AndSaysSo) {
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kInt8, TinyRecord(0.001)),
              IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kF32);
  EXPECT_EQ((*model)->precision_note(),
            "int8 was meant; this CPU lacks AVX512_VNNI: runs in f32");
}

TEST_F(LesserCpuTest, ImportForBF16RunsInF32AndSaysSo) {
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kBF16, {}), IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kF32);
  EXPECT_EQ((*model)->precision_note(),
            "bf16 was meant; this CPU lacks AVX512_BF16: runs in f32");
}

// Who asks does not get something else.
TEST_F(LesserCpuTest, AskingForWhatItLacksIsRefused) {
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kInt8, TinyRecord(0.001)),
              IsOk());
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kInt8}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("tiny/1: int8 was asked for, but this CPU "
                                 "lacks AVX512_VNNI")));
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kBF16}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("AVX512_BF16")));
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kF32}), IsOk());
}

}  // namespace
}  // namespace carousel
