// SPDX-License-Identifier: Apache-2.0
#include <omp.h>
#include <signal.h>

#include <csignal>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/base/cpu.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/commands.h"
#include "model/train/language_model_config.h"
#include "model/train/progress.h"
#include "model/train/training_run.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"config", "FILE", "", "settings, see model/train/README.md", true},
    {"out", "DIR", "", "the bundle to write, .../NAME/VERSION", true},
    {"run", "DIR", "OUT.run", "checkpoints, metrics and the figure"},
    {"resume", "", "off", "go on from the checkpoint in the run's folder"},
    {"set", "SECTION.KEY=VALUE", "none", "override a setting; repeatable"},
    {"data_directory", "DIR", "setting data.directory",
     "where the text files lie"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

volatile std::sig_atomic_t stop_signal = 0;

// The first SIGINT or SIGTERM asks the run to stop after its step; the second
// ends the process.
void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { stop_signal = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

absl::StatusOr<LanguageModelConfig> ReadConfig(const FlagValues& flags) {
  const std::string path = flags.Get("config");
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::StatusOr<LanguageModelConfig> config =
      ParseLanguageModelConfig(text, flags.GetAll("set"));
  if (!config.ok()) {
    return absl::Status(config.status().code(),
                        absl::StrCat(path, ": ", config.status().message()));
  }
  config->data_directory = flags.Get("data_directory", config->data_directory);
  return config;
}

absl::StatusOr<int> RunLanguageModel(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  ASSIGN_OR_RETURN(const LanguageModelConfig config, ReadConfig(flags));
  omp_set_num_threads(config.threads > 0 ? config.threads
                                         : ReadCpuAllowance().workers);
  const std::string out(absl::StripSuffix(flags.Get("out"), "/"));
  TrainingRunOptions options = {
      .bundle_directory = out,
      .run_directory = flags.Get("run", out + ".run"),
      .resume = flags.Has("resume"),
      .stop_signal = [] { return static_cast<int>(stop_signal); }};
  StopOnSignals();
  Progress progress(stderr, style);
  ASSIGN_OR_RETURN(const TrainingOutcome outcome,
                   TrainLanguageModel(config, options, &progress));
  if (outcome.stopped_by == 0) return 0;
  progress.Note(absl::StrCat("stopped by signal ", outcome.stopped_by,
                             "; the checkpoint in ", options.run_directory,
                             " is written: go on with --resume"));
  return 128 + outcome.stopped_by;
}

}  // namespace

const Command kLanguageModelCommand = {
    "language-model", "Trains a language model on text, one item a line.",
    kFlags, RunLanguageModel};

}  // namespace carousel
