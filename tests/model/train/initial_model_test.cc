// SPDX-License-Identifier: Apache-2.0

#include "model/train/initial_model.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(InitialModelTest, HasTheWeightsByName) {
  TempDir dir;
  ASSERT_THAT(WriteTinyBundle(dir.File("m/1"), {"cat"}, 1), IsOk());
  const auto initial = LoadInitialModel(dir.File("m/1"), Task::kLanguageModel);
  ASSERT_THAT(initial, IsOk());
  const auto specs =
      WeightSpecs(initial->model->manifest().language_model().sizes);
  EXPECT_EQ(initial->weights.size(), specs->size());
}

// Weights of another network would be nonsense, or not fit at all.
TEST(InitialModelTest, BundleOfAnotherTaskIsRefused) {
  TempDir dir;
  ASSERT_THAT(WriteTinyBundle(dir.File("m/1"), {"cat"}, 1), IsOk());
  EXPECT_THAT(
      LoadInitialModel(dir.File("m/1"), Task::kClassifier).status(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("model.init"),
                     HasSubstr("expected the bundle of a classifier, found one "
                               "of a language_model"))));
}

}  // namespace
}  // namespace carousel
