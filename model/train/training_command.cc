// SPDX-License-Identifier: Apache-2.0
#include "model/train/training_command.h"

#include <signal.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "absl/strings/strip.h"
#include "model/base/cpu.h"
#include "model/train/mpi_communicator.h"
#include "model/train/progress.h"
#include "model/train/threads.h"
#include "model/train/training_run.h"

namespace carousel {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { stop_signal = signal; };
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Where ranks that do not talk to people write to.
class Silence {
 public:
  Silence() : stream_(std::fopen("/dev/null", "w")) {}
  ~Silence() { std::fclose(stream_); }
  std::FILE* stream() const { return stream_; }

 private:
  std::FILE* const stream_;
};

}  // namespace

absl::StatusOr<int> RunTrainingCommand(const FlagValues& flags,
                                       TaskDefinition* definition) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  const int threads = definition->settings().threads;
  SetThreads(threads > 0 ? threads : ReadCpuAllowance().workers);
  ASSIGN_OR_RETURN(const std::unique_ptr<Communicator> communicator,
                   JoinLaunchedProcesses());
  const std::string out(absl::StripSuffix(flags.Get("out"), "/"));
  TrainingRunOptions options = {
      .bundle_directory = out,
      .run_directory = flags.Get("run", out + ".run"),
      .resume = flags.Has("resume"),
      .stop_signal = [] { return static_cast<int>(stop_signal); },
      .communicator = communicator.get()};
  StopOnSignals();
  const Silence silence;
  Progress progress(communicator->is_writer() ? stderr : silence.stream(),
                    communicator->is_writer() ? style : ProgressStyle::kNone);
  const absl::StatusOr<TrainingOutcome> result =
      RunTraining(definition, options, &progress);
  if (!result.ok()) {
    AbortAllProcesses(result.status().message(), /*exit_code=*/1);
    return result.status();
  }
  const TrainingOutcome outcome = *result;
  if (outcome.stopped_by == 0) return 0;
  progress.Note(absl::StrCat("stopped by signal ", outcome.stopped_by,
                             "; the checkpoint in ", options.run_directory,
                             " is written: go on with --resume"));
  return 128 + outcome.stopped_by;
}

}  // namespace carousel
