// SPDX-License-Identifier: Apache-2.0

#include "server/core/models.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/onednn/matmul.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ModelCoreTest : public testing::Test {
 protected:
  ModelCoreTest() {
    EXPECT_THAT(WriteTinyBundle(bundle_, {"the", "house"}, 1), IsOk());
  }

  // The one model, as it is listed.
  v1::Model Listed(const LoadOptions& options = {}) {
    const auto repository = ModelRepository::Open(dir_.path(), options);
    EXPECT_THAT(repository, IsOk());
    // That none is ready is among what is listed.
    (*repository)->LoadAll([] { return false; }).IgnoreError();
    v1::Model listed;
    ModelCore(repository->get())
        .ListModels({}, {},
                    [&](absl::StatusOr<v1::ListModelsResponse> response,
                        const CallReport&) { listed = response->models(0); });
    return listed;
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("en/1");
};

TEST_F(ModelCoreTest, ModelWithoutARecordRunsInF32) {
  const v1::Model model = Listed();
  EXPECT_EQ(model.state(), v1::Model::STATE_READY);
  EXPECT_EQ(model.precision(), "f32");
  EXPECT_THAT(model.message(), AllOf(HasSubstr("lstm"), Not(HasSubstr(";"))));
}

// Nobody has to guess why answers are slower, or other, than elsewhere.
TEST_F(ModelCoreTest, SaysWhatRunsAndWhatItCostsOrLacks) {
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kInt8, TinyRecord(0.001)),
              IsOk());
  const v1::Model model = Listed();
  EXPECT_EQ(model.precision(), SupportsInt8() ? "int8" : "f32");
  EXPECT_THAT(model.message(),
              HasSubstr(SupportsInt8() ? "; int8 costs 0.10 % of perplexity"
                                       : "; int8 was meant; this CPU lacks"));
}

TEST_F(ModelCoreTest, FailedModelSaysWhy) {
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kInt8, TinyRecord(0.04)),
              IsOk());
  const v1::Model model = Listed();
  EXPECT_EQ(model.state(), v1::Model::STATE_FAILED);
  EXPECT_EQ(model.precision(), "");
  EXPECT_THAT(model.message(), HasSubstr("costs 4.00 % of perplexity"));
}

}  // namespace
}  // namespace carousel
