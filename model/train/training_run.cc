// SPDX-License-Identifier: Apache-2.0
#include "model/train/training_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/bundle_path.h"
#include "model/train/evaluation_policy.h"
#include "model/train/metrics_log.h"
#include "model/train/new_folder.h"
#include "model/train/run_checkpoint.h"
#include "model/train/run_metrics.h"
#include "model/train/run_report.h"
#include "model/train/speedometer.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Drawing takes about a second.
constexpr absl::Duration kFigureInterval = absl::Minutes(1);

class TrainingRun {
 public:
  TrainingRun(TaskDefinition* definition, const TrainingRunOptions& options,
              Progress* progress, const Clock& clock)
      : definition_(definition),
        settings_(definition->settings()),
        options_(options),
        communicator_(options.communicator),
        progress_(progress),
        clock_(clock),
        schedule_(settings_.learning_rate),
        speed_(clock) {}

  absl::StatusOr<TrainingOutcome> Run() {
    RETURN_IF_ERROR(CheckBundlePath(options_.bundle_directory));
    RETURN_IF_ERROR(Start());
    last_saved_ = clock_.Now();
    last_counted_ = last_saved_;
    absl::StatusOr<int> stopped_by = Loop();
    absl::Status status = stopped_by.status();
    if (status.ok()) status = Save();
    if (!status.ok()) return SayWhatStands(status);
    if (*stopped_by != 0) return TrainingOutcome{.stopped_by = *stopped_by};
    RETURN_IF_ERROR(Finish());
    return TrainingOutcome{};
  }

 private:
  std::string PathOf(absl::string_view name) const {
    return JoinPath(options_.run_directory, name);
  }

  bool is_writer() const { return communicator_->is_writer(); }

  absl::Status SayWhatStands(const absl::Status& status) const {
    return absl::Status(
        status.code(),
        absl::StrCat(
            status.message(),
            saved_step_ < 0
                ? "; no checkpoint was written yet"
                : absl::StrCat("; the checkpoint of step ", saved_step_, " in ",
                               options_.run_directory,
                               " stands: go on from it with "
                               "--resume")));
  }

  absl::Status Start() {
    absl::StatusOr<RunCheckpoint> checkpoint =
        OpenRunCheckpoint(PathOf("checkpoint.safetensors"));
    const bool found = !absl::IsNotFound(checkpoint.status());
    if (found && !options_.resume) {
      return absl::FailedPreconditionError(absl::StrCat(
          options_.run_directory, " holds a run already: go on with it with ",
          "--resume, or delete it, or name another folder with --run"));
    }
    if (found) {
      RETURN_IF_ERROR(checkpoint.status());
      RETURN_IF_ERROR(Resume(*std::move(checkpoint)));
    } else {
      RETURN_IF_ERROR(Begin());
    }
    if (!is_writer()) return absl::OkStatus();
    ASSIGN_OR_RETURN(metrics_,
                     MetricsLog::Open(PathOf("metrics.jsonl"), state_.step));
    return WriteFileAtomically(PathOf("config.json"),
                               definition_->SerialisedConfig() + "\n");
  }

  TaskContext Context() const {
    return {.run_directory = options_.run_directory,
            .note = [this](absl::string_view line) { progress_->Note(line); },
            .communicator = communicator_};
  }

  // Rank 0 prepares the data; the others take up what it left.
  absl::Status Begin() {
    const absl::Status prepared =
        is_writer() ? BeginInNewFolder() : absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t failed,
                     communicator_->AllReduceMax(prepared.ok() ? 0 : 1));
    RETURN_IF_ERROR(prepared);
    if (failed != 0) return absl::AbortedError("rank 0 could not begin");
    if (!is_writer()) {
      ASSIGN_OR_RETURN(task_, definition_->Resume(Context()));
    }
    if (AveragesFromTheStart(settings_)) {
      state_.averaging = true;
      task_->StartAveraging();
    }
    PlanSteps();
    return absl::OkStatus();
  }

  // Leaves no folder behind for a run that cannot begin.
  absl::Status BeginInNewFolder() {
    ASSIGN_OR_RETURN(NewFolder folder, NewFolder::Make(options_.run_directory));
    ASSIGN_OR_RETURN(task_, definition_->Begin(Context()));
    folder.Keep();
    return absl::OkStatus();
  }

  absl::Status Resume(RunCheckpoint checkpoint) {
    if (checkpoint.task != definition_->name()) {
      return absl::FailedPreconditionError(absl::StrCat(
          options_.run_directory, " holds a run of ", checkpoint.task,
          ", expected one of ", definition_->name()));
    }
    RETURN_IF_ERROR(definition_->CheckCanResume(checkpoint.config));
    TaskContext context = Context();
    context.has_checkpoint = true;
    ASSIGN_OR_RETURN(task_, definition_->Resume(context));
    RETURN_IF_ERROR(task_->Restore(checkpoint.tensors->tensors()));
    state_ = std::move(checkpoint.state);
    RETURN_IF_ERROR(task_->Seek(state_.batches));
    saved_step_ = state_.step;
    progress_->Note(absl::StrCat("resumed after step ", state_.step));
    PlanSteps();
    return absl::OkStatus();
  }

  void PlanSteps() {
    schedule_.total_steps = std::numeric_limits<int64_t>::max();
    if (settings_.epochs > 0) {
      schedule_.total_steps = settings_.epochs * task_->steps_per_epoch();
    }
    if (settings_.max_steps > 0) {
      schedule_.total_steps =
          std::min(schedule_.total_steps, settings_.max_steps);
    }
    progress_->Note(absl::StrCat(task_->steps_per_epoch(), " steps an epoch, ",
                                 schedule_.total_steps, " steps"));
  }

  // Until the run is done or told to stop; the signal, or 0.
  absl::StatusOr<int> Loop() {
    while (true) {
      RETURN_IF_ERROR(Agree());
      if (EvaluationIsDue()) {
        ASSIGN_OR_RETURN(const bool whole, Evaluate());
        if (!whole) return signal_;
        RETURN_IF_ERROR(Save());
        // What has room on a full disk is the checkpoint.
        if (clock_.Now() - last_figure_ >= kFigureInterval) {
          DrawFigures(/*finished=*/false);
        }
        continue;  // the time that it took is another on every rank
      }
      if (IsDone()) return 0;
      if (signal_ != 0) return signal_;
      if (save_is_due_) RETURN_IF_ERROR(Save());
      RETURN_IF_ERROR(Step());
    }
  }

  // What depends on the moment must be the same on all ranks. Sets signal_,
  // save_is_due_ and the run's seconds.
  absl::Status Agree() {
    RETURN_IF_ERROR(LookForSignal());
    save_is_due_ = settings_.checkpoint_every_minutes > 0 &&
                   clock_.Now() - last_saved_ >=
                       absl::Minutes(settings_.checkpoint_every_minutes);
    if (communicator_->size() == 1) return absl::OkStatus();
    double agreed[2] = {is_writer() && save_is_due_ ? 1.0 : 0.0,
                        is_writer() ? state_.seconds : 0.0};
    RETURN_IF_ERROR(communicator_->AllReduceSum(absl::MakeSpan(agreed)));
    save_is_due_ = agreed[0] > 0;
    state_.seconds = agreed[1];
    return absl::OkStatus();
  }

  absl::Status LookForSignal() {
    ASSIGN_OR_RETURN(const int64_t signal,
                     communicator_->AllReduceMax(
                         options_.stop_signal ? options_.stop_signal() : 0));
    signal_ = static_cast<int>(signal);
    return absl::OkStatus();
  }

  bool IsDone() const {
    return state_.step >= schedule_.total_steps ||
           StoppedEarly(settings_, state_) ||
           (settings_.max_minutes > 0 &&
            state_.seconds >= settings_.max_minutes * 60);
  }

  bool EvaluationIsDue() const {
    if (!task_->has_dev() || state_.evaluated_step == state_.step) return false;
    return IsDone() || (settings_.evaluate_every_steps > 0 && state_.step > 0 &&
                        state_.step % settings_.evaluate_every_steps == 0);
  }

  // Adds the time since the last call to the run's.
  double CountSeconds() {
    const absl::Time now = clock_.Now();
    const double seconds = absl::ToDoubleSeconds(now - last_counted_);
    last_counted_ = now;
    state_.seconds += seconds;
    return seconds;
  }

  absl::Status Step() {
    CountSeconds();
    const float rate =
        LearningRateAt(schedule_, state_.step, state_.plateau_scale);
    ASSIGN_OR_RETURN(const TrainingStepFigures figures, task_->Step(rate));
    CountStep(figures, CountSeconds(), &state_);
    speed_.Add(figures);
    if (progress_->due()) ShowProgress(rate);
    if (state_.step % settings_.log_every_steps != 0) return absl::OkStatus();
    return WriteMetrics(TakeIntervalMetrics(*task_, rate, &state_));
  }

  absl::Status WriteMetrics(const nlohmann::ordered_json& metrics) {
    return is_writer() ? metrics_->Write(metrics) : absl::OkStatus();
  }

  void ShowProgress(float rate) {
    absl::Duration left = speed_.TimeFor(schedule_.total_steps - state_.step);
    if (settings_.max_minutes > 0) {
      left = std::min(left, absl::Minutes(settings_.max_minutes) -
                                absl::Seconds(state_.seconds));
    }
    progress_->Show(FormatTrainingProgress(
        {.step = state_.step,
         .total_steps = schedule_.total_steps,
         .epoch = static_cast<double>(state_.step) /
                  static_cast<double>(task_->steps_per_epoch()),
         .unit = task_->unit(),
         .tokens_per_second = speed_.tokens_per_second(),
         .loss = speed_.loss(),
         .perplexity = task_->has_perplexity(),
         .learning_rate = rate,
         .left = left}));
  }

  // Measures on dev, keeps the weights if they are the best, and does what
  // follows. False if a signal came in between; then nothing is changed.
  absl::StatusOr<bool> Evaluate() {
    absl::Status looked;
    ASSIGN_OR_RETURN(const std::optional<DevFigures> figures,
                     task_->Evaluate([&](double d) {
                       progress_->Show(absl::StrCat("dev ", FormatBar(d, 20)));
                       looked = LookForSignal();
                       return looked.ok() && signal_ == 0;
                     }));
    RETURN_IF_ERROR(looked);
    if (!figures.has_value()) return false;
    if (!std::isfinite(figures->loss)) {
      return absl::InternalError(absl::StrCat(
          "step ", state_.step, ": the loss on dev is ", figures->loss,
          "; a smaller training.learning_rate may "
          "help"));
    }
    const EvaluationVerdict verdict =
        JudgeEvaluation(settings_, figures->loss, &state_);
    if (verdict.better) {
      state_.best_figures = OtherFigures(*figures);
      RETURN_IF_ERROR(SaveBest());
    }
    if (verdict.starts_averaging) task_->StartAveraging();
    NoteEvaluation(*figures, verdict);
    CountSeconds();
    RETURN_IF_ERROR(WriteMetrics(DevMetrics(*figures, state_)));
    return true;
  }

  void NoteEvaluation(const DevFigures& figures,
                      const EvaluationVerdict& verdict) {
    progress_->Note(absl::StrCat("step ", state_.step, ": ",
                                 DescribeDev(figures),
                                 verdict.better ? ", the best so far" : ""));
    if (verdict.starts_averaging) {
      progress_->Note("averages the weights from here on");
    }
    if (verdict.lowers_rate) {
      progress_->Note(absl::StrCat(
          "lowers the learning rate to ",
          LearningRateAt(schedule_, state_.step, state_.plateau_scale)));
    }
    if (verdict.stops) {
      progress_->Note(absl::StrCat("stops early: no better one in ",
                                   settings_.patience, " evaluations"));
    }
  }

  // A run is worth more than its figures: what goes wrong is said once.
  void DrawFigures(bool finished) {
    if (!is_writer()) return;
    last_figure_ = clock_.Now();
    const absl::Status status =
        DrawRunFigures(options_.run_directory, finished);
    if (status.ok() || figure_failed_) return;
    figure_failed_ = true;
    progress_->Note(absl::StrCat("no figures: ", status.message()));
  }

  absl::Status SaveBest() {
    if (!is_writer()) return absl::OkStatus();
    return SaveBestWeights(PathOf("best.safetensors"), task_->Weights(),
                           state_.step);
  }

  absl::Status Save() {
    CountSeconds();
    state_.batches = task_->Position();
    last_saved_ = clock_.Now();
    ASSIGN_OR_RETURN(const std::vector<NamedTensor> tensors,
                     task_->Checkpoint());
    if (is_writer()) {
      RETURN_IF_ERROR(SaveRunCheckpoint(PathOf("checkpoint.safetensors"),
                                        tensors, state_, definition_->name(),
                                        definition_->SerialisedConfig()));
    }
    saved_step_ = state_.step;
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (!is_writer()) return absl::OkStatus();
    if (!task_->has_dev()) {
      state_.best_step = state_.step;
      RETURN_IF_ERROR(SaveBest());
    }
    const std::string best = PathOf("best.safetensors");
    RETURN_IF_ERROR(CheckBestWeights(best, state_.best_step));
    RETURN_IF_ERROR(task_->Export(best, state_, options_.bundle_directory));
    DrawFigures(/*finished=*/true);
    progress_->Note(absl::StrCat("wrote ", options_.bundle_directory));
    return absl::OkStatus();
  }

  TaskDefinition* const definition_;
  const TrainingSettings settings_;
  const TrainingRunOptions options_;
  Communicator* const communicator_;
  Progress* const progress_;
  const Clock& clock_;

  LearningRateSchedule schedule_;  // completed by the length of the data
  std::unique_ptr<TrainingTask> task_;
  std::unique_ptr<MetricsLog> metrics_;  // rank 0's

  RunState state_;
  int signal_ = 0;
  bool save_is_due_ = false;
  int64_t saved_step_ = -1;  // of the checkpoint on disk; -1: none
  Speedometer speed_;
  absl::Time last_saved_;
  absl::Time last_figure_ = absl::InfinitePast();
  absl::Time last_counted_;
  bool figure_failed_ = false;
};

}  // namespace

absl::StatusOr<TrainingOutcome> RunTraining(TaskDefinition* definition,
                                            const TrainingRunOptions& options,
                                            Progress* progress,
                                            const Clock& clock) {
  return TrainingRun(definition, options, progress, clock).Run();
}

}  // namespace carousel
