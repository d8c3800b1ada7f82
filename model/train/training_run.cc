// SPDX-License-Identifier: Apache-2.0
#include "model/train/training_run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/batch_stream.h"
#include "model/train/bundle_export.h"
#include "model/train/data_preparation.h"
#include "model/train/dev_loss.h"
#include "model/train/metrics_log.h"
#include "model/train/run_checkpoint.h"
#include "model/train/run_report.h"
#include "model/train/speedometer.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

namespace fs = std::filesystem;

// Drawing takes about a second.
constexpr absl::Duration kFigureInterval = absl::Minutes(1);

// The outermost of the directories that `path` still lacks; empty: none.
fs::path FirstMissing(const std::string& path) {
  std::error_code error;
  fs::path missing;
  for (fs::path p = fs::absolute(path, error).lexically_normal();
       p.has_relative_path() && !fs::exists(p, error); p = p.parent_path()) {
    missing = p;
  }
  return missing;
}

class LanguageModelRun {
 public:
  LanguageModelRun(const LanguageModelConfig& config,
                   const TrainingRunOptions& options, Progress* progress,
                   const Clock& clock)
      : config_(config),
        options_(options),
        progress_(progress),
        clock_(clock),
        speed_(clock) {}

  absl::StatusOr<TrainingOutcome> Run() {
    RETURN_IF_ERROR(CheckBundlePath(options_.bundle_directory));
    RETURN_IF_ERROR(Start());
    last_saved_ = clock_.Now();
    last_counted_ = last_saved_;
    ASSIGN_OR_RETURN(const int stopped_by, Loop());
    RETURN_IF_ERROR(Save());
    if (stopped_by != 0) return TrainingOutcome{.stopped_by = stopped_by};
    RETURN_IF_ERROR(Finish());
    return TrainingOutcome{};
  }

 private:
  std::string PathOf(absl::string_view name) const {
    return JoinPath(options_.run_directory, name);
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
      RETURN_IF_ERROR(BeginInNewFolder());
    }
    ASSIGN_OR_RETURN(metrics_,
                     MetricsLog::Open(PathOf("metrics.jsonl"), state_.step));
    return WriteFileAtomically(PathOf("config.json"),
                               SerialiseLanguageModelConfig(config_) + "\n");
  }

  // Leaves no folder behind for a run that cannot begin.
  absl::Status BeginInNewFolder() {
    const fs::path made = FirstMissing(options_.run_directory);
    RETURN_IF_ERROR(MakeDirectories(options_.run_directory));
    const absl::Status status = Begin();
    if (!status.ok() && !made.empty()) {
      std::error_code ignored;
      fs::remove_all(made, ignored);
    }
    return status;
  }

  absl::Status Begin() {
    ASSIGN_OR_RETURN(data_, PrepareData(config_, options_.run_directory,
                                        [this](absl::string_view line) {
                                          progress_->Note(line);
                                        }));
    return MakeTrainer();
  }

  absl::Status Resume(RunCheckpoint checkpoint) {
    ASSIGN_OR_RETURN(const LanguageModelConfig before,
                     ParseLanguageModelConfig(checkpoint.config));
    RETURN_IF_ERROR(CheckCanResume(before, config_));
    ASSIGN_OR_RETURN(data_, LoadPreparedData(config_, options_.run_directory));
    RETURN_IF_ERROR(MakeTrainer());
    RETURN_IF_ERROR(trainer_->Restore(checkpoint.tensors->tensors()));
    state_ = std::move(checkpoint.state);
    RETURN_IF_ERROR(batches_->Seek(state_.batches));
    progress_->Note(absl::StrCat("resumed after step ", state_.step));
    return absl::OkStatus();
  }

  absl::Status MakeTrainer() {
    config_.trainer.sizes.vocabulary = data_.tokenizer->vocabulary().size();
    const LanguageModelTrainerOptions& t = config_.trainer;
    const auto tokens = static_cast<int64_t>(data_.train->tokens().size());
    if (tokens < int64_t{t.rows} * t.steps) {
      return absl::InvalidArgumentError(absl::StrCat(
          "data.train: too little text: one batch takes ", t.rows, " rows of ",
          t.steps, " tokens, the text has ", tokens, " tokens"));
    }
    ASSIGN_OR_RETURN(trainer_, LanguageModelTrainer::Create(t));
    batches_ = std::make_unique<BatchStream>(
        data_.train, BatchStreamOptions{.context = config_.context,
                                        .rows = t.rows,
                                        .steps = t.steps,
                                        .seed = t.seed});
    LearningRateSchedule& schedule = config_.learning_rate;
    schedule.total_steps = std::numeric_limits<int64_t>::max();
    if (config_.epochs > 0) {
      schedule.total_steps = config_.epochs * batches_->batches_per_epoch();
    }
    if (config_.max_steps > 0) {
      schedule.total_steps = std::min(schedule.total_steps, config_.max_steps);
    }
    progress_->Note(absl::StrCat(
        tokens, " tokens an epoch, ", batches_->batches_per_epoch(),
        " steps an epoch, ", schedule.total_steps, " steps"));
    return absl::OkStatus();
  }

  // Until the run is done or told to stop; the signal, or 0.
  absl::StatusOr<int> Loop() {
    while (true) {
      if (EvaluationIsDue()) {
        ASSIGN_OR_RETURN(const bool whole, Evaluate());
        if (!whole) return StopSignal();
        RETURN_IF_ERROR(Save());
      }
      if (IsDone()) return 0;
      if (const int signal = StopSignal(); signal != 0) return signal;
      if (SaveIsDue()) RETURN_IF_ERROR(Save());
      RETURN_IF_ERROR(Step());
    }
  }

  int StopSignal() const {
    return options_.stop_signal ? options_.stop_signal() : 0;
  }

  bool StoppedEarly() const {
    return config_.patience > 0 &&
           state_.evaluations_without_better >= config_.patience;
  }

  bool IsDone() const {
    return state_.step >= config_.learning_rate.total_steps || StoppedEarly() ||
           (config_.max_minutes > 0 &&
            state_.seconds >= config_.max_minutes * 60);
  }

  bool EvaluationIsDue() const {
    if (data_.dev == nullptr || state_.evaluated_step == state_.step) {
      return false;
    }
    return IsDone() || (config_.evaluate_every_steps > 0 && state_.step > 0 &&
                        state_.step % config_.evaluate_every_steps == 0);
  }

  bool SaveIsDue() const {
    return config_.checkpoint_every_minutes > 0 &&
           clock_.Now() - last_saved_ >=
               absl::Minutes(config_.checkpoint_every_minutes);
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
    batches_->Next(&batch_);
    const float rate = LearningRateAt(config_.learning_rate, state_.step);
    ASSIGN_OR_RETURN(const TrainingStepFigures figures,
                     trainer_->Step(batch_, rate));
    ++state_.step;
    ++state_.interval_steps;
    state_.tokens += figures.targets;
    state_.interval_tokens += figures.targets;
    state_.interval_loss += figures.loss * static_cast<double>(figures.targets);
    state_.interval_gradient_norm += figures.gradient_norm;
    state_.interval_seconds += CountSeconds();
    speed_.Add(figures);
    if (progress_->due()) ShowProgress(rate);
    if (state_.step % config_.log_every_steps != 0) return absl::OkStatus();
    return LogInterval(rate);
  }

  double Epoch() const {
    return static_cast<double>(state_.step) /
           static_cast<double>(batches_->batches_per_epoch());
  }

  void ShowProgress(float rate) {
    const int64_t total = config_.learning_rate.total_steps;
    absl::Duration left = speed_.TimeFor(total - state_.step);
    if (config_.max_minutes > 0) {
      left = std::min(left, absl::Minutes(config_.max_minutes) -
                                absl::Seconds(state_.seconds));
    }
    progress_->Show(
        FormatTrainingProgress({.step = state_.step,
                                .total_steps = total,
                                .epoch = Epoch(),
                                .tokens_per_second = speed_.tokens_per_second(),
                                .loss = speed_.loss(),
                                .learning_rate = rate,
                                .left = left}));
  }

  absl::Status LogInterval(float rate) {
    const auto tokens = static_cast<double>(state_.interval_tokens);
    const double loss = state_.interval_loss / std::max(1.0, tokens);
    RETURN_IF_ERROR(metrics_->Write(
        {{"step", state_.step},
         {"epoch", Epoch()},
         {"tokens", state_.tokens},
         {"loss", loss},
         {"perplexity", std::exp(loss)},
         {"learning_rate", rate},
         {"gradient_norm", state_.interval_gradient_norm /
                               static_cast<double>(state_.interval_steps)},
         {"tokens_per_s", tokens / std::max(1e-9, state_.interval_seconds)},
         {"seconds", state_.seconds}}));
    state_.interval_steps = 0;
    state_.interval_tokens = 0;
    state_.interval_loss = 0;
    state_.interval_gradient_norm = 0;
    state_.interval_seconds = 0;
    return absl::OkStatus();
  }

  // Measures on dev and keeps the weights if they are the best. False if a
  // signal came in between; then nothing is changed.
  absl::StatusOr<bool> Evaluate() {
    ASSIGN_OR_RETURN(
        const std::optional<double> loss,
        DevLoss(trainer_.get(), config_, data_.dev, [this](double done) {
          progress_->Show(absl::StrCat("dev ", FormatBar(done, 20)));
          return StopSignal() == 0;
        }));
    if (!loss.has_value()) return false;
    const bool better = state_.best_step < 0 || *loss < state_.best_dev_loss;
    if (better) RETURN_IF_ERROR(SaveBest(*loss));
    state_.evaluations_without_better =
        better ? 0 : state_.evaluations_without_better + 1;
    state_.evaluated_step = state_.step;
    progress_->Note(absl::StrFormat("step %d: dev perplexity %.2f%s",
                                    state_.step, std::exp(*loss),
                                    better ? ", the best so far" : ""));
    if (StoppedEarly()) {
      progress_->Note(absl::StrCat("stops early: no better one in ",
                                   config_.patience, " evaluations"));
    }
    CountSeconds();
    RETURN_IF_ERROR(metrics_->Write({{"step", state_.step},
                                     {"dev_loss", *loss},
                                     {"dev_perplexity", std::exp(*loss)},
                                     {"seconds", state_.seconds}}));
    if (clock_.Now() - last_figure_ >= kFigureInterval) {
      DrawFigures(/*finished=*/false);
    }
    return true;
  }

  // A run is worth more than its figures: what goes wrong is said once.
  void DrawFigures(bool finished) {
    last_figure_ = clock_.Now();
    const absl::Status status =
        DrawRunFigures(options_.run_directory, finished);
    if (status.ok() || figure_failed_) return;
    figure_failed_ = true;
    progress_->Note(absl::StrCat("no figures: ", status.message()));
  }

  absl::Status SaveBest(double dev_loss) {
    ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                     WeightSpecs(config_.trainer.sizes));
    const std::vector<Tensor> weights = trainer_->Weights();
    std::vector<NamedTensor> named;
    for (size_t i = 0; i < specs.size(); ++i) {
      named.push_back({specs[i].name, weights[i]});
    }
    RETURN_IF_ERROR(WriteSafetensors(PathOf("best.safetensors"), named,
                                     {{"step", absl::StrCat(state_.step)}}));
    state_.best_step = state_.step;
    state_.best_dev_loss = dev_loss;
    return absl::OkStatus();
  }

  absl::Status Save() {
    CountSeconds();
    state_.batches = batches_->Position();
    last_saved_ = clock_.Now();
    return SaveRunCheckpoint(PathOf("checkpoint.safetensors"), *trainer_,
                             state_, SerialiseLanguageModelConfig(config_));
  }

  absl::Status Finish() {
    if (data_.dev == nullptr) RETURN_IF_ERROR(SaveBest(0));
    DrawFigures(/*finished=*/true);
    RETURN_IF_ERROR(ExportBundle({.config = config_,
                                  .data = data_,
                                  .state = state_,
                                  .weights_path = PathOf("best.safetensors"),
                                  .epochs = Epoch(),
                                  .directory = options_.bundle_directory}));
    progress_->Note(absl::StrCat("wrote ", options_.bundle_directory));
    return absl::OkStatus();
  }

  LanguageModelConfig config_;  // completed by what the text says
  const TrainingRunOptions options_;
  Progress* const progress_;
  const Clock& clock_;

  PreparedData data_;
  std::unique_ptr<LanguageModelTrainer> trainer_;
  std::unique_ptr<BatchStream> batches_;
  std::unique_ptr<MetricsLog> metrics_;
  LanguageModelBatch batch_;

  RunState state_;
  Speedometer speed_;
  absl::Time last_saved_;
  absl::Time last_figure_ = absl::InfinitePast();
  absl::Time last_counted_;
  bool figure_failed_ = false;
};

}  // namespace

absl::StatusOr<TrainingOutcome> TrainLanguageModel(
    const LanguageModelConfig& config, const TrainingRunOptions& options,
    Progress* progress, const Clock& clock) {
  return LanguageModelRun(config, options, progress, clock).Run();
}

}  // namespace carousel
