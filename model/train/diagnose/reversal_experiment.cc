// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/layers/translator_grad.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/diagnose/probe_training.h"
#include "model/train/diagnose/translation_pairs.h"
#include "model/train/trainer.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kRows = 32;
constexpr int kEmbedding = 32;
constexpr int kHidden = 96;
constexpr float kRate = 0.003f;
constexpr int64_t kUpdates = 3000;
constexpr int64_t kEvaluateEvery = 100;

struct ReversalTraining {
  std::shared_ptr<const TranslationPairs> pairs;
  bool reverse_input = false;
  uint64_t seed = 1;
  int64_t updates = 0;
};

TranslatorSizes SizesOf(const ReversalTraining& training) {
  const StackSizes stack = {.cell = Cell::kLstm,
                            .inputs = kEmbedding,
                            .hidden = kHidden,
                            .layers = 1};
  TranslatorSizes sizes;
  sizes.source_vocabulary = training.pairs->source_vocabulary;
  sizes.target_vocabulary = training.pairs->target_vocabulary;
  sizes.embedding = kEmbedding;
  sizes.encoder = stack;
  sizes.decoder = stack;
  sizes.reverse_input = training.reverse_input;
  return sizes;
}

// An encoder and a decoder without attention, and what they learn from.
class ReversalRun {
 public:
  static absl::StatusOr<std::unique_ptr<ReversalRun>> Create(
      const ReversalTraining& training) {
    auto run = std::make_unique<ReversalRun>(training);
    const TranslatorSizes sizes = SizesOf(training);
    ASSIGN_OR_RETURN(run->network_,
                     TranslatorGrad::Create(
                         sizes,
                         {.steps = training.pairs->longest_target + 1,
                          .rows = kRows,
                          .source_steps = training.pairs->longest_source + 1},
                         {}));
    ASSIGN_OR_RETURN(std::vector<WeightSpec> specs, WeightSpecs(sizes));
    ASSIGN_OR_RETURN(
        run->trainer_,
        Trainer::Create(std::move(specs),
                        {.clip_norm = 1,
                         .optimiser = {.kind = OptimiserKind::kAdam},
                         .seed = training.seed}));
    return run;
  }

  explicit ReversalRun(const ReversalTraining& training)
      : training_(training) {}

  absl::StatusOr<Json> Run(RunMonitor* monitor) {
    std::vector<FigurePoint> curve;
    for (int64_t update = 0;; ++update) {
      if (update % kEvaluateEvery == 0 || update == training_.updates) {
        ASSIGN_OR_RETURN(const double loss, DevLoss());
        curve.push_back({static_cast<double>(update), loss});
      }
      if (update == training_.updates) break;
      RETURN_IF_ERROR(Update(update));
      monitor->Advance(update + 1,
                       absl::StrFormat("dev loss %.4f", curve.back().y));
    }
    return Json{{"dev_loss", curve.back().y}, {"curve", PointsToJson(curve)}};
  }

 private:
  absl::Status Update(int64_t index) {
    const std::vector<TranslationPair>& pairs = training_.pairs->training;
    Random random(training_.seed, static_cast<uint64_t>(index));
    std::vector<const TranslationPair*> rows;
    while (rows.size() < kRows)
      rows.push_back(&pairs[random.Below(pairs.size())]);
    const TranslationBatch batch = MakeTranslationBatch(*training_.pairs, rows);
    const std::array<Pass, 1> passes = {
        [&](absl::Span<const float* const> weights,
            absl::Span<float* const> gradients,
            const DropoutKey& key) -> absl::StatusOr<BatchLoss> {
          ASSIGN_OR_RETURN(const double loss, network_->LossAndGradient(
                                                  weights, ViewOf(batch), key,
                                                  gradients, &executor_));
          return BatchLoss{.loss = loss, .targets = batch.target_count};
        }};
    // In a line to 0, so that both end on what they can do.
    const double left = 1.0 - static_cast<double>(index) /
                                  static_cast<double>(training_.updates);
    return trainer_->Step(passes, kRate * static_cast<float>(left)).status();
  }

  // Mean over the target words of the whole batches of dev.
  absl::StatusOr<double> DevLoss() {
    const std::vector<TranslationPair>& dev = training_.pairs->dev;
    const std::vector<const float*> weights = trainer_->WeightPointers();
    double sum = 0;
    int64_t count = 0;
    for (size_t begin = 0; begin < dev.size(); begin += kRows) {
      std::vector<const TranslationPair*> rows;
      for (size_t i = begin; i < begin + kRows; ++i) {
        rows.push_back(&dev[std::min(i, dev.size() - 1)]);
      }
      const TranslationBatch batch =
          MakeTranslationBatch(*training_.pairs, rows);
      ASSIGN_OR_RETURN(const double loss,
                       network_->Loss(weights, ViewOf(batch), &executor_));
      sum += loss;
      count += batch.target_count;
    }
    return sum / static_cast<double>(count);
  }

  static TranslatorBatch ViewOf(const TranslationBatch& batch) {
    return {.source = batch.source,
            .resets = batch.resets,
            .target_in = batch.target_in,
            .targets = batch.targets};
  }

  const ReversalTraining training_;
  std::unique_ptr<TranslatorGrad> network_;
  std::unique_ptr<Trainer> trainer_;
  Executor executor_;
};

const char* Title(bool reverse) {
  return reverse ? "source reversed" : "source as it is";
}

std::string Words(const ExperimentContext& context,
                  const TranslationPairs& pairs) {
  const std::string language =
      context.options.data.empty()
          ? "a generated language: 8 to 16 of 40 words, each with a "
            "translation "
            "of its own, neighbours changing places behind ten of them"
          : "pairs from a file, at most 20 words a side";
  return absl::StrFormat(
      "An LSTM reads the source, a second one begins with its state and writes "
      "the target; no attention (%d units, %s; %d pairs for training, %d for "
      "dev). Reversed, the source's first word is next to the target's first, "
      "and the gradient of the first words has a short way (Sutskever, "
      "Vinyals, Le 2014). Same weights at the start, same batches, %d updates "
      "of %d pairs.\n\n",
      kHidden, language, pairs.training.size(), pairs.dev.size(),
      context.Updates(kUpdates), kRows);
}

Section Tell(const std::vector<Json>& results, std::string words) {
  Section section = {.text = std::move(words)};
  Figure figure = {.title = "Translation without attention",
                   .x_label = "update",
                   .y_label = "dev loss, nats a word"};
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < results.size(); ++i) {
    const bool reverse = i == 1;
    const double loss = results[i]["dev_loss"].get<double>();
    figure.curves.push_back({.title = Title(reverse),
                             .points = PointsFromJson(results[i]["curve"]),
                             .style = Curve::Style::kLineAndPoints});
    rows.push_back({Title(reverse), absl::StrFormat("%.4f", loss),
                    absl::StrFormat("%.2f", std::exp(loss))});
    section.numbers["runs"].push_back(
        Json{{"reverse_input", reverse}, {"result", results[i]}});
  }
  absl::StrAppend(
      &section.text,
      MarkdownTable({"", "dev loss", "perplexity of a word"}, rows));
  section.figures = {{kReversalExperiment.name, std::move(figure)}};
  return section;
}

absl::StatusOr<Section> RunReversal(const ExperimentContext& context) {
  const DiagnoseOptions& options = context.options;
  auto pairs = std::make_shared<TranslationPairs>();
  if (options.data.empty()) {
    *pairs = MakeTranslationPairs(options.seed);
  } else {
    ASSIGN_OR_RETURN(*pairs, ReadTranslationPairs(options.data));
  }
  std::vector<ExperimentRun> runs;
  for (const bool reverse : {false, true}) {
    const ReversalTraining training = {.pairs = pairs,
                                       .reverse_input = reverse,
                                       .seed = options.seed,
                                       .updates = context.Updates(kUpdates)};
    runs.push_back(
        {.key =
             absl::StrFormat("reversal %s data=%s pairs=%d E=%d H=%d rate=%g "
                             "updates=%d seed=%d",
                             reverse ? "reversed" : "straight",
                             options.data.empty() ? "generated" : options.data,
                             pairs->training.size(), kEmbedding, kHidden, kRate,
                             training.updates, training.seed),
         .max_updates = training.updates,
         .run = [training](RunMonitor* monitor) -> absl::StatusOr<Json> {
           ASSIGN_OR_RETURN(const std::unique_ptr<ReversalRun> run,
                            ReversalRun::Create(training));
           return run->Run(monitor);
         }});
  }
  ASSIGN_OR_RETURN(const std::vector<Json> results, RunAll(context.pool, runs));
  return Tell(results, Words(context, *pairs));
}

}  // namespace

const Experiment kReversalExperiment = {
    "reversal", "Reversal: reading the source backwards", RunReversal};

}  // namespace carousel
