// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/diagnose/probe_training.h"
#include "model/train/diagnose/sequence_tasks.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSteps = 50;
constexpr float kRate = 0.03f;
constexpr float kClipNorms[] = {0, 1};  // 0: never

// Plain gradient descent: what clipping was made for. (Adam divides the
// gradient by its own size, which hides much of the matter.)
ProbeTraining TrainingOf(float clip_norm, const ExperimentContext& context) {
  return {.sizes = {.cell = Cell::kReluRnn,
                    .inputs = 2,
                    .hidden = 64,
                    .outputs = 1,
                    .steps = kSteps,
                    .rows = 32,
                    .input_bound = 0.17f},
          .make_batch = MakeAddingBatch,
          .seed = context.options.seed,
          .optimiser = OptimiserKind::kSgd,
          .learning_rate = kRate,
          .clip_norm = clip_norm,
          .max_updates = context.Updates(8000),
          .evaluate_every = 50,
          .solved_below = 0.005};
}

absl::StatusOr<Json> Train(const ProbeTraining& training, RunMonitor* monitor) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ProbeTrainer> trainer,
                   ProbeTrainer::Create(training));
  ASSIGN_OR_RETURN(const ProbeOutcome outcome, trainer->Run(monitor));
  return Json{{"updates", outcome.updates},
              {"diverged_at", outcome.diverged_at},
              {"solved", outcome.solved},
              {"first_loss", outcome.training.front().y},
              {"validation_loss", outcome.validation.back().y},
              {"training", PointsToJson(outcome.training)}};
}

const char* Title(float clip_norm) {
  return clip_norm > 0 ? "clipped at norm 1" : "not clipped";
}

Section Tell(const std::vector<Json>& results) {
  Section section;
  section.text = absl::StrFormat(
      "The same network (ReLU RNN from the identity, 64 units), the same "
      "batches of the adding problem (T = %d), the same plain gradient descent "
      "at rate %g, once as it is and once with the norm of the whole gradient "
      "scaled down to 1 where it is larger (Pascanu, Mikolov, Bengio 2013). "
      "Shown is the loss of each update's batch.\n\n",
      kSteps, kRate);
  Figure figure = {.title = "Gradient descent with and without clipping",
                   .x_label = "update",
                   .y_label = "mean squared error",
                   .log_x = true,
                   .log_y = true,
                   .y_range = std::pair(1e-3, 1e2)};
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < results.size(); ++i) {
    const Json& result = results[i];
    figure.curves.push_back(
        {.title = Title(kClipNorms[i]),
         .points = PointsFromJson(result["training"]),
         .style = i == 0 ? Curve::Style::kPoints : Curve::Style::kLine,
         .colour = i == 0 ? 1 : 0});
    const auto diverged = result["diverged_at"].get<int64_t>();
    const Json& last = result["validation_loss"];  // null if it was infinite
    rows.push_back({Title(kClipNorms[i]),
                    diverged < 0 ? "no" : absl::StrCat("at update ", diverged),
                    absl::StrCat(result["updates"].get<int64_t>()),
                    diverged < 0 && last.is_number()
                        ? absl::StrFormat("%.4f", last.get<double>())
                        : "no number"});
    section.numbers["runs"].push_back(
        Json{{"clip_norm", kClipNorms[i]}, {"result", result}});
  }
  absl::StrAppend(&section.text, MarkdownTable({"", "blows up", "updates",
                                                "validation loss at the end"},
                                               rows));
  section.figures = {{kClippingExperiment.name, std::move(figure)}};
  return section;
}

absl::StatusOr<Section> RunClipping(const ExperimentContext& context) {
  std::vector<ExperimentRun> runs;
  for (const float clip_norm : kClipNorms) {
    const ProbeTraining training = TrainingOf(clip_norm, context);
    runs.push_back({.key = absl::StrCat("clip ", DescribeTraining(training)),
                    .max_updates = training.max_updates,
                    .run = [training](RunMonitor* monitor) {
                      return Train(training, monitor);
                    }});
  }
  ASSIGN_OR_RETURN(const std::vector<Json> results, RunAll(context.pool, runs));
  return Tell(results);
}

}  // namespace

const Experiment kClippingExperiment = {
    "clipping", "Clipping: a run that blows up, and the same run that does not",
    RunClipping};

}  // namespace carousel
