// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/bundle/model.h"
#include "model/tasks/language_model_evaluation.h"
#include "model/train/commands.h"
#include "model/train/progress.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", "DIR", "", "the bundle to measure, .../NAME/VERSION", true},
    {"data", "FILE", "", "text to measure it on", true},
    {"threads", "N", "0", "0: as many CPUs as this process may use"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

constexpr int kMostThreads = 1024;

absl::StatusOr<int> RunEvaluate(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  ASSIGN_OR_RETURN(int threads, flags.GetCount("threads", 0, kMostThreads));
  if (threads == 0) threads = ReadCpuAllowance().workers;
  // Lines are measured in parallel, each on one thread.
  omp_set_num_threads(1);
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   Model::Load(flags.Get("bundle")));
  LanguageModelFigures figures;
  {
    Progress progress(stderr, style);
    EvaluationOptions options = {
        .threads = threads, .on_progress = [&](int64_t lines) {
          progress.Show(absl::StrCat("evaluated ", lines, " lines"));
        }};
    ASSIGN_OR_RETURN(figures,
                     EvaluateLanguageModel(*model, flags.Get("data"), options));
  }
  absl::PrintF("%s\n", figures.ToJson());
  return 0;
}

}  // namespace

const Command kEvaluateCommand = {
    "evaluate", "Measures a bundle on text; the last line is a JSON object.",
    kFlags, RunEvaluate};

}  // namespace carousel
