// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_task.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/classifier_data.h"
#include "model/train/classifier_export.h"
#include "model/train/classifier_init.h"
#include "model/train/classifier_networks.h"
#include "model/train/example_parts.h"
#include "model/train/initial_model.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

ClassifierSizes SizesOf(const ClassifierConfig& config,
                        const ClassifierData& data) {
  return config.SizesFor(data.tokenizer->vocabulary().size(),
                         static_cast<int>(data.labels.size()));
}

class ClassifierTask : public TrainingTask {
 public:
  ClassifierTask(ClassifierConfig config, ClassifierData data,
                 Precision precision, std::unique_ptr<Trainer> trainer,
                 Communicator* communicator)
      : config_(std::move(config)),
        data_(std::move(data)),
        sizes_(SizesOf(config_, data_)),
        communicator_(communicator),
        trainer_(std::move(trainer)),
        networks_(sizes_, config_.network, precision),
        parts_(data_.train, StreamOptions(), config_.training.accumulate,
               *communicator_) {}

  int64_t steps_per_epoch() const override {
    return parts_.batches_per_epoch();
  }
  absl::string_view unit() const override { return "texts"; }
  bool has_dev() const override { return data_.dev != nullptr; }

  absl::StatusOr<TrainingStepFigures> Step(float learning_rate) override {
    Unfreeze();
    return trainer_->Step(parts_.NextPasses(&networks_), learning_rate);
  }

  absl::StatusOr<std::optional<DevFigures>> Evaluate(
      const std::function<bool(double done)>& on_progress) override {
    const std::vector<const float*> weights = trainer_->WeightPointers();
    double sums[3] = {0, 0, 0};  // of losses, texts, right labels
    const auto measure = [&](const ExampleBatch& batch) -> absl::Status {
      ASSIGN_OR_RETURN(const ClassifierFigures figures,
                       networks_.Loss(weights, batch));
      sums[0] += figures.loss;
      sums[1] += static_cast<double>(figures.texts);
      sums[2] += static_cast<double>(figures.correct);
      return absl::OkStatus();
    };
    ASSIGN_OR_RETURN(const bool whole,
                     ForEachDevBatch(data_.dev, StreamOptions(), *communicator_,
                                     on_progress, measure));
    if (!whole) return std::optional<DevFigures>();
    RETURN_IF_ERROR(communicator_->AllReduceSum(absl::MakeSpan(sums)));
    const double texts = std::max(1.0, sums[1]);
    return std::make_optional(DevFigures{
        .loss = sums[0] / texts, .others = {{"accuracy", sums[2] / texts}}});
  }

  void StartAveraging() override { trainer_->StartAveraging(); }

  std::string Position() const override { return parts_.Position(); }
  absl::Status Seek(absl::string_view position) override {
    return parts_.Seek(position);
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
    return ExportClassifier({.config = config_,
                             .data = data_,
                             .sizes = sizes_,
                             .state = state,
                             .weights_path = weights_path,
                             .epochs = static_cast<double>(state.step) /
                                       static_cast<double>(steps_per_epoch()),
                             .directory = bundle_directory});
  }

 private:
  ExampleStreamOptions StreamOptions() const {
    return {.labels = true,
            .rows = config_.rows,
            .tokens = config_.tokens,
            .max_source = config_.longest + 1,  // with <eos>
            .max_buckets = config_.max_buckets,
            .seed = config_.training.trainer.seed};
  }

  // What learns depends on the epoch alone, so that a resumed run goes on
  // alike.
  void Unfreeze() {
    const int64_t epoch = parts_.epoch();
    if (config_.unfreeze_every_epochs == 0 || epoch == unfrozen_epoch_) return;
    unfrozen_epoch_ = epoch;
    trainer_->SetTrainable([&](absl::string_view name) {
      return LearnsInEpoch(name, sizes_.rnn.layers,
                           config_.unfreeze_every_epochs, epoch);
    });
  }

  const ClassifierConfig config_;
  const ClassifierData data_;
  const ClassifierSizes sizes_;
  Communicator* const communicator_;
  const std::unique_ptr<Trainer> trainer_;
  ClassifierNetworks networks_;
  ExampleParts parts_;
  int64_t unfrozen_epoch_ = -1;
};

absl::StatusOr<std::unique_ptr<TrainingTask>> MakeTask(
    const ClassifierConfig& config, ClassifierData data,
    const TaskContext& context) {
  ASSIGN_OR_RETURN(std::vector<WeightSpec> specs,
                   WeightSpecs(SizesOf(config, data)));
  ASSIGN_OR_RETURN(auto trainer,
                   Trainer::Create(std::move(specs), config.training.trainer,
                                   context.communicator));
  if (!config.init.empty() && !context.has_checkpoint) {
    ASSIGN_OR_RETURN(const auto start, Safetensors::Open(JoinPath(
                                           context.run_directory, kStartFile)));
    RETURN_IF_ERROR(trainer->SetNamedWeights(start->tensors()));
  }
  context.note(absl::StrCat(data.train->size(), " texts an epoch"));
  return std::make_unique<ClassifierTask>(
      config, std::move(data),
      UsablePrecision(config.training.precision, context.note),
      std::move(trainer), context.communicator);
}

}  // namespace

ClassifierDefinition::ClassifierDefinition(ClassifierConfig config)
    : config_(std::move(config)) {}

const TrainingSettings& ClassifierDefinition::settings() const {
  return config_.training;
}

std::string ClassifierDefinition::SerialisedConfig() const {
  return SerialiseClassifierConfig(config_);
}

absl::Status ClassifierDefinition::CheckCanResume(
    absl::string_view before) const {
  ASSIGN_OR_RETURN(const ClassifierConfig config,
                   ParseClassifierConfig(before));
  return carousel::CheckCanResume(config, config_);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> ClassifierDefinition::Begin(
    const TaskContext& context) {
  std::optional<Tokenizer> tokenizer;
  if (!config_.init.empty()) {
    ASSIGN_OR_RETURN(LanguageModelStart start, LoadLanguageModelStart(config_));
    RETURN_IF_ERROR(WriteSafetensors(
        JoinPath(context.run_directory, kStartFile), start.weights));
    tokenizer = std::move(start.tokenizer);
    context.note(absl::StrCat("starting from ", config_.init));
  }
  ASSIGN_OR_RETURN(ClassifierData data,
                   PrepareClassifierData(
                       config_, tokenizer.has_value() ? &*tokenizer : nullptr,
                       context.run_directory, context.note));
  return MakeTask(config_, std::move(data), context);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> ClassifierDefinition::Resume(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(ClassifierData data,
                   LoadClassifierData(config_, context.run_directory));
  return MakeTask(config_, std::move(data), context);
}

}  // namespace carousel
