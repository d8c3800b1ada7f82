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
#include "model/train/example_stream.h"
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
                           .precision = precision}) {
    // A stream for each part of a batch: they go along together, each handing
    // out rows of its own.
    ExampleStreamOptions options = StreamOptions(config_);
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
  bool has_perplexity() const override { return true; }
  bool has_dev() const override { return data_.dev != nullptr; }

  absl::StatusOr<TrainingStepFigures> Step(float learning_rate) override {
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
    ExampleStreamOptions options = StreamOptions(config_);
    options.training = false;
    options.part = communicator_->rank();
    options.parts = communicator_->size();
    ExampleStream stream(data_.dev, options);
    const std::vector<const float*> weights = trainer_->WeightPointers();
    ExampleBatch batch;
    double sums[3] = {0, 0, 0};  // of losses, their number, BLEU
    for (int64_t i = 0; stream.Next(&batch); ++i) {
      BatchLoss loss;
      if (batch.rows > 0) {
        ASSIGN_OR_RETURN(loss, networks_.Loss(weights, batch));
      }
      sums[0] += loss.loss;
      sums[1] += static_cast<double>(loss.targets);
      const double done = static_cast<double>(i + 1) /
                          static_cast<double>(stream.batches_per_epoch());
      if (!on_progress(done)) return std::optional<DevFigures>();
    }
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
  std::vector<std::unique_ptr<ExampleStream>> streams_;
  std::vector<ExampleBatch> batches_;  // of the streams, in a step
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
