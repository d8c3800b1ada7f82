// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_task.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/tasks/translation_evaluation.h"
#include "model/train/example_parts.h"
#include "model/train/translator_data.h"
#include "model/train/translator_export.h"
#include "model/train/translator_networks.h"

namespace carousel {
namespace {

class TranslatorTask : public TrainingTask {
 public:
  TranslatorTask(TranslatorConfig config, TranslatorData data,
                 std::unique_ptr<Trainer> trainer, Communicator* communicator,
                 Precision precision)
      : config_(std::move(config)),
        data_(std::move(data)),
        sizes_(config_.SizesFor(data_.source->vocabulary().size(),
                                data_.target->vocabulary().size())),
        communicator_(communicator),
        trainer_(std::move(trainer)),
        networks_(sizes_, {.dropout = config_.dropout,
                           .label_smoothing = config_.label_smoothing,
                           .precision = precision}),
        parts_(data_.train, StreamOptions(config_), config_.training.accumulate,
               *communicator_) {}

  int64_t steps_per_epoch() const override {
    return parts_.batches_per_epoch();
  }
  bool has_perplexity() const override { return true; }
  bool has_dev() const override { return data_.dev != nullptr; }

  absl::StatusOr<TrainingStepFigures> Step(float learning_rate) override {
    return trainer_->Step(parts_.NextPasses(&networks_), learning_rate);
  }

  absl::StatusOr<std::optional<DevFigures>> Evaluate(
      const std::function<bool(double done)>& on_progress) override {
    const std::vector<const float*> weights = trainer_->WeightPointers();
    double sums[3] = {0, 0, 0};  // of losses, their number, BLEU
    const auto measure = [&](const ExampleBatch& batch) -> absl::Status {
      ASSIGN_OR_RETURN(const BatchLoss loss, networks_.Loss(weights, batch));
      sums[0] += loss.loss;
      sums[1] += static_cast<double>(loss.targets);
      return absl::OkStatus();
    };
    ASSIGN_OR_RETURN(const bool whole,
                     ForEachDevBatch(data_.dev, StreamOptions(config_),
                                     *communicator_, on_progress, measure));
    if (!whole) return std::optional<DevFigures>();
    if (communicator_->rank() == 0 && config_.bleu_texts > 0) {
      ASSIGN_OR_RETURN(sums[2], DevBleu());
    }
    RETURN_IF_ERROR(communicator_->AllReduceSum(absl::MakeSpan(sums)));
    DevFigures figures;
    figures.loss = sums[0] / std::max(1.0, sums[1]);
    figures.others.emplace_back("perplexity", std::exp(figures.loss));
    if (config_.bleu_texts > 0) figures.others.emplace_back("bleu", sums[2]);
    return std::make_optional(std::move(figures));
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
    return ExportTranslator({.config = config_,
                             .data = data_,
                             .sizes = sizes_,
                             .state = state,
                             .weights_path = weights_path,
                             .epochs = static_cast<double>(state.step) /
                                       static_cast<double>(steps_per_epoch()),
                             .directory = bundle_directory});
  }

 private:
  // BLEU of greedy translations of the first texts of dev, with the code that
  // serves.
  absl::StatusOr<double> DevBleu() const {
    ASSIGN_OR_RETURN(std::unique_ptr<const Translator> network,
                     Translator::Create(sizes_, trainer_->Weights()));
    const TranslatorParts parts = {.source_tokenizer = *data_.source,
                                   .target_tokenizer = *data_.target,
                                   .network = std::move(network)};
    const auto count = std::min(data_.dev_pairs.size(),
                                static_cast<size_t>(config_.bleu_texts));
    TranslationEvaluationOptions options = {
        .translation = {.beam_size = 1, .max_source = config_.max_source},
        .threads = omp_get_max_threads()};
    ASSIGN_OR_RETURN(
        const TranslationFigures figures,
        EvaluateTranslator(
            parts, absl::MakeConstSpan(data_.dev_pairs).subspan(0, count),
            options));
    return figures.bleu;
  }

  const TranslatorConfig config_;
  const TranslatorData data_;
  const TranslatorSizes sizes_;
  Communicator* const communicator_;
  const std::unique_ptr<Trainer> trainer_;
  TranslatorNetworks networks_;
  ExampleParts parts_;
};

absl::StatusOr<std::unique_ptr<TrainingTask>> MakeTask(
    const TranslatorConfig& config, TranslatorData data,
    const TaskContext& context) {
  const TranslatorSizes sizes = config.SizesFor(
      data.source->vocabulary().size(), data.target->vocabulary().size());
  ASSIGN_OR_RETURN(std::vector<WeightSpec> specs, WeightSpecs(sizes));
  ASSIGN_OR_RETURN(auto trainer,
                   Trainer::Create(std::move(specs), config.training.trainer,
                                   context.communicator));
  const int64_t too_long =
      ExampleStream::CountTooLong(*data.train, StreamOptions(config));
  context.note(absl::StrCat(data.train->size() - too_long, " pairs an epoch; ",
                            too_long, " left out, being too long"));
  return std::make_unique<TranslatorTask>(
      config, std::move(data), std::move(trainer), context.communicator,
      UsablePrecision(config.training.precision, context.note));
}

}  // namespace

TranslatorDefinition::TranslatorDefinition(TranslatorConfig config)
    : config_(std::move(config)) {}

const TrainingSettings& TranslatorDefinition::settings() const {
  return config_.training;
}

std::string TranslatorDefinition::SerialisedConfig() const {
  return SerialiseTranslatorConfig(config_);
}

absl::Status TranslatorDefinition::CheckCanResume(
    absl::string_view before) const {
  ASSIGN_OR_RETURN(const TranslatorConfig config,
                   ParseTranslatorConfig(before));
  return carousel::CheckCanResume(config, config_);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> TranslatorDefinition::Begin(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(
      TranslatorData data,
      PrepareTranslatorData(config_, context.run_directory, context.note));
  return MakeTask(config_, std::move(data), context);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> TranslatorDefinition::Resume(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(TranslatorData data,
                   LoadTranslatorData(config_, context.run_directory));
  return MakeTask(config_, std::move(data), context);
}

}  // namespace carousel
