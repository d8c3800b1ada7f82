// SPDX-License-Identifier: Apache-2.0
#include "model/train/language_model_task.h"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/batch_stream.h"
#include "model/train/bundle_export.h"
#include "model/train/data_preparation.h"
#include "model/train/initial_model.h"
#include "model/train/language_model_trainer.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

class LanguageModelTask : public TrainingTask {
 public:
  LanguageModelTask(LanguageModelConfig config, PreparedData data,
                    std::unique_ptr<LanguageModelTrainer> trainer)
      : config_(std::move(config)),
        data_(std::move(data)),
        trainer_(std::move(trainer)),
        batches_(data_.train, {.context = config_.context,
                               .rows = config_.rows,
                               .steps = config_.steps,
                               .seed = config_.training.trainer.seed}) {}

  int64_t steps_per_epoch() const override {
    return batches_.batches_per_epoch();
  }
  bool has_perplexity() const override { return true; }
  bool has_dev() const override { return data_.dev != nullptr; }

  absl::StatusOr<TrainingStepFigures> Step(float learning_rate) override {
    batches_.Next(&batch_);
    return trainer_->Step(batch_, learning_rate);
  }

  // Every word and every end of a line counts. In `line` context the loss is
  // exact. In `stream` context the text is read in as many parts as there are
  // rows, each from a zero state, which comes out slightly worse than reading
  // it in one go (`carousel-train evaluate` does that).
  absl::StatusOr<std::optional<DevFigures>> Evaluate(
      const std::function<bool(double done)>& on_progress) override {
    BatchStream batches(data_.dev, {.context = config_.context,
                                    .rows = config_.rows,
                                    .steps = config_.steps,
                                    .training = false});
    LanguageModelTrainer::States states;
    LanguageModelBatch batch;
    double loss = 0;
    double tokens = 0;
    while (batches.Next(&batch)) {
      ASSIGN_OR_RETURN(const TrainingStepFigures figures,
                       trainer_->Loss(batch, &states));
      loss += figures.loss * static_cast<double>(figures.targets);
      tokens += static_cast<double>(figures.targets);
      const auto all = static_cast<double>(data_.dev->tokens().size());
      if (!on_progress(tokens / all)) return std::optional<DevFigures>();
    }
    return std::make_optional(
        DevFigures{.loss = loss / tokens,
                   .others = {{"perplexity", std::exp(loss / tokens)}}});
  }

  void StartAveraging() override { trainer_->StartAveraging(); }

  std::string Position() const override { return batches_.Position(); }
  absl::Status Seek(absl::string_view position) override {
    return batches_.Seek(position);
  }

  absl::StatusOr<std::vector<NamedTensor>> Checkpoint() override {
    return trainer_->Checkpoint();
  }
  absl::Status Restore(absl::Span<const NamedTensor> checkpoint) override {
    return trainer_->Restore(checkpoint);
  }
  std::vector<NamedTensor> Weights() const override {
    return trainer_->NamedWeights();
  }

  absl::Status Export(const std::string& weights_path, const RunState& state,
                      const std::string& bundle_directory) override {
    return ExportBundle({.config = config_,
                         .data = data_,
                         .state = state,
                         .weights_path = weights_path,
                         .epochs = static_cast<double>(state.step) /
                                   static_cast<double>(steps_per_epoch()),
                         .directory = bundle_directory});
  }

 private:
  const LanguageModelConfig config_;  // completed by what the text says
  const PreparedData data_;
  const std::unique_ptr<LanguageModelTrainer> trainer_;
  BatchStream batches_;
  LanguageModelBatch batch_;
};

// The model that the run begins with, if one is named.
absl::StatusOr<std::optional<InitialModel>> LoadInitial(
    const LanguageModelConfig& config) {
  if (config.init.empty()) return std::optional<InitialModel>();
  ASSIGN_OR_RETURN(InitialModel initial,
                   LoadInitialModel(config.init, Task::kLanguageModel));
  const LanguageModelManifest& manifest =
      initial.model->manifest().language_model();
  LanguageModelSizes sizes = config.sizes;
  sizes.vocabulary = manifest.sizes.vocabulary;
  if (sizes != manifest.sizes || config.tokenizer != manifest.tokenizer) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting model.init: ", config.init,
        ": text.tokenizer and the sizes in \"model\" must be the bundle's"));
  }
  return std::make_optional(std::move(initial));
}

absl::StatusOr<std::unique_ptr<TrainingTask>> MakeTask(
    LanguageModelConfig config, PreparedData data, const TaskContext& context) {
  config.sizes.vocabulary = data.tokenizer->vocabulary().size();
  const auto tokens = static_cast<int64_t>(data.train->tokens().size());
  if (tokens < int64_t{config.rows} * config.steps) {
    return absl::InvalidArgumentError(
        absl::StrCat("data.train: too little text: one batch takes ",
                     config.rows, " rows of ", config.steps,
                     " tokens, the text has ", tokens, " tokens"));
  }
  const Precision precision =
      UsablePrecision(config.training.precision, context.note);
  ASSIGN_OR_RETURN(auto trainer, LanguageModelTrainer::Create(
                                     {.sizes = config.sizes,
                                      .rows = config.rows,
                                      .steps = config.steps,
                                      .accumulate = config.training.accumulate,
                                      .dropout = config.dropout,
                                      .precision = precision,
                                      .label_smoothing = config.label_smoothing,
                                      .trainer = config.training.trainer},
                                     context.communicator));
  if (!config.init.empty() && !context.has_checkpoint) {
    ASSIGN_OR_RETURN(const auto start, Safetensors::Open(JoinPath(
                                           context.run_directory, kStartFile)));
    RETURN_IF_ERROR(trainer->SetNamedWeights(start->tensors()));
  }
  context.note(absl::StrCat(tokens, " tokens an epoch"));
  return std::make_unique<LanguageModelTask>(std::move(config), std::move(data),
                                             std::move(trainer));
}

}  // namespace

LanguageModelDefinition::LanguageModelDefinition(LanguageModelConfig config)
    : config_(std::move(config)) {}

const TrainingSettings& LanguageModelDefinition::settings() const {
  return config_.training;
}

std::string LanguageModelDefinition::SerialisedConfig() const {
  return SerialiseLanguageModelConfig(config_);
}

absl::Status LanguageModelDefinition::CheckCanResume(
    absl::string_view before) const {
  ASSIGN_OR_RETURN(const LanguageModelConfig config,
                   ParseLanguageModelConfig(before));
  return carousel::CheckCanResume(config, config_);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> LanguageModelDefinition::Begin(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(const std::optional<InitialModel> initial,
                   LoadInitial(config_));
  if (initial.has_value()) {
    RETURN_IF_ERROR(WriteSafetensors(
        JoinPath(context.run_directory, kStartFile), initial->weights));
  }
  ASSIGN_OR_RETURN(
      PreparedData data,
      PrepareData(
          config_, context.run_directory, context.note,
          initial.has_value() ? &initial->model->tokenizer() : nullptr));
  return MakeTask(config_, std::move(data), context);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> LanguageModelDefinition::Resume(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(PreparedData data,
                   LoadPreparedData(config_, context.run_directory));
  return MakeTask(config_, std::move(data), context);
}

}  // namespace carousel
