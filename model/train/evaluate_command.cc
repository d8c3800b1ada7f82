// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/bundle/model.h"
#include "model/train/commands.h"
#include "model/train/evaluations.h"
#include "model/train/progress.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", "DIR", "", "the bundle to measure, .../NAME/VERSION", true},
    {"data", "FILE", "", "what to measure it on", true},
    {"precision", "NAME", "f32", "what it computes in: f32, bf16 or int8"},
    {"label_map", "LABEL,LABEL:NAME;...", "labels as they are",
     "classifier: other names for the file's labels; lines with any other are "
     "left out"},
    {"context", "", "",
     "language model: the lines are those of documents with blank lines "
     "between them; each is measured by itself and after what stands before it "
     "in its document"},
    {"cache_size", "M", "0",
     "language model: perplexity_with_cache, with a continuous cache of the "
     "last M tokens (bundles with the context stream)"},
    {"cache_theta", "X", "0.3",
     "language model: how much likeness of states counts in it; with --context "
     "the bundle's is the default"},
    {"cache_lambda", "X", "0.1",
     "language model: its weight beside the network's; the same"},
    {"cache_tune", "", "",
     "language model: the best of a grid of theta and lambda instead"},
    {"beam_size", "N", "5", "translator: hypotheses kept at once; 1: greedy"},
    {"length_penalty", "ALPHA", "1", "translator: exponent of the length"},
    {"lowercase", "", "off", "translator: BLEU and chrF without case"},
    {"translations", "FILE", "none",
     "translator: where the translations are written, one a line"},
    {"threads", "N", "0", "0: as many CPUs as this process may use"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
    {"column", "NAME", "all of the model",
     "forecaster: a series to measure; repeatable"},
    {"time_column", "NAME", "the first", "forecaster: that of the times"},
    {"check_times", "BOOL", "true",
     "forecaster: false: times are not read, gaps not seen"},
    {"first_row", "N", "0",
     "forecaster: forecasts are for rows from N on, the first being 0"},
    {"horizon", "STEPS", "the model's",
     "forecaster: measure over so many steps; repeatable"},
};

constexpr int kMostThreads = 1024;

// What measures a task, and the flags that only it reads.
struct TaskEvaluation {
  Task task;
  EvaluateFunction evaluate;
  std::vector<const char*> flags;
};

const std::vector<TaskEvaluation>& Evaluations() {
  static const auto* const evaluations = new std::vector<TaskEvaluation>{
      {Task::kLanguageModel,
       EvaluateLanguageModelBundle,
       {"context", "cache_size", "cache_theta", "cache_lambda", "cache_tune"}},
      {Task::kClassifier, EvaluateClassifierBundle, {"label_map"}},
      {Task::kTranslator,
       EvaluateTranslatorBundle,
       {"beam_size", "length_penalty", "lowercase", "translations"}},
      {Task::kForecaster,
       EvaluateForecasterBundle,
       {"column", "time_column", "check_times", "first_row", "horizon"}},
  };
  return *evaluations;
}

// The evaluation of `task`. INVALID_ARGUMENT if a flag was given that only
// other tasks read; UNIMPLEMENTED if there is none.
absl::StatusOr<EvaluateFunction> Find(Task task, const FlagValues& flags) {
  EvaluateFunction found = nullptr;
  for (const TaskEvaluation& evaluation : Evaluations()) {
    if (evaluation.task == task) {
      found = evaluation.evaluate;
      continue;
    }
    for (const char* flag : evaluation.flags) {
      if (!flags.Has(flag)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is for bundles of the task \"",
                       TaskName(evaluation.task), "\"; this one is a \"",
                       TaskName(task), "\""));
    }
  }
  if (found == nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        "bundles of the task \"", TaskName(task), "\" cannot be measured"));
  }
  return found;
}

// Forced: what a precision costs is what is to be measured.
absl::StatusOr<std::shared_ptr<const Model>> LoadMeasured(
    const FlagValues& flags) {
  ASSIGN_OR_RETURN(
      const Precision precision,
      ParsePrecision("--precision", flags.Get("precision", "f32")));
  return Model::Load(flags.Get("bundle"),
                     {.precision = precision, .force = true});
}

absl::StatusOr<int> RunEvaluate(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  ASSIGN_OR_RETURN(int threads, flags.GetCount("threads", 0, kMostThreads));
  if (threads == 0) threads = ReadCpuAllowance().workers;
  omp_set_num_threads(1);
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   LoadMeasured(flags));
  ASSIGN_OR_RETURN(const EvaluateFunction evaluate, Find(model->task(), flags));
  std::vector<std::string> lines;
  {
    Progress progress(stderr, style);
    ASSIGN_OR_RETURN(lines, evaluate({.model = *model,
                                      .flags = flags,
                                      .threads = threads,
                                      .progress = &progress}));
  }
  for (const std::string& line : lines) absl::PrintF("%s\n", line);
  return 0;
}

}  // namespace

const Command kEvaluateCommand = {
    "evaluate", "Measures a bundle on data; the last line is a JSON object.",
    kFlags, RunEvaluate};

}  // namespace carousel
