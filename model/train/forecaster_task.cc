// SPDX-License-Identifier: Apache-2.0
#include "model/train/forecaster_task.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/series_scale.h"
#include "model/tasks/forecasting.h"
#include "model/text/normalise.h"
#include "model/train/data_files.h"
#include "model/train/forecaster_export.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

constexpr char kDataFile[] = "data.json";

class ForecasterTask : public TrainingTask {
 public:
  ForecasterTask(ForecasterConfig config, PreparedSeries data,
                 std::unique_ptr<Trainer> trainer, Communicator* communicator)
      : config_(std::move(config)),
        data_(std::move(data)),
        trainer_(std::move(trainer)),
        communicator_(communicator),
        windows_(data_.train_windows(config_.sizes), config_.rows,
                 config_.training.trainer.seed) {}

  int64_t steps_per_epoch() const override {
    return windows_.batches_per_epoch();
  }
  absl::string_view unit() const override { return "values"; }
  bool has_dev() const override { return data_.dev_rows > 0; }

  // This rank's rows of the batch, in as many parts as are asked for.
  absl::StatusOr<TrainingStepFigures> Step(float learning_rate) override {
    const std::vector<int64_t> batch = windows_.Next();
    const RowSlice slice = communicator_->Slice(config_.rows);
    const int parts = config_.training.accumulate;
    std::vector<Pass> passes;
    for (int part = 0; part < parts; ++part) {
      const int first = slice.first + slice.count * part / parts;
      const int end = slice.first + slice.count * (part + 1) / parts;
      if (first == end) continue;
      const auto rows = absl::MakeConstSpan(batch).subspan(
          static_cast<size_t>(first), static_cast<size_t>(end - first));
      passes.push_back([this, rows, first](
                           absl::Span<const float* const> weights,
                           absl::Span<float* const> gradients, DropoutKey key) {
        key.first_row = first;
        key.local_rows = static_cast<int64_t>(rows.size());
        key.global_rows = config_.rows;
        return Learn(rows, weights, gradients, key);
      });
    }
    return trainer_->Step(passes, learning_rate);
  }

  // What is measured is what will be served.
  absl::StatusOr<std::optional<DevFigures>> Evaluate(
      const std::function<bool(double done)>& on_progress) override {
    ASSIGN_OR_RETURN(const auto network,
                     Forecaster::Create(config_.sizes, trainer_->Weights()));
    const auto end = static_cast<size_t>(data_.train_rows + data_.dev_rows) *
                     data_.scales.size();
    const auto errors =
        MeasureForecasts(*network, absl::MakeConstSpan(data_.values).first(end),
                         {.first_row = data_.train_rows,
                          .horizons = {config_.sizes.horizon},
                          .series = {},
                          .on_progress = on_progress});
    if (absl::IsCancelled(errors.status())) return std::optional<DevFigures>();
    if (!errors.ok()) return errors.status();
    const ForecastErrors& found = errors->front();
    const bool absolute = config_.network.loss == ForecastLoss::kAbsolute;
    return std::make_optional(
        DevFigures{.loss = absolute ? found.mae : found.mse,
                   .others = {{"mse", found.mse}, {"mae", found.mae}}});
  }

  void StartAveraging() override { trainer_->StartAveraging(); }

  std::string Position() const override {
    return absl::StrCat(windows_.batch());
  }
  absl::Status Seek(absl::string_view position) override {
    int64_t batch = 0;
    if (!absl::SimpleAtoi(position, &batch) || batch < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected the number of a batch, found \"", position, "\""));
    }
    windows_.Seek(batch);
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
    return ExportForecaster({.config = config_,
                             .data = data_,
                             .state = state,
                             .weights_path = weights_path,
                             .epochs = static_cast<double>(state.step) /
                                       static_cast<double>(steps_per_epoch()),
                             .directory = bundle_directory});
  }

 private:
  absl::StatusOr<BatchLoss> Learn(absl::Span<const int64_t> rows,
                                  absl::Span<const float* const> weights,
                                  absl::Span<float* const> gradients,
                                  const DropoutKey& key) {
    const auto series = static_cast<size_t>(config_.sizes.series());
    const auto window = static_cast<size_t>(config_.sizes.window) * series;
    const auto horizon = static_cast<size_t>(config_.sizes.horizon) * series;
    read_.clear();
    targets_.clear();
    for (int64_t row : rows) {
      const float* from =
          data_.values.data() + static_cast<size_t>(row) * series;
      read_.insert(read_.end(), from, from + window);
      targets_.insert(targets_.end(), from + window, from + window + horizon);
    }
    ASSIGN_OR_RETURN(ForecasterGrad * grad, GradFor(rows.size()));
    ASSIGN_OR_RETURN(
        const double loss,
        grad->LossAndGradient(weights, read_, targets_, key, gradients));
    return BatchLoss{.loss = loss,
                     .targets = static_cast<int64_t>(targets_.size())};
  }

  // Parts of a batch may differ by a row.
  absl::StatusOr<ForecasterGrad*> GradFor(size_t rows) {
    std::unique_ptr<ForecasterGrad>& grad = grads_[rows];
    if (grad == nullptr) {
      ASSIGN_OR_RETURN(
          grad, ForecasterGrad::Create(config_.sizes, static_cast<int>(rows),
                                       config_.network));
    }
    return grad.get();
  }

  const ForecasterConfig config_;  // completed by what the file says
  const PreparedSeries data_;
  const std::unique_ptr<Trainer> trainer_;
  Communicator* const communicator_;
  WindowStream windows_;
  std::map<size_t, std::unique_ptr<ForecasterGrad>> grads_;  // by rows
  std::vector<float> read_;                                  // (n, T, C)
  std::vector<float> targets_;                               // (n, K, C)
};

absl::StatusOr<PreparedSeries> PrepareSeries(const ForecasterConfig& config) {
  const std::string path = DataPath(config.data_directory, config.file);
  ASSIGN_OR_RETURN(const SeriesFile file, ReadSeriesFile(path, config.series));
  // Names go into a manifest.
  for (const std::string& column : file.columns) {
    const absl::Status status = ValidateUtf8(column);
    if (!status.ok()) return Annotate(status, absl::StrCat(path, ":1"));
  }
  PreparedSeries data;
  data.sha256 = file.sha256;
  data.interval = file.step;
  data.rows = file.rows;
  data.dev_rows = config.dev_rows;
  data.train_rows =
      config.train_rows > 0 ? config.train_rows : file.rows - config.dev_rows;
  if (data.train_windows(config.sizes) < 1 ||
      data.train_rows + data.dev_rows > file.rows) {
    const int64_t least =
        std::max<int64_t>(config.train_rows,
                          config.sizes.window + config.sizes.horizon) +
        config.dev_rows;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": too short: expected at least ", least,
        " rows, for a window, a horizon and data.dev_rows or as many as "
        "data.train_rows says, found ",
        data.train_windows(config.sizes) < 1 ? data.train_rows + data.dev_rows
                                             : file.rows));
  }
  data.scales = MeasureScales(file, data.train_rows);
  data.values = Normalise(data.scales, file.values);
  return data;
}

absl::StatusOr<std::unique_ptr<TrainingTask>> MakeTask(
    ForecasterConfig config, PreparedSeries data, const TaskContext& context) {
  config.sizes.rnn.inputs = static_cast<int>(data.scales.size());
  config.network.precision =
      UsablePrecision(config.training.precision, context.note);
  ASSIGN_OR_RETURN(std::vector<WeightSpec> specs, WeightSpecs(config.sizes));
  ASSIGN_OR_RETURN(auto trainer,
                   Trainer::Create(std::move(specs), config.training.trainer,
                                   context.communicator));
  context.note(absl::StrCat(data.train_windows(config.sizes),
                            " windows an epoch, of ", data.scales.size(),
                            " series"));
  return std::make_unique<ForecasterTask>(std::move(config), std::move(data),
                                          std::move(trainer),
                                          context.communicator);
}

}  // namespace

ForecasterDefinition::ForecasterDefinition(ForecasterConfig config)
    : config_(std::move(config)) {}

const TrainingSettings& ForecasterDefinition::settings() const {
  return config_.training;
}

std::string ForecasterDefinition::SerialisedConfig() const {
  return SerialiseForecasterConfig(config_);
}

absl::Status ForecasterDefinition::CheckCanResume(
    absl::string_view before) const {
  ASSIGN_OR_RETURN(const ForecasterConfig config,
                   ParseForecasterConfig(before));
  return carousel::CheckCanResume(config, config_);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> ForecasterDefinition::Begin(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(PreparedSeries data, PrepareSeries(config_));
  RETURN_IF_ERROR(WriteFileAtomically(
      JoinPath(context.run_directory, kDataFile), SeriesRecord(config_, data)));
  return MakeTask(config_, std::move(data), context);
}

absl::StatusOr<std::unique_ptr<TrainingTask>> ForecasterDefinition::Resume(
    const TaskContext& context) {
  ASSIGN_OR_RETURN(PreparedSeries data, PrepareSeries(config_));
  ASSIGN_OR_RETURN(const std::string record,
                   ReadFile(JoinPath(context.run_directory, kDataFile)));
  if (record != SeriesRecord(config_, data)) {
    return absl::FailedPreconditionError(absl::StrCat(
        DataPath(config_.data_directory, config_.file),
        ": expected the file that the run began with, found another"));
  }
  return MakeTask(config_, std::move(data), context);
}

}  // namespace carousel
