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
#include "model/train/example_stream.h"
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
        networks_(sizes_, config_.network, precision) {
    // A stream for each part of a batch: they go along together, each handing
    // out rows of its own.
    ExampleStreamOptions options = StreamOptions();
    const int each = config_.training.accumulate;
    options.parts = communicator->size() * each;
    for (int i = 0; i < each; ++i) {
      options.part = communicator->rank() * each + i;
      streams_.push_back(std::make_unique<ExampleStream>(data_.train, options));
    }
    batches_.resize(streams_.size());
  }

  int64_t steps_per_epoch() const override {
    return streams_[0]->batches_per_epoch();
  }
  absl::string_view unit() const override { return "texts"; }
  bool has_dev() const override { return data_.dev != nullptr; }

  absl::StatusOr<TrainingStepFigures> Step(float learning_rate) override {
    Unfreeze();
    std::vector<Pass> passes;
    for (size_t i = 0; i < streams_.size(); ++i) {
      streams_[i]->Next(&batches_[i]);
      if (batches_[i].rows == 0) continue;
      passes.push_back([this, i](absl::Span<const float* const> weights,
                                 absl::Span<float* const> gradients,
                                 DropoutKey key) {
        return networks_.LossAndGradient(weights, gradients, key, batches_[i]);
      });
    }
    return trainer_->Step(passes, learning_rate);
  }

  absl::StatusOr<std::optional<DevFigures>> Evaluate(
      const std::function<bool(double done)>& on_progress) override {
    ExampleStreamOptions options = StreamOptions();
    options.training = false;
    options.part = communicator_->rank();
    options.parts = communicator_->size();
    ExampleStream stream(data_.dev, options);
    const std::vector<const float*> weights = trainer_->WeightPointers();
    ExampleBatch batch;
    double sums[3] = {0, 0, 0};  // of losses, texts, right labels
    for (int64_t i = 0; stream.Next(&batch); ++i) {
      ClassifierFigures figures;
      if (batch.rows > 0) {
        ASSIGN_OR_RETURN(figures, networks_.Loss(weights, batch));
      }
      sums[0] += figures.loss;
      sums[1] += static_cast<double>(figures.texts);
      sums[2] += static_cast<double>(figures.correct);
      const double done = static_cast<double>(i + 1) /
                          static_cast<double>(stream.batches_per_epoch());
      if (!on_progress(done)) return std::optional<DevFigures>();
    }
    RETURN_IF_ERROR(communicator_->AllReduceSum(absl::MakeSpan(sums)));
    const double texts = std::max(1.0, sums[1]);
    return std::make_optional(DevFigures{
        .loss = sums[0] / texts, .others = {{"accuracy", sums[2] / texts}}});
  }

  void StartAveraging() override { trainer_->StartAveraging(); }

  std::string Position() const override { return streams_[0]->Position(); }
  absl::Status Seek(absl::string_view position) override {
    for (const auto& stream : streams_) RETURN_IF_ERROR(stream->Seek(position));
    return absl::OkStatus();
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
    const int64_t epoch = streams_[0]->epoch();
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
  std::vector<std::unique_ptr<ExampleStream>> streams_;
  std::vector<ExampleBatch> batches_;  // of the streams, in a step
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
