// SPDX-License-Identifier: Apache-2.0
//
// carousel-bench: how fast the parts are, with as many OpenMP threads as this
// process may use CPUs (or --threads=N).
//
//   lstm/f32/H:512/T:1/N:8  one LSTM layer (I = H); items = steps x rows
//   step/f32/N:8            a next-word step, 2 layers of 512, 20,000 words,
//                           N sequences; items = words
//   train/f32               one update of the same model, 32 rows of 35 steps,
//                           SGD, dropout 0.2; items = tokens
//
// Absolute times drift with the machine: compare within one run.

#include <omp.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "model/base/cpu.h"
#include "model/base/random.h"
#include "model/layers/language_model.h"
#include "model/onednn/lstm.h"
#include "model/train/language_model_trainer.h"

namespace carousel {
namespace {

constexpr LanguageModelSizes kSizes = {
    .vocabulary = 20000, .embedding = 512, .hidden = 512, .layers = 2};

std::vector<float> RandomFloats(int64_t n) {
  Random random(1);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(-0.05f, 0.05f);
  return values;
}

std::vector<int32_t> RandomTokens(int n) {
  Random random(2);
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(
        random.Below(static_cast<uint64_t>(kSizes.vocabulary)));
  }
  return tokens;
}

void CheckOk(const absl::Status& status, benchmark::State& state) {
  if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
}

void BenchLstm(benchmark::State& state, int64_t h, int64_t t, int64_t n) {
  const auto ih = RandomFloats(4 * h * h), hh = RandomFloats(4 * h * h);
  const auto bias = RandomFloats(4 * h);
  const auto layer =
      LstmLayer::Create(
          h, h,
          {.weight_ih = ih, .weight_hh = hh, .bias_ih = bias, .bias_hh = bias})
          .value();
  Executor executor;
  const auto x = RandomFloats(t * n * h);
  auto state_h = RandomFloats(n * h), state_c = state_h;
  std::vector<float> y(x.size());
  for (auto _ : state) {
    CheckOk(layer->Forward({.steps = t,
                            .rows = n,
                            .x = x.data(),
                            .h_in = state_h.data(),
                            .c_in = state_c.data(),
                            .y = y.data(),
                            .h_out = state_h.data(),
                            .c_out = state_c.data()},
                           &executor),
            state);
  }
  state.SetItemsProcessed(state.iterations() * t * n);
  state.SetLabel(layer->implementation());
}

std::shared_ptr<const LanguageModel> StepModel() {
  static const auto model = [] {
    std::vector<Tensor> weights;
    const auto specs = WeightSpecs(kSizes).value();
    for (const auto& spec : specs) {
      weights.push_back(Tensor::FromFloats(
          spec.shape, RandomFloats(NumElements(spec.shape))));
    }
    return std::shared_ptr<const LanguageModel>(
        LanguageModel::Create(kSizes, weights, {}).value());
  }();
  return model;
}

void BenchStep(benchmark::State& state, int n) {
  const auto model = StepModel();
  LanguageModel::Workspace workspace;
  RecurrentState recurrent = model->InitialState(n);
  const auto tokens = RandomTokens(n);
  std::vector<float> logits(static_cast<size_t>(n) *
                            static_cast<size_t>(kSizes.vocabulary));
  for (auto _ : state) {
    CheckOk(model->Advance(tokens, 1, n, &recurrent, nullptr, &workspace),
            state);
    CheckOk(model->Logits(model->Top(recurrent), n, 0, kSizes.vocabulary,
                          absl::MakeSpan(logits), &workspace),
            state);
  }
  state.SetItemsProcessed(state.iterations() * n);
  state.SetLabel(model->Implementation());
}

void BenchTrain(benchmark::State& state) {
  constexpr int kRows = 32, kSteps = 35;
  const auto trainer =
      LanguageModelTrainer::Create(
          {.sizes = kSizes,
           .rows = kRows,
           .steps = kSteps,
           .trainer = {.optimiser = {.kind = OptimiserKind::kSgd}}})
          .value();
  LanguageModelBatch batch;
  batch.inputs = RandomTokens(kRows * kSteps);
  batch.targets = batch.inputs;
  batch.resets.assign(batch.inputs.size(), 0);
  for (auto _ : state) CheckOk(trainer->Step(batch, 1.0f).status(), state);
  state.SetItemsProcessed(state.iterations() * kRows * kSteps);
}

void Register() {
  for (int h : {256, 512, 1024}) {
    for (int t : {1, 8, 32}) {
      for (int n : {1, 8, 32}) {
        benchmark::RegisterBenchmark(
            absl::StrCat("lstm/f32/H:", h, "/T:", t, "/N:", n).c_str(),
            [=](benchmark::State& state) { BenchLstm(state, h, t, n); });
      }
    }
  }
  for (int n : {1, 8, 64}) {
    benchmark::RegisterBenchmark(
        absl::StrCat("step/f32/N:", n).c_str(),
        [=](benchmark::State& state) { BenchStep(state, n); });
  }
  benchmark::RegisterBenchmark("train/f32", BenchTrain)
      ->Unit(benchmark::kMillisecond);
}

// Takes --threads=N out of the arguments; else as many as the process may use.
int TakeThreads(int* argc, char** argv) {
  int threads = ReadCpuAllowance().workers;
  int kept = 0;
  for (int i = 0; i < *argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::StartsWith(argument, "--threads=") &&
        absl::SimpleAtoi(argument.substr(10), &threads) && threads > 0) {
      continue;
    }
    argv[kept++] = argv[i];
  }
  *argc = kept;
  return threads;
}

}  // namespace
}  // namespace carousel

int main(int argc, char** argv) {
  omp_set_num_threads(carousel::TakeThreads(&argc, argv));
  carousel::Register();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return EXIT_FAILURE;
  benchmark::RunSpecifiedBenchmarks();
  return EXIT_SUCCESS;
}
