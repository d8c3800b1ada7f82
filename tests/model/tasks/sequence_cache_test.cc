// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/sequence_cache.h"

#include <omp.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::FloatNear;
using testing::Pointwise;

class SequenceCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    omp_set_num_threads(1);  // a tiny step is too short for several
    const std::string directory = dir_.File("tiny/1");
    ASSERT_THAT(WriteTinyBundle(directory, {"a", "b", "c", "d"}, 7), IsOk());
    auto model = Model::Load(directory);
    ASSERT_THAT(model, IsOk());
    model_ = *std::move(model);
  }

  // All tokens at once, from zeros.
  std::vector<float> Slow(const std::vector<int32_t>& tokens) {
    const LanguageModel& network = model_->network();
    RecurrentState state = network.InitialState(1);
    const int steps = static_cast<int>(tokens.size());
    EXPECT_THAT(network.Advance(tokens, steps, 1, &state, nullptr, &workspace_),
                IsOk());
    std::vector<float> logits(static_cast<size_t>(network.sizes().vocabulary));
    EXPECT_THAT(
        network.Logits(network.Top(state), 1, 0, network.sizes().vocabulary,
                       absl::MakeSpan(logits), &workspace_),
        IsOk());
    return logits;
  }

  void ExpectRight(SequenceCache* cache, const std::vector<int32_t>& tokens) {
    const auto logits = cache->LogitsAfter(tokens);
    ASSERT_THAT(logits, IsOk());
    EXPECT_THAT(*logits, Pointwise(FloatNear(1e-5f), Slow(tokens)));
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_;
  LanguageModel::Workspace workspace_;
};

TEST_F(SequenceCacheTest, KnownAndUnexpectedSequencesAreRight) {
  SequenceCache cache(model_->network(), &workspace_);
  ASSERT_THAT(cache.Reset({1, 3, 4, 5}), IsOk());
  ExpectRight(&cache, {1, 3});
  ExpectRight(&cache, {1, 3, 6});  // leaves the expected line
  ExpectRight(&cache, {1, 3, 4, 5});
  ExpectRight(&cache, {1});
  ExpectRight(&cache, {1, 3, 6, 6});
}

TEST_F(SequenceCacheTest, ResetForgets) {
  SequenceCache cache(model_->network(), &workspace_);
  ASSERT_THAT(cache.Reset({1, 3, 4}), IsOk());
  ExpectRight(&cache, {1, 3, 4});
  ASSERT_THAT(cache.Reset({1, 4, 3}), IsOk());
  ExpectRight(&cache, {1, 4, 3});
  ExpectRight(&cache, {1, 3, 4});
}

TEST_F(SequenceCacheTest, LogitsThatWereDroppedAreComputedAgain) {
  // More sequences than are kept.
  std::vector<int32_t> line = {1};
  for (int i = 0; i < 600; ++i) line.push_back(3 + i % 4);
  SequenceCache cache(model_->network(), &workspace_);
  ASSERT_THAT(cache.Reset(line), IsOk());
  for (size_t length : {1, 100, 300, 601, 2, 1}) {
    ExpectRight(&cache,
                {line.begin(), line.begin() + static_cast<int>(length)});
  }
}

}  // namespace
}  // namespace carousel
