// SPDX-License-Identifier: Apache-2.0
//
// carousel-bench: how fast the parts are, with as many OpenMP threads as this
// process may use CPUs (or --threads=N).
//
//   lstm/PRECISION/H:512/T:1/N:8
//                           one LSTM layer (I = H), f32, bf16 or int8; items =
//                           steps x rows
//   primitive/f32/...       the same by oneDNN's recurrent primitive
//   step/PRECISION/N:8      a next-word step, 2 layers of 512, 20,000 words,
//                           N sequences, as the server computes it: the five
//                           best words and their probabilities; items = words
//   step_matmul/int8/N:64   the matrix products of that step and nothing else,
//                           each by itself; items = words
//   train/PRECISION         one update of the same model, 32 rows of 35 steps,
//                           SGD, dropout 0.2, f32 or bf16; items = tokens
//   matmul/PRECISION        the matrix products of that update and nothing
//                           else, each by itself; items = tokens. What train
//                           reaches of this rate is its share of oneDNN's.
//
// GFLOP/s counts the products of the update; peak_MB is the highest resident
// memory of the process during the benchmark.
//
// Absolute times drift with the machine: compare within one run.

#include <omp.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "model/base/cpu.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/layers/language_model.h"
#include "model/layers/served_layer.h"
#include "model/onednn/matmul.h"
#include "model/onednn/recurrent.h"
#include "model/tasks/word_ranking.h"
#include "model/tensor/aligned_vector.h"
#include "model/train/language_model_trainer.h"
#include "server/engine/next_words.h"
#include "server/engine/parts.h"

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

std::vector<int32_t> RandomTokens(int n, uint64_t seed = 2) {
  Random random(seed);
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

// oneDNN's recurrent primitive, in f32.
void BenchPrimitive(benchmark::State& state, int64_t h, int64_t t, int64_t n) {
  const auto ih = RandomFloats(4 * h * h), hh = RandomFloats(4 * h * h);
  const auto bias = RandomFloats(4 * h);
  const auto layer =
      RecurrentLayer::Create(
          Cell::kLstm, h, h,
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

void BenchLstm(benchmark::State& state, Precision precision, int64_t h,
               int64_t t, int64_t n) {
  const auto weight = Tensor::FromFloats({4 * h, h}, RandomFloats(4 * h * h));
  const auto bias = Tensor::FromFloats({4 * h}, RandomFloats(4 * h));
  const Tensor weights[] = {weight, weight, bias, bias};
  const auto layer =
      ServedLayer::Create(Cell::kLstm, weights, precision).value();
  ServedLayerScratch scratch;
  const auto x = RandomFloats(t * n * h);
  auto state_h = RandomFloats(n * h), state_c = state_h;
  std::vector<float> y(x.size());
  for (auto _ : state) {
    CheckOk(layer->Forward({.steps = t,
                            .rows = n,
                            .x = x.data(),
                            .h = state_h.data(),
                            .c = state_c.data(),
                            .y = y.data()},
                           &scratch),
            state);
  }
  state.SetItemsProcessed(state.iterations() * t * n);
  state.SetLabel(layer->implementation());
}

// Words of letters: "aaaa", "aaab", ...
Vocabulary StepVocabulary() {
  std::vector<std::string> tokens;
  for (absl::string_view special : Vocabulary::SpecialTokens()) {
    tokens.emplace_back(special);
  }
  for (int i = 0; tokens.size() < size_t{kSizes.vocabulary}; ++i) {
    std::string word;
    for (int rest = i, letter = 0; letter < 4; ++letter, rest /= 26) {
      word.insert(word.begin(), static_cast<char>('a' + rest % 26));
    }
    tokens.push_back(word);
  }
  return Vocabulary::Create(tokens).value();
}

// The parts of a batch on OpenMP's threads: the engine's workers without their
// queue.
class OpenMpParts : public Parts {
 public:
  int threads() const override { return omp_get_max_threads(); }
  int most_threads() const override { return threads(); }
  PartScratch* scratch() override { return &scratch_[0]; }

  absl::Status Run(int count, RunPart run) override {
    // One part is no team: teams of other sizes in turn start threads anew.
    if (count == 1) return run(0, 0, scratch());
    std::vector<absl::Status> statuses(scratch_.size());
#pragma omp parallel for schedule(dynamic)
    for (int part = 0; part < count; ++part) {
      const int thread = omp_get_thread_num();
      const auto index = static_cast<size_t>(thread);
      statuses[index].Update(run(part, thread, &scratch_[index]));
    }
    for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
    return absl::OkStatus();
  }

 private:
  std::vector<PartScratch> scratch_ =
      std::vector<PartScratch>(static_cast<size_t>(omp_get_max_threads()));
};

constexpr size_t kTableBytes = size_t{128} << 20;

std::unique_ptr<const LanguageModel> StepModel(Precision precision) {
  std::vector<Tensor> weights;
  const auto specs = WeightSpecs(kSizes).value();
  for (const auto& spec : specs) {
    weights.push_back(
        Tensor::FromFloats(spec.shape, RandomFloats(NumElements(spec.shape))));
  }
  return LanguageModel::Create(kSizes, weights, {}, precision,
                               {.max_table_bytes = kTableBytes})
      .value();
}

// One step of some of the rows.
struct StepRows {
  size_t first = 0;
  std::vector<int32_t> tokens;
  RecurrentState state;
};

// Shared out to the threads are rows for the step and for ranking, but where
// there are few columns of the step's products, and tiles for the output. (The
// workers of an engine share out rows, few or many.)
void BenchStep(benchmark::State& state, Precision precision, int n) {
  constexpr int kWords = 5, kFewRows = 16;
  const auto model = StepModel(precision);
  const Vocabulary vocabulary = StepVocabulary();
  OpenMpParts parts;
  const int count = n <= kFewRows ? 1 : std::min(n, parts.threads());
  std::vector<StepRows> rows;
  for (int part = 0; part < count; ++part) {
    const int first = n * part / count;
    const int its = n * (part + 1) / count - first;
    rows.push_back({static_cast<size_t>(first), RandomTokens(its),
                    model->InitialState(its)});
  }
  const std::vector<NextWordsQuestion> questions(static_cast<size_t>(n),
                                                 {.words = kWords});
  std::vector<float> top(questions.size() * size_t{kSizes.hidden});
  const auto advance = [&](int part, int, PartScratch* scratch) {
    StepRows& its = rows[static_cast<size_t>(part)];
    RETURN_IF_ERROR(model->Advance(its.tokens, 1, its.state.rows, &its.state,
                                   nullptr, &scratch->workspace));
    const std::vector<float> its_top = model->Top(its.state);
    std::copy(its_top.begin(), its_top.end(),
              top.begin() + its.first * size_t{kSizes.hidden});
    return absl::OkStatus();
  };
  absl::StatusOr<std::vector<WordScores>> scores;
  const auto rank = [&](int part, int, PartScratch*) {
    const StepRows& its = rows[static_cast<size_t>(part)];
    for (size_t i = 0; i < its.tokens.size(); ++i) {
      benchmark::DoNotOptimize(
          RankWords(vocabulary, (*scores)[its.first + i], kWords,
                    [&](int32_t id) { return vocabulary.may_be_offered(id); }));
    }
    return absl::OkStatus();
  };
  for (auto _ : state) {
    CheckOk(parts.Run(count, advance), state);
    scores = ScoreNextWords(*model, vocabulary, top, n, questions, &parts);
    CheckOk(scores.status(), state);
    CheckOk(parts.Run(count, rank), state);
  }
  state.SetItemsProcessed(state.iterations() * n);
  state.SetLabel(model->Implementation());
}

void BenchStepMatmul(benchmark::State& state, int64_t n) {
  const int64_t h = kSizes.hidden;
  Executor executor;
  const auto pack = [&](int64_t columns) {
    const std::vector<int8_t> values(static_cast<size_t>(h * columns), 3);
    auto matrix = PackedMatrix::Create(h, columns, Precision::kInt8).value();
    CheckOk(matrix->Pack(
                MatrixViewInt8{.data = values.data(), .row_stride = columns},
                &executor),
            state);
    return matrix;
  };
  const auto recurrent = pack(4 * h), output = pack(kSizes.vocabulary);
  const std::vector<uint8_t> x(static_cast<size_t>(n * h), 130);
  std::vector<int32_t> sums(static_cast<size_t>(n * kSizes.vocabulary));
  const auto multiply = [&](const PackedMatrix& matrix) {
    CheckOk(matrix.Multiply(n, x.data(), h, sums.data(), matrix.n(), &executor),
            state);
  };
  for (auto _ : state) {
    // The first layer's input is looked up, not multiplied.
    for (int i = 0; i < 2 * kSizes.layers - 1; ++i) multiply(*recurrent);
    multiply(*output);
  }
  state.SetItemsProcessed(state.iterations() * n);
  state.SetLabel(output->implementation());
}

constexpr int kRows = 32, kSteps = 35;
constexpr int64_t kTokens = kRows * kSteps;

// A matrix product of one update, done so many times.
struct Product {
  int64_t m, n, k;
  bool a_transposed, b_transposed;
  bool accumulate;
  int64_t times;
};

// Forward, gradient of the inputs, gradient of the weights.
std::vector<Product> ProductsOfAnUpdate() {
  const int64_t v = kSizes.vocabulary, e = kSizes.embedding;
  const int64_t h = kSizes.hidden, gates = 4 * h, layers = kSizes.layers;
  return {{kTokens, v, e, false, true, false, 1},
          {kTokens, e, v, false, false, false, 1},
          {v, e, kTokens, true, false, true, 1},
          {kTokens, gates, h, false, true, false, layers},
          {kTokens, h, gates, false, false, false, layers},
          {gates, h, kTokens, true, false, true, 2 * layers}};
}

// Step by step, by the packed recurrent matrix.
std::vector<Product> RecurrentProductsOfAnUpdate() {
  const int64_t h = kSizes.hidden;
  const int64_t times = int64_t{kSizes.layers} * kSteps;
  return {{kRows, 4 * h, h, false, false, true, times},
          {kRows, h, 4 * h, false, false, false, times}};
}

double FlopOfAnUpdate() {
  double flop = 0;
  for (const auto& list :
       {ProductsOfAnUpdate(), RecurrentProductsOfAnUpdate()}) {
    for (const Product& p : list) {
      flop += 2.0 * static_cast<double>(p.m * p.n * p.k * p.times);
    }
  }
  return flop;
}

// Forgets the highest resident memory so far.
void ResetPeakMemory() { std::ofstream("/proc/self/clear_refs") << "5"; }

double PeakMemoryMB() {
  std::ifstream status("/proc/self/status");
  std::string line;
  double kilobytes = 0;
  while (std::getline(status, line)) {
    if (absl::StartsWith(line, "VmHWM:")) {
      kilobytes = std::strtod(line.c_str() + 6, nullptr);
    }
  }
  return kilobytes / 1024;
}

// Runs updates and counts by the clock on the wall: the library would count the
// processor time of this thread, which leaves out waiting for the others.
template <typename Update>
void RunUpdates(benchmark::State& state, Update update) {
  CheckOk(update(), state);  // creates the primitives, touches the memory
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) CheckOk(update(), state);
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  const double rate = static_cast<double>(state.iterations()) / elapsed.count();
  state.counters["items_per_second"] = rate * static_cast<double>(kTokens);
  state.counters["GFLOP/s"] = rate * FlopOfAnUpdate() / 1e9;
  state.counters["peak_MB"] = PeakMemoryMB();
}

// Three matrices large enough for every product.
template <typename T>
struct Operands {
  AlignedVector<T> a = AlignedVector<T>(kTokens * kSizes.vocabulary);
  AlignedVector<T> b =
      AlignedVector<T>(int64_t{kSizes.vocabulary} * kSizes.embedding);
  AlignedVector<float> c = AlignedVector<float>(kTokens * kSizes.vocabulary);
};

template <typename T>
absl::Status Multiply(const Product& p, Operands<T>* operands,
                      Executor* executor) {
  const BasicMatmulArgs<T> args = {
      .m = p.m,
      .n = p.n,
      .k = p.k,
      .a = {.data = operands->a.data(),
            .row_stride = p.a_transposed ? p.m : p.k,
            .transposed = p.a_transposed},
      .b = {.data = operands->b.data(),
            .row_stride = p.b_transposed ? p.k : p.n,
            .transposed = p.b_transposed},
      .c = operands->c.data(),
      .c_row_stride = p.n,
      .accumulate = p.accumulate};
  if constexpr (std::is_same_v<T, float>) {
    return Matmul(args, executor);
  } else {
    return MatmulBF16(args, executor);
  }
}

template <typename T>
void BenchMatmul(benchmark::State& state, Precision precision) {
  Executor executor;
  Operands<T> operands;
  const auto values = RandomFloats(4 * kSizes.hidden * kSizes.hidden);
  std::vector<std::unique_ptr<PackedMatrix>> packed;
  const std::vector<Product> recurrent = RecurrentProductsOfAnUpdate();
  for (const Product& p : recurrent) {
    packed.push_back(PackedMatrix::Create(p.k, p.n, precision).value());
    CheckOk(packed.back()->Pack({.data = values.data(), .row_stride = p.n},
                                &executor),
            state);
  }
  ResetPeakMemory();
  RunUpdates(state, [&]() -> absl::Status {
    for (const Product& p : ProductsOfAnUpdate()) {
      for (int64_t i = 0; i < p.times; ++i) {
        RETURN_IF_ERROR(Multiply(p, &operands, &executor));
      }
    }
    for (size_t r = 0; r < recurrent.size(); ++r) {
      const Product& p = recurrent[r];
      for (int64_t i = 0; i < p.times; ++i) {
        RETURN_IF_ERROR(packed[r]->Multiply(p.m, operands.a.data(), p.k,
                                            operands.c.data(), p.n,
                                            p.accumulate, &executor));
      }
    }
    return absl::OkStatus();
  });
  state.SetLabel(packed[0]->implementation());
}

void BenchTrain(benchmark::State& state, Precision precision) {
  ResetPeakMemory();
  const auto trainer =
      LanguageModelTrainer::Create(
          {.sizes = kSizes,
           .rows = kRows,
           .steps = kSteps,
           .precision = precision,
           .trainer = {.optimiser = {.kind = OptimiserKind::kSgd}}})
          .value();
  LanguageModelBatch batch;
  batch.inputs = RandomTokens(kRows * kSteps);
  batch.targets = RandomTokens(kRows * kSteps, 3);
  batch.resets.assign(batch.inputs.size(), 0);
  RunUpdates(state, [&] { return trainer->Step(batch, 1.0f).status(); });
}

// Those that this CPU has.
std::vector<std::pair<std::string, Precision>> Precisions() {
  std::vector<std::pair<std::string, Precision>> result = {
      {"f32", Precision::kF32}};
  if (SupportsBF16()) result.emplace_back("bf16", Precision::kBF16);
  if (SupportsInt8()) result.emplace_back("int8", Precision::kInt8);
  return result;
}

void Register() {
  for (int h : {256, 512, 1024}) {
    for (int t : {1, 8, 32}) {
      for (int n : {1, 8, 32}) {
        const std::string sizes = absl::StrCat("/H:", h, "/T:", t, "/N:", n);
        benchmark::RegisterBenchmark(
            absl::StrCat("primitive/f32", sizes).c_str(),
            [=](benchmark::State& state) { BenchPrimitive(state, h, t, n); });
        for (const auto& [name, precision] : Precisions()) {
          benchmark::RegisterBenchmark(
              absl::StrCat("lstm/", name, sizes).c_str(),
              [=, precision = precision](benchmark::State& state) {
                BenchLstm(state, precision, h, t, n);
              });
        }
      }
    }
  }
  for (int n : {1, 8, 64}) {
    for (const auto& [name, precision] : Precisions()) {
      benchmark::RegisterBenchmark(
          absl::StrCat("step/", name, "/N:", n).c_str(),
          [=, precision = precision](benchmark::State& state) {
            BenchStep(state, precision, n);
          });
    }
  }
  if (SupportsInt8()) {
    benchmark::RegisterBenchmark(
        "step_matmul/int8/N:64",
        [](benchmark::State& state) { BenchStepMatmul(state, 64); });
  }
  const auto add = [](const char* name, auto run) {
    benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMillisecond);
  };
  add("train/f32", [](benchmark::State& s) { BenchTrain(s, Precision::kF32); });
  add("matmul/f32",
      [](benchmark::State& s) { BenchMatmul<float>(s, Precision::kF32); });
  if (!SupportsBF16()) return;  // the CPU has no AVX512_BF16
  add("train/bf16",
      [](benchmark::State& s) { BenchTrain(s, Precision::kBF16); });
  add("matmul/bf16",
      [](benchmark::State& s) { BenchMatmul<BFloat16>(s, Precision::kBF16); });
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
