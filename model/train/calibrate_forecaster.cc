// SPDX-License-Identifier: Apache-2.0
#include "model/train/calibrate_forecaster.h"

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/writer.h"
#include "model/train/export_parts.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::ordered_json;

ordered_json ToObject(const ForecasterCalibration& calibration) {
  return {{"forecasts", calibration.residuals.forecasts},
          {"levels", calibration.residuals.quantiles.levels.size()},
          {"file", calibration.file},
          {"sha256", calibration.sha256}};
}

std::string CardOf(const std::string& bundle,
                   const ForecasterCalibration& calibration) {
  const auto card = ReadFile(JoinPath(bundle, kCardFile));
  return WithCardSection(
      card.ok() ? *card : "",
      absl::StrFormat(
          "## Quantiles\n\nThose of the errors of %d forecasts on %s (SHA-256 "
          "`%.12s...`), for each step and series by\nitself.\n",
          calibration.residuals.forecasts, calibration.file,
          calibration.sha256));
}

absl::StatusOr<std::shared_ptr<const Model>> LoadForecaster(
    const std::string& bundle) {
  ASSIGN_OR_RETURN(std::shared_ptr<const Model> model, Model::Load(bundle));
  if (model->task() == Task::kForecaster) return model;
  return absl::InvalidArgumentError(
      absl::StrCat(bundle, ": expected a forecaster, found a \"",
                   TaskName(model->task()), "\""));
}

absl::StatusOr<std::vector<Tensor>> StoredWeights(
    const std::string& bundle, const ForecasterSizes& sizes) {
  ASSIGN_OR_RETURN(const auto file,
                   Safetensors::Open(JoinPath(bundle, kWeightsFile)));
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  return MatchWeights(file->tensors(), specs);
}

}  // namespace

std::string ForecasterCalibration::ToJson() const {
  return ToObject(*this).dump();
}

absl::StatusOr<ForecasterCalibration> MeasureForecasterCalibration(
    const CalibrateForecasterOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   LoadForecaster(options.bundle));
  const auto& scales = model->manifest().forecaster().series;
  SeriesFileOptions series = {.time_column = options.time_column,
                              .check_times = options.check_times};
  for (const SeriesScale& scale : scales) series.columns.push_back(scale.name);
  ASSIGN_OR_RETURN(const SeriesFile file, ReadSeriesFile(options.data, series));
  ForecasterCalibration calibration;
  ASSIGN_OR_RETURN(
      calibration.residuals,
      MeasureResiduals(
          *model->forecaster().network, Normalise(scales, file.values),
          {.first_row = options.first_row, .on_progress = [&](double done) {
             options.progress->Show(
                 absl::StrFormat("measured %.0f %%", done * 100));
             return true;
           }}));
  calibration.interval = file.step;
  calibration.file = std::filesystem::path(options.data).filename();
  calibration.sha256 = file.sha256;
  return calibration;
}

absl::Status WriteCalibratedForecaster(
    const CalibrateForecasterOptions& options,
    const ForecasterCalibration& calibration) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   LoadForecaster(options.bundle));
  BundleContent content;
  content.manifest = model->manifest();
  content.manifest.files.clear();
  auto& fields = std::get<ForecasterManifest>(content.manifest.model);
  ASSIGN_OR_RETURN(content.weights,
                   StoredWeights(options.bundle, fields.sizes));
  content.stored_type = content.weights.front().dtype();
  for (const auto& test : fields.self_test) {
    content.self_test_windows.push_back(test.window);
  }
  fields.self_test.clear();
  if (!fields.interval.has_value()) fields.interval = calibration.interval;
  ordered_json training = ordered_json::parse(content.manifest.training);
  training["residual_quantiles"] = ToObject(calibration);
  content.manifest.training = training.dump();
  content.quantiles = calibration.residuals.quantiles;
  content.card = CardOf(options.bundle, calibration);
  return WriteBundle(options.out, content);
}

}  // namespace carousel
