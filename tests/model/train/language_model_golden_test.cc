// SPDX-License-Identifier: Apache-2.0
//
// Agreement with PyTorch: outputs within 1e-5, gradients and ten training
// losses within 1e-4 relative. tests/golden/make_language_model_golden.py wrote
// the numbers.

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/language_model.h"
#include "model/layers/language_model_grad.h"
#include "model/onednn/recurrent.h"
#include "model/train/language_model_trainer.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

constexpr int kSteps = 5;
constexpr int kRows = 3;

class GoldenTest : public ::testing::Test {
 protected:
  explicit GoldenTest(const char* file)
      : golden_(Safetensors::Open(
                    absl::StrCat(CAROUSEL_SOURCE_DIR, "/tests/golden/", file))
                    .value()) {}

  Tensor Get(const std::string& name) const {
    return golden_->Get(name).value();
  }

  std::vector<float> Floats(const std::string& name) const {
    const Tensor tensor = Get(name);
    return {tensor.span<float>().begin(), tensor.span<float>().end()};
  }

  std::unique_ptr<const Safetensors> golden_;
};

// |found - expected| / |expected| over all elements.
double RelativeError(absl::Span<const float> found,
                     absl::Span<const float> expected) {
  EXPECT_EQ(found.size(), expected.size());
  double difference = 0;
  double norm = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto e = static_cast<double>(expected[i]);
    difference += std::pow(static_cast<double>(found[i]) - e, 2);
    norm += e * e;
  }
  return std::sqrt(difference / norm);
}

class LstmGoldenTest : public GoldenTest {
 protected:
  LstmGoldenTest() : GoldenTest("lstm.safetensors") {}
};

TEST_F(LstmGoldenTest, LayerGivesWhatPyTorchGives) {
  Executor executor;
  for (int i = 0; i < 4; ++i) {
    const auto get = [&](const char* name) {
      return Floats(absl::StrCat(i, ".", name));
    };
    const Shape x_shape = Get(absl::StrCat(i, ".x")).shape();
    const Shape y_shape = Get(absl::StrCat(i, ".y")).shape();
    const auto weight_ih = get("weight_ih"), weight_hh = get("weight_hh");
    const auto bias_ih = get("bias_ih"), bias_hh = get("bias_hh");
    const auto layer =
        RecurrentLayer::Create(Cell::kLstm, x_shape[2], y_shape[2],
                               {.weight_ih = weight_ih,
                                .weight_hh = weight_hh,
                                .bias_ih = bias_ih,
                                .bias_hh = bias_hh})
            .value();
    const auto x = get("x");
    auto h = get("h"), c = get("c");
    std::vector<float> y(get("y").size());
    ASSERT_TRUE(layer
                    ->Forward({.steps = x_shape[0],
                               .rows = x_shape[1],
                               .x = x.data(),
                               .h_in = h.data(),
                               .c_in = c.data(),
                               .y = y.data(),
                               .h_out = h.data(),
                               .c_out = c.data()},
                              &executor)
                    .ok());
    using ::testing::FloatNear;
    using ::testing::Pointwise;
    EXPECT_THAT(y, Pointwise(FloatNear(1e-5f), get("y")));
    EXPECT_THAT(h, Pointwise(FloatNear(1e-5f), get("h_out")));
    EXPECT_THAT(c, Pointwise(FloatNear(1e-5f), get("c_out")));
  }
}

class LanguageModelGoldenTest : public GoldenTest {
 protected:
  LanguageModelGoldenTest() : GoldenTest("language_model.safetensors") {
    const auto specs = WeightSpecs(kSizes).value();
    for (const auto& spec : specs) {
      weights_.push_back(Get("weights." + spec.name));
    }
  }

  LanguageModelBatch Batch(int i) const {
    const Tensor inputs = Get(absl::StrCat("batch", i, ".inputs"));
    const Tensor targets = Get(absl::StrCat("batch", i, ".targets"));
    LanguageModelBatch batch;
    batch.inputs.assign(inputs.span<int32_t>().begin(),
                        inputs.span<int32_t>().end());
    batch.targets.assign(targets.span<int32_t>().begin(),
                         targets.span<int32_t>().end());
    batch.resets.assign(batch.inputs.size(), 0);
    return batch;
  }

  std::unique_ptr<LanguageModelTrainer> MakeTrainer(
      const OptimiserOptions& optimiser) const {
    auto trainer =
        LanguageModelTrainer::Create(
            {.sizes = kSizes,
             .rows = kRows,
             .steps = kSteps,
             .dropout = {},
             .trainer = {.clip_norm = 0.25f, .optimiser = optimiser}})
            .value();
    EXPECT_TRUE(trainer->SetWeights(weights_).ok());
    return trainer;
  }

  void ExpectTenLosses(const std::string& golden,
                       const OptimiserOptions& optimiser,
                       float learning_rate) const {
    const auto trainer = MakeTrainer(optimiser);
    const auto expected = Floats(golden);
    for (int i = 0; i < 10; ++i) {
      const double loss = trainer->Step(Batch(i), learning_rate).value().loss;
      const auto e = static_cast<double>(expected[static_cast<size_t>(i)]);
      EXPECT_NEAR(loss, e, 1e-4 * e) << "step " << i;
    }
  }

  static constexpr LanguageModelSizes kSizes = {.vocabulary = 23,
                                                .embedding = 6,
                                                .hidden = 10,
                                                .layers = 2,
                                                .projection = true};
  std::vector<Tensor> weights_;
};

TEST_F(LanguageModelGoldenTest, ServedLogitsAreThoseOfPyTorch) {
  const auto model = LanguageModel::Create(kSizes, weights_, {}).value();
  LanguageModel::Workspace workspace;
  RecurrentState state = model->InitialState(kRows);
  std::vector<float> top;
  ASSERT_TRUE(
      model->Advance(Batch(0).inputs, kSteps, kRows, &state, &top, &workspace)
          .ok());
  std::vector<float> logits(Floats("logits").size());
  ASSERT_TRUE(model
                  ->Logits(top, kSteps * kRows, 0, kSizes.vocabulary,
                           absl::MakeSpan(logits), &workspace)
                  .ok());
  using ::testing::FloatNear;
  using ::testing::Pointwise;
  EXPECT_THAT(logits, Pointwise(FloatNear(1e-5f), Floats("logits")));
  EXPECT_THAT(state.h, Pointwise(FloatNear(1e-5f), Floats("h")));
  EXPECT_THAT(state.c, Pointwise(FloatNear(1e-5f), Floats("c")));
}

TEST_F(LanguageModelGoldenTest, GradientsAreThoseOfPyTorch) {
  const auto network =
      LanguageModelGrad::Create(kSizes, kSteps, kRows, {}).value();
  std::vector<const float*> weights;
  std::vector<std::vector<float>> gradients;
  std::vector<float*> pointers;
  for (const Tensor& tensor : weights_) {
    weights.push_back(tensor.data<float>());
    gradients.emplace_back(static_cast<size_t>(tensor.size()));
    pointers.push_back(gradients.back().data());
  }
  const size_t state_size = 2 * kRows * 10;
  RecurrentState state = {.rows = kRows,
                          .h = std::vector<float>(state_size),
                          .c = std::vector<float>(state_size)};
  const LanguageModelBatch batch = Batch(0);
  const double loss = network
                          ->LossAndGradient(weights,
                                            {.inputs = batch.inputs,
                                             .targets = batch.targets,
                                             .resets = batch.resets},
                                            {}, &state, pointers)
                          .value();
  EXPECT_NEAR(loss / (kSteps * kRows), Floats("loss")[0], 1e-5);
  const auto specs = WeightSpecs(kSizes).value();
  for (size_t i = 0; i < specs.size(); ++i) {
    // PyTorch's is the gradient of the mean.
    for (float& value : gradients[i]) value /= kSteps * kRows;
    EXPECT_LE(RelativeError(gradients[i], Floats("gradients." + specs[i].name)),
              1e-4)
        << specs[i].name;
  }
}

TEST_F(LanguageModelGoldenTest, TenSgdLossesAreThoseOfPyTorch) {
  ExpectTenLosses("sgd_losses", {.kind = OptimiserKind::kSgd}, 1.0f);
}

TEST_F(LanguageModelGoldenTest, TenAdamWLossesAreThoseOfPyTorch) {
  ExpectTenLosses("adamw_losses",
                  {.kind = OptimiserKind::kAdamW, .weight_decay = 0.1f}, 0.01f);
}

TEST_F(LanguageModelGoldenTest, TenAdamLossesAreThoseOfPyTorch) {
  ExpectTenLosses("adam_losses",
                  {.kind = OptimiserKind::kAdam, .weight_decay = 0.1f}, 0.01f);
}

TEST_F(LanguageModelGoldenTest, TenLossesWithMomentumAreThoseOfPyTorch) {
  ExpectTenLosses(
      "momentum_losses",
      {.kind = OptimiserKind::kSgd, .weight_decay = 0.1f, .momentum = 0.9f},
      0.5f);
}

// What is evaluated are the averages.
TEST_F(LanguageModelGoldenTest, TenLossesOfAveragesAreThoseOfPyTorch) {
  const auto trainer =
      MakeTrainer({.kind = OptimiserKind::kAveragedSgd, .weight_decay = 0.1f});
  trainer->StartAveraging();
  const auto expected = Floats("averaged_losses");
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(trainer->Step(Batch(i), 1.0f).ok());
    LanguageModelTrainer::States zeros;
    const auto e = static_cast<double>(expected[static_cast<size_t>(i)]);
    EXPECT_NEAR(trainer->Loss(Batch(0), &zeros).value().loss, e, 1e-4 * e)
        << "step " << i;
  }
}

}  // namespace
}  // namespace carousel
