// SPDX-License-Identifier: Apache-2.0

#include "server/app/memory_plan.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

constexpr ModelMemory kModel = {
    .bytes = 1000, .stack = {.hidden = 8, .layers = 2}, .completes = true};

ServerConfig Config() {
  ServerConfig config;
  config.max_sequences = 10;
  config.prefix_cache_bytes = 500;
  return config;
}

TEST(MemoryPlanTest, PartsAreThoseOfTheConfiguration) {
  const MemoryPlan plan = PlanMemory(Config(), 2, 77, {kModel, kModel});
  EXPECT_EQ(plan.process, 77);
  EXPECT_EQ(plan.models, 2000);
  EXPECT_EQ(plan.caches, 1000);
  // h and c, two layers, f32; a context's 1,000 halves of each h of the top.
  EXPECT_EQ(plan.states, 2 * 10 * (2 * 2 * 8 * 4 + 1000 * 8 * 2));
  EXPECT_GT(plan.scratch, 0);
}

// What is not asked step by step has no sequences.
TEST(MemoryPlanTest, ModelsOfOtherTasksTakeTheirWeightsOnly) {
  const MemoryPlan plan = PlanMemory(Config(), 2, 0, {{.bytes = 1000}});
  EXPECT_EQ(plan.total(), 1000);
}

// What each worker holds of a batch of whole texts: the larger the network and
// the longest text, the more; the models take turns.
TEST(MemoryPlanTest, WholeTextsNeedScratchMemory) {
  const auto scratch = [](const ModelMemory& model, int workers) {
    return PlanMemory(Config(), workers, 0, {model}).scratch;
  };
  ModelMemory model = {.stack = {.inputs = 4, .hidden = 8, .layers = 1},
                       .longest_text = 400};
  const int64_t one = scratch(model, 1);
  EXPECT_GE(one, 8192 * (4 + 3 * 8) * 4);
  EXPECT_EQ(scratch(model, 3), 3 * one);
  model.longest_text = 65536;
  EXPECT_GT(scratch(model, 1), 7 * one);
  model.stack.bidirectional = true;
  EXPECT_GT(scratch(model, 1), 10 * one);
}

// What each text that is translated remembers of its sentences, and each worker
// of its batch.
TEST(MemoryPlanTest, TranslationsNeedStatesAndScratchMemory) {
  const auto plan = [](const TranslatorSizes& sizes) {
    return PlanMemory(Config(), 1, 0, {{.translator = sizes}});
  };
  TranslatorSizes sizes;
  sizes.target_vocabulary = 1000;
  sizes.embedding = 4;
  sizes.encoder = {.hidden = 8, .layers = 1, .bidirectional = true};
  sizes.decoder = {.hidden = 16, .layers = 1};
  const MemoryPlan plain = plan(sizes);
  EXPECT_EQ(plain.states,
            2 * 10 * (64 * 2 * 16 * 4 + (1 << 19) * 4 + 4096 * 512));
  EXPECT_GE(plain.scratch, 64 * 1000 * 4);
  sizes.attention = AttentionKind::kGeneral;
  // The beam, tokens of source and target; outputs of the encoder and keys.
  EXPECT_EQ(plan(sizes).states - plain.states,
            2 * 10 * (16 * 100 * 220 + 128 * 2 * 16) * 4);
  sizes.target_vocabulary = 2000;
  EXPECT_GT(plan(sizes).scratch, plain.scratch);
}

// The same of windows, as wide as there are series.
TEST(MemoryPlanTest, WindowsNeedScratchMemory) {
  const auto scratch = [](const ModelMemory& model) {
    return PlanMemory(Config(), 1, 0, {model}).scratch;
  };
  ModelMemory model = {.stack = {.inputs = 7, .hidden = 8, .layers = 1},
                       .window = 96};
  const int64_t one = scratch(model);
  EXPECT_GE(one, 8192 * (2 * 7 + 3 * 8) * 4);
  model.window = 65536;
  EXPECT_GT(scratch(model), 7 * one);
}

TEST(MemoryPlanTest, PlanOverTheLimitIsRefusedWithItsParts) {
  ServerConfig config = Config();
  const MemoryPlan plan = PlanMemory(config, 1, 0, {kModel});
  config.memory_limit = plan.total();
  EXPECT_THAT(CheckMemory(config, plan), IsOk());
  config.memory_limit = plan.total() - 1;
  EXPECT_THAT(CheckMemory(config, plan),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       testing::HasSubstr("1000 are models")));
}

TEST(MemoryPlanTest, NoLimitRefusesNothing) {
  EXPECT_THAT(CheckMemory(Config(), {.models = int64_t{1} << 50}), IsOk());
}

}  // namespace
}  // namespace carousel
