// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/base/status_macros.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/diagnose/probe_training.h"
#include "model/train/diagnose/sequence_tasks.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr Cell kCells[] = {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm,
                           Cell::kGru};
constexpr int kFullSeeds = 3;
constexpr int kRows = 32;
constexpr int kTestBatches = 32;

// Measured beside this one: the loss must be below it for the task to count as
// solved, and well below it for a training to end before its updates do.
constexpr double kAddingSolved = 0.01;
constexpr double kAddingEnough = 0.005;
constexpr double kCopySolved = 0.1;
constexpr double kCopyEnough = 0.02;

const char* CellTitle(Cell cell) {
  switch (cell) {
    case Cell::kTanhRnn:
      return "tanh RNN";
    case Cell::kReluRnn:
      return "ReLU RNN from the identity";
    case Cell::kLstm:
      return "LSTM";
    case Cell::kGru:
      return "GRU";
  }
  return "";
}

// What each cell learns with. A ReLU RNN amplifies: over T steps its recurrent
// matrix may not move far from the identity in one update, so its rate falls
// with T, and it begins with small weights around it.
struct Recipe {
  int hidden = 0;
  float learning_rate = 0;
  float input_bound = 0;
  float output_bound = 0;
  int memory = 0;
  int64_t max_updates = 0;
};
constexpr float kClipNorm = 1;
constexpr int kMaxSetbacks = 8;

Recipe RecipeFor(Cell cell, int steps) {
  switch (cell) {
    case Cell::kTanhRnn:
      return {.hidden = 64, .learning_rate = 0.001f, .max_updates = 10000};
    case Cell::kReluRnn:
      return {.hidden = 64,
              .learning_rate = 0.05f / static_cast<float>(steps),
              .input_bound = 0.17f,
              .output_bound = 0.002f,
              .max_updates = steps > 100 ? 20000 : 10000};
    case Cell::kLstm:
    case Cell::kGru:
      return {.hidden = 32,
              .learning_rate = 0.01f,
              .memory = steps,
              .max_updates = 8000};
  }
  return {};
}

struct Task {
  const char* name;
  const char* loss;
  BatchMaker make_batch;
  int inputs;
  int outputs;
  double chance;
  double solved;  // below: solved
  double enough;  // below: the training ends
};

const Task& AddingTask() {
  static const Task& task =
      *new Task{"adding", "mean squared error", MakeAddingBatch, 2,
                1,        kAddingChance,        kAddingSolved,   kAddingEnough};
  return task;
}

Task MakeCopyTask(const char* name, int copied) {
  return {name,
          "cross entropy, nats",
          CopyBatchMaker(copied),
          kCopySymbols + 2,
          kCopySymbols,
          std::log(double{kCopySymbols}),
          kCopySolved,
          kCopyEnough};
}

const Task& CopyOneTask() {
  static const Task& task = *new Task(MakeCopyTask("copy-1", 1));
  return task;
}

const Task& CopyTwoTask() {
  static const Task& task = *new Task(MakeCopyTask("copy-2", 2));
  return task;
}

// One training: a cell, a task, a length and a seed.
struct Trial {
  const Task* task;
  Cell cell;
  int steps;
  uint64_t seed;
};

ProbeTraining TrainingOf(const Trial& trial, const ExperimentContext& context) {
  const Recipe recipe = RecipeFor(trial.cell, trial.steps);
  return {.sizes = {.cell = trial.cell,
                    .inputs = trial.task->inputs,
                    .hidden = recipe.hidden,
                    .outputs = trial.task->outputs,
                    .steps = trial.steps,
                    .rows = kRows,
                    .input_bound = recipe.input_bound,
                    .output_bound = recipe.output_bound,
                    .memory = recipe.memory},
          .make_batch = trial.task->make_batch,
          .seed = trial.seed,
          .learning_rate = recipe.learning_rate,
          .clip_norm = kClipNorm,
          .max_updates = context.Updates(recipe.max_updates),
          .solved_below = trial.task->enough,
          .max_setbacks = kMaxSetbacks};
}

absl::StatusOr<Json> Train(const ProbeTraining& training, RunMonitor* monitor) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ProbeTrainer> trainer,
                   ProbeTrainer::Create(training));
  ASSIGN_OR_RETURN(const ProbeOutcome outcome, trainer->Run(monitor));
  ASSIGN_OR_RETURN(const double test,
                   trainer->Evaluate(BatchUse::kTest, kTestBatches));
  return Json{{"updates", outcome.updates},
              {"setbacks", outcome.setbacks},
              {"diverged_at", outcome.diverged_at},
              {"test_loss", test},
              {"curve", PointsToJson(outcome.validation)}};
}

ExperimentRun RunOf(const Trial& trial, const ExperimentContext& context) {
  const ProbeTraining training = TrainingOf(trial, context);
  const double cost =
      trial.steps * training.sizes.hidden * GateCount(trial.cell);
  return {
      .key = absl::StrCat(trial.task->name, " ", DescribeTraining(training)),
      .max_updates = training.max_updates,
      .update_cost = cost,
      .run = [training](RunMonitor* monitor) {
        return Train(training, monitor);
      }};
}

// The shortest first: a run that is not let finish has told something.
std::vector<Trial> Trials(const DiagnoseOptions& options) {
  std::vector<Trial> trials;
  const auto add = [&](const Task& task, int steps) {
    for (int i = 0; i < (options.full ? kFullSeeds : 1); ++i) {
      for (const Cell cell : kCells) {
        trials.push_back(
            {&task, cell, steps, options.seed + static_cast<uint64_t>(i)});
      }
    }
  };
  add(CopyOneTask(), 100);
  add(CopyTwoTask(), 100);
  add(AddingTask(), 100);
  if (options.full) {
    add(AddingTask(), 200);
    add(AddingTask(), 400);
  }
  return trials;
}

struct Finding {
  Trial trial;
  Json result;
  double loss() const {
    const Json& loss = result["test_loss"];
    return loss.is_number() ? loss.get<double>() : INFINITY;
  }
  bool solved() const { return loss() < trial.task->solved; }
};

// One curve for each seed, a colour for each cell.
Figure CurvesOf(const std::vector<Finding>& findings, const Task& task,
                int steps) {
  Figure figure = {.title = absl::StrFormat("%s, T = %d", task.name, steps),
                   .x_label = "update",
                   .y_label = task.loss,
                   .log_y = true,
                   .y_range = std::pair(task.enough / 5, task.chance * 4)};
  double last = 0;
  for (const Finding& finding : findings) {
    if (finding.trial.task != &task || finding.trial.steps != steps) continue;
    Curve curve = {.points = PointsFromJson(finding.result["curve"]),
                   .colour = static_cast<int>(finding.trial.cell)};
    const std::string title = CellTitle(finding.trial.cell);
    const bool titled =
        std::any_of(figure.curves.begin(), figure.curves.end(),
                    [&](const Curve& other) { return other.title == title; });
    if (!titled) curve.title = title;
    if (!curve.points.empty()) last = std::max(last, curve.points.back().x);
    figure.curves.push_back(std::move(curve));
  }
  figure.curves.push_back({.title = "chance",
                           .points = {{0, task.chance}, {last, task.chance}},
                           .style = Curve::Style::kDashes,
                           .colour = 6,
                           .width = 1});
  return figure;
}

// "1/3", "0.0041 0.0038 0.1667", "900 1100 -" of one cell at one length.
std::vector<std::string> TableRow(const std::vector<Finding>& findings,
                                  const Task& task, int steps, Cell cell) {
  std::vector<std::string> losses;
  std::vector<std::string> updates;
  std::vector<std::string> setbacks;
  int solved = 0;
  double seconds = 0;
  for (const Finding& f : findings) {
    if (f.trial.task != &task || f.trial.steps != steps ||
        f.trial.cell != cell) {
      continue;
    }
    losses.push_back(absl::StrFormat("%.4f", f.loss()));
    updates.push_back(absl::StrCat(f.result["updates"].get<int64_t>()));
    setbacks.push_back(absl::StrCat(f.result["setbacks"].get<int64_t>()));
    solved += f.solved() ? 1 : 0;
    seconds += f.result["seconds"].get<double>();
  }
  return {task.name,
          absl::StrCat(steps),
          CellTitle(cell),
          absl::StrJoin(losses, ", "),
          absl::StrFormat("%d of %d", solved, losses.size()),
          absl::StrJoin(updates, ", "),
          absl::StrJoin(setbacks, ", "),
          absl::StrFormat("%.0f", seconds)};
}

std::string Words() {
  return absl::StrFormat(
      "**Adding** (Hochreiter and Schmidhuber 1997; Le, Jaitly, Hinton 2015): "
      "each step brings a number from [0, 1) and a mark; two steps are marked, "
      "one in either half, and after T steps the network says the sum of the "
      "two marked numbers. Who always says 1 has a mean squared error of "
      "%.3f (chance); solved is below %g. **Copy**: one symbol "
      "(copy-1) or two (copy-2) out of %d, a long silence, a signal, and they "
      "are to be said again; chance is a cross entropy of %.3f, solved is "
      "below %g. Losses are those of %d "
      "sequences that were neither trained nor validated on, a number for each "
      "seed. A training ends when its validation loss is well below that, or "
      "at its last update.\n\n",
      kAddingChance, kAddingSolved, kCopySymbols,
      std::log(double{kCopySymbols}), kCopySolved, kTestBatches * kRows);
}

std::string RecipeWords() {
  std::vector<std::vector<std::string>> rows;
  for (const Cell cell : kCells) {
    const Recipe recipe = RecipeFor(cell, 1);
    const bool falls = recipe.learning_rate != RecipeFor(cell, 2).learning_rate;
    const int64_t longest = RecipeFor(cell, 400).max_updates;
    std::string updates = absl::StrCat(recipe.max_updates);
    if (longest != recipe.max_updates) {
      absl::StrAppend(&updates, ", ", longest, " for T > 100");
    }
    rows.push_back({CellTitle(cell), absl::StrCat(recipe.hidden),
                    absl::StrCat(recipe.learning_rate, falls ? " / T" : ""),
                    updates});
  }
  return absl::StrCat(
      "\nAdam with a rate that falls to 0 in a line, ", kRows,
      " new sequences an update, the gradient's norm ", "clipped at ",
      kClipNorm, ". A training whose loss is no number any more ",
      "goes back to the weights of its last good evaluation and on at half ",
      "its rate, ", kMaxSetbacks,
      " times at most (setbacks). The gates of LSTM and GRU begin open for up "
      "to T ",
      "steps (Tallec and Ollivier 2018); the ReLU RNN with small weights ",
      "around the identity.\n\n",
      MarkdownTable({"cell", "hidden", "learning rate", "updates at most"},
                    rows));
}

Section Tell(const std::vector<Finding>& findings, const std::string& name) {
  Section section = {.text = Words()};
  std::vector<std::vector<std::string>> rows;
  std::vector<std::pair<const Task*, int>> told;
  for (const Finding& f : findings) {
    section.numbers["runs"].push_back(Json{{"task", f.trial.task->name},
                                           {"cell", CellName(f.trial.cell)},
                                           {"steps", f.trial.steps},
                                           {"seed", f.trial.seed},
                                           {"solved", f.solved()},
                                           {"result", f.result}});
    const std::pair<const Task*, int> group = {f.trial.task, f.trial.steps};
    if (std::find(told.begin(), told.end(), group) != told.end()) continue;
    told.push_back(group);
    for (const Cell cell : kCells) {
      rows.push_back(TableRow(findings, *group.first, group.second, cell));
    }
    section.figures.push_back(
        {section.figures.empty()
             ? name
             : absl::StrCat(name, "-", group.first->name, "-", group.second),
         CurvesOf(findings, *group.first, group.second)});
  }
  absl::StrAppend(&section.text,
                  MarkdownTable({"task", "T", "cell", "test loss", "solved",
                                 "updates", "setbacks", "seconds"},
                                rows),
                  RecipeWords());
  return section;
}

absl::StatusOr<Section> RunLongMemory(const ExperimentContext& context) {
  const std::vector<Trial> trials = Trials(context.options);
  std::vector<ExperimentRun> runs;
  for (const Trial& trial : trials) runs.push_back(RunOf(trial, context));
  ASSIGN_OR_RETURN(std::vector<Json> results, RunAll(context.pool, runs));
  std::vector<Finding> findings;
  for (size_t i = 0; i < trials.size(); ++i) {
    findings.push_back({trials[i], std::move(results[i])});
  }
  return Tell(findings, kLongMemoryExperiment.name);
}

}  // namespace

const Experiment kLongMemoryExperiment = {
    "long-memory", "Long memory: who remembers over hundreds of steps",
    RunLongMemory};

}  // namespace carousel
