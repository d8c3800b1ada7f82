// SPDX-License-Identifier: Apache-2.0

#include "model/train/language_model_trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/onednn/matmul.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

LanguageModelTrainerOptions SmallOptions() {
  return {.sizes = {.vocabulary = 30,
                    .embedding = 8,
                    .hidden = 12,
                    .layers = 2,
                    .projection = true},
          .rows = 3,
          .steps = 4,
          .dropout = {.embedding = 0.1f, .layers = 0.2f, .output = 0.1f},
          .trainer = {.clip_norm = 0.5f}};
}

LanguageModelBatch RandomBatch(uint64_t seed) {
  Random random(seed);
  LanguageModelBatch batch;
  for (int i = 0; i < 12; ++i) {
    batch.inputs.push_back(static_cast<int32_t>(random.Below(30)));
    batch.targets.push_back(static_cast<int32_t>(random.Below(30)));
    batch.resets.push_back(random.Below(4) == 0);
  }
  return batch;
}

std::unique_ptr<LanguageModelTrainer> MakeTrainer(
    const LanguageModelTrainerOptions& options = SmallOptions()) {
  return LanguageModelTrainer::Create(options).value();
}

void Train(LanguageModelTrainer* trainer, uint64_t from, uint64_t to) {
  for (uint64_t i = from; i < to; ++i) {
    ASSERT_TRUE(trainer->Step(RandomBatch(i), 0.01f).ok());
  }
}

// A checkpoint with memory of its own.
std::vector<NamedTensor> Snapshot(LanguageModelTrainer* trainer) {
  std::vector<NamedTensor> copy;
  const std::vector<NamedTensor> borrowed = trainer->Checkpoint().value();
  for (const auto& [name, tensor] : borrowed) {
    Tensor own = Tensor::Zeros(tensor.dtype(), tensor.shape());
    std::memcpy(const_cast<void*>(own.raw()), tensor.raw(),
                tensor.size_bytes());
    copy.push_back({name, own});
  }
  return copy;
}

void ExpectSameBits(const std::vector<NamedTensor>& a,
                    const std::vector<NamedTensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(std::memcmp(a[i].tensor.raw(), b[i].tensor.raw(),
                          a[i].tensor.size_bytes()),
              0)
        << a[i].name;
  }
}

TEST(LanguageModelTrainerTest, EqualSeedsAndBatchesGiveEqualBits) {
  const auto a = MakeTrainer(), b = MakeTrainer();
  Train(a.get(), 0, 5);
  Train(b.get(), 0, 5);
  ExpectSameBits(Snapshot(a.get()), Snapshot(b.get()));
}

TEST(LanguageModelTrainerTest, AnotherSeedGivesOtherWeights) {
  auto options = SmallOptions();
  options.trainer.seed = 2;
  EXPECT_NE(MakeTrainer()->Weights()[0].data<float>()[0],
            MakeTrainer(options)->Weights()[0].data<float>()[0]);
}

// Dropout, moments and carried state included.
TEST(LanguageModelTrainerTest, RestoredTrainerGoesOnWithTheSameBits) {
  const auto whole = MakeTrainer();
  Train(whole.get(), 0, 4);
  const auto checkpoint = Snapshot(whole.get());
  Train(whole.get(), 4, 9);
  const auto resumed = MakeTrainer();
  ASSERT_TRUE(resumed->Restore(checkpoint).ok());
  Train(resumed.get(), 4, 9);
  EXPECT_EQ(resumed->step(), 9);
  ExpectSameBits(Snapshot(whole.get()), Snapshot(resumed.get()));
}

TEST(LanguageModelTrainerTest,
     CheckpointOfOtherSizesIsRefusedAndChangesNothing) {
  auto options = SmallOptions();
  options.sizes.hidden = 13;
  const auto other = MakeTrainer(options);
  const auto trainer = MakeTrainer();
  const auto before = Snapshot(trainer.get());
  EXPECT_THAT(trainer->Restore(Snapshot(other.get())),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"state.h\": F32 [78], expected F32 [72]")));
  ExpectSameBits(before, Snapshot(trainer.get()));
}

TEST(LanguageModelTrainerTest, CheckpointWithoutATensorIsRefusedByName) {
  const auto trainer = MakeTrainer();
  auto checkpoint = Snapshot(trainer.get());
  checkpoint.pop_back();
  EXPECT_THAT(trainer->Restore(checkpoint),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"state.c\" is missing")));
}

// A model that cannot learn one batch by heart learns nothing.
TEST(LanguageModelTrainerTest, LossOnARepeatedBatchFallsToNearlyNothing) {
  auto options = SmallOptions();
  options.dropout = {};
  const auto trainer = MakeTrainer(options);
  LanguageModelBatch batch = RandomBatch(1);
  for (int32_t i = 0; i < 12; ++i) {
    batch.inputs[static_cast<size_t>(i)] = i;  // no input asks for two targets
  }
  double loss = 0;
  for (int i = 0; i < 300; ++i) loss = trainer->Step(batch, 0.02f).value().loss;
  EXPECT_LT(loss, 0.05);
}

// Text in which four tokens of five follow from the one before.
LanguageModelBatch PredictableBatch(int rows, int steps, uint64_t seed) {
  Random random(seed);
  LanguageModelBatch batch;
  std::vector<uint64_t> last(static_cast<size_t>(rows));
  for (uint64_t& token : last) token = random.Below(30);
  for (int i = 0; i < rows * steps; ++i) {
    uint64_t& token = last[static_cast<size_t>(i % rows)];
    batch.inputs.push_back(static_cast<int32_t>(token));
    token = random.Below(5) == 0 ? random.Below(30) : (7 * token + 3) % 30;
    batch.targets.push_back(static_cast<int32_t>(token));
    batch.resets.push_back(i < rows);
  }
  return batch;
}

// Mean loss of the last 50 of 250 updates.
double LossAfterTraining(Precision precision) {
  auto options = SmallOptions();
  options.rows = 16;
  options.steps = 10;
  options.sizes.hidden = 32;
  options.dropout = {.layers = 0.1f};
  options.precision = precision;
  const auto trainer = MakeTrainer(options);
  double sum = 0;
  for (uint64_t i = 0; i < 600; ++i) {
    const auto batch = PredictableBatch(options.rows, options.steps, i);
    const double loss = trainer->Step(batch, 0.01f).value().loss;
    if (i >= 550) sum += loss;
  }
  return sum / 50;
}

// The promise of bf16 with master weights in f32: the same quality.
TEST(LanguageModelTrainerTest, TrainingInBFloat16ReachesTheLossOfF32) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const double f32 = LossAfterTraining(Precision::kF32);
  EXPECT_LT(f32, 0.5 * std::log(30));  // it has learnt
  EXPECT_NEAR(LossAfterTraining(Precision::kBF16), f32, 0.03 * f32);
}

TEST(LanguageModelTrainerTest, EqualSeedsGiveEqualBitsInBFloat16) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  auto options = SmallOptions();
  options.precision = Precision::kBF16;
  const auto a = MakeTrainer(options), b = MakeTrainer(options);
  Train(a.get(), 0, 5);
  Train(b.get(), 0, 5);
  ExpectSameBits(Snapshot(a.get()), Snapshot(b.get()));
}

TEST(LanguageModelTrainerTest, LossThatIsNotFiniteChangesNothing) {
  const auto trainer = MakeTrainer();
  auto weights = trainer->Weights();
  Tensor broken = weights[0].ToF32();
  broken.mutable_data<float>()[0] = std::nanf("");
  std::vector<Tensor> copy;
  for (const Tensor& weight : weights) copy.push_back(weight.ToF32());
  copy[0] = broken;
  ASSERT_TRUE(trainer->SetWeights(copy).ok());
  const auto before = Snapshot(trainer.get());
  LanguageModelBatch batch = RandomBatch(1);
  batch.inputs[0] = 0;
  EXPECT_THAT(
      trainer->Step(batch, 0.01f).status(),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("step 1: the loss")));
  ExpectSameBits(before, Snapshot(trainer.get()));
}

// What is trained is what is evaluated.
void ExpectAdaptiveSoftmaxLearnsAndServesTheSame(bool tied) {
  auto options = SmallOptions();
  options.dropout = {};
  options.sizes.tied = tied;
  options.sizes.cutoffs = {10, 20};
  options.sizes.embedding = 16;
  const auto trainer = MakeTrainer(options);
  const LanguageModelBatch batch = RandomBatch(1);
  LanguageModelTrainer::States zeros;
  const double before = trainer->Loss(batch, &zeros).value().loss;
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(trainer->Step(batch, 0.01f), IsOk());
  }
  zeros.clear();
  LanguageModelBatch first = batch;  // one step: no state before it
  std::fill(first.targets.begin() + 3, first.targets.end(), -1);
  const double loss = trainer->Loss(first, &zeros).value().loss;
  EXPECT_LT(loss, before);

  const auto served =
      LanguageModel::Create(options.sizes, trainer->Weights(), {}).value();
  LanguageModel::Workspace workspace;
  RecurrentState state = served->InitialState(3);
  std::vector<float> top, logits(3 * 30);
  ASSERT_THAT(
      served->Advance({batch.inputs.data(), 3}, 1, 3, &state, &top, &workspace),
      IsOk());
  ASSERT_THAT(served->Logits(top, 3, 0, 30, absl::MakeSpan(logits), &workspace),
              IsOk());
  double sum = 0;
  for (size_t n = 0; n < 3; ++n) {
    sum -= logits[n * 30 + static_cast<size_t>(batch.targets[n])];
  }
  EXPECT_NEAR(sum / 3, loss, 1e-4);
}

TEST(LanguageModelTrainerTest, AdaptiveSoftmaxLearnsAndServesTheSame) {
  ExpectAdaptiveSoftmaxLearnsAndServesTheSame(/*tied=*/false);
}

TEST(LanguageModelTrainerTest, TiedAdaptiveSoftmaxLearnsAndServesTheSame) {
  ExpectAdaptiveSoftmaxLearnsAndServesTheSame(/*tied=*/true);
}

// Measuring is not training.
TEST(LanguageModelTrainerTest, LossMovesItsOwnStateAndNothingElse) {
  const auto trainer = MakeTrainer();
  Train(trainer.get(), 0, 2);
  const auto before = Snapshot(trainer.get());
  LanguageModelTrainer::States states, zeros;
  const double first = trainer->Loss(RandomBatch(7), &states).value().loss;
  const double second = trainer->Loss(RandomBatch(7), &states).value().loss;
  EXPECT_NE(first, second);  // the second starts where the first ended
  EXPECT_EQ(first, trainer->Loss(RandomBatch(7), &zeros).value().loss);
  ExpectSameBits(before, Snapshot(trainer.get()));
}

TEST(LanguageModelTrainerTest, OptionsOutOfBoundsAreRefusedByName) {
  auto options = SmallOptions();
  options.dropout.layers = 1.0f;
  EXPECT_THAT(LanguageModelTrainer::Create(options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("dropout.layers: 1, expected at least 0")));
  options = SmallOptions();
  options.accumulate = 4;
  EXPECT_THAT(LanguageModelTrainer::Create(options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("3 are too few for 4 parts")));
}

// Less memory for the same numbers, dropout included.
TEST(LanguageModelTrainerTest, AccumulatingPartsIsOneBatch) {
  auto options = SmallOptions();
  const auto whole = MakeTrainer(options);
  options.accumulate = 2;  // of two rows and of one
  const auto parts = MakeTrainer(options);
  for (uint64_t i = 0; i < 5; ++i) {
    const double loss = whole->Step(RandomBatch(i), 0.01f).value().loss;
    EXPECT_NEAR(parts->Step(RandomBatch(i), 0.01f).value().loss, loss, 1e-6);
  }
  // A checkpoint holds all rows, whoever computed them.
  ASSERT_THAT(whole->Restore(Snapshot(parts.get())), IsOk());
  const double loss = whole->Step(RandomBatch(5), 0.01f).value().loss;
  EXPECT_NEAR(parts->Step(RandomBatch(5), 0.01f).value().loss, loss, 1e-6);
}

}  // namespace
}  // namespace carousel
