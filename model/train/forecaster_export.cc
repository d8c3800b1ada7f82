// SPDX-License-Identifier: Apache-2.0
#include "model/train/forecaster_export.h"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/stored_weights.h"
#include "model/bundle/writer.h"
#include "model/tasks/forecast_residuals.h"
#include "model/train/bundle_path.h"
#include "model/train/export_parts.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::ordered_json;

ordered_json Figures(const RunState& state) {
  return ordered_json::parse(state.best_figures, nullptr,
                             /*allow_exceptions=*/false);
}

// Forecasts that lie within the dev part.
int64_t DevForecasts(const ForecasterExport& bundle) {
  return bundle.data.dev_rows - bundle.config.sizes.horizon + 1;
}

// Of the network whose weights are stored; nothing if dev is too short.
absl::StatusOr<std::optional<MeasuredResiduals>> MeasureOnDev(
    const ForecasterExport& bundle, absl::Span<const Tensor> weights) {
  if (DevForecasts(bundle) < kLeastForecasts) return std::nullopt;
  const BundleSettings& settings = bundle.config.bundle;
  ASSIGN_OR_RETURN(
      const auto network,
      Forecaster::Create(bundle.config.sizes,
                         ToStoredTypes(weights, settings.stored_type)));
  const PreparedSeries& data = bundle.data;
  const auto end =
      static_cast<size_t>(data.train_rows + data.dev_rows) * data.scales.size();
  return MeasureResiduals(*network, absl::MakeConstSpan(data.values).first(end),
                          {.first_row = data.train_rows});
}

std::string TrainingRecord(const ForecasterExport& bundle,
                           const std::optional<MeasuredResiduals>& residuals) {
  const RunState& state = bundle.state;
  ordered_json record =
      BeginRecord(SeriesRecord(bundle.config, bundle.data),
                  bundle.config.training.trainer.seed, state, bundle.epochs);
  record["seconds"] = std::round(state.seconds);
  if (bundle.data.dev_rows > 0) {
    record["best_step"] = state.best_step;
    record["dev"] = Figures(state);
  }
  if (residuals.has_value()) {
    record["residual_quantiles"] = {{"forecasts", residuals->forecasts}};
  }
  record["config"] = ConfigForRecord(SerialiseForecasterConfig(bundle.config));
  return record.dump();
}

std::string SizesText(const ForecasterSizes& sizes) {
  return absl::StrFormat(
      "%s, %d layers of %d%s; reads %d steps of %d series%s and forecasts %d, "
      "%s.",
      CellName(sizes.rnn.cell), sizes.rnn.layers, sizes.rnn.hidden,
      sizes.rnn.bidirectional ? " in both directions" : "", sizes.window,
      sizes.series(),
      sizes.subtract_last ? ", less the last value of each," : "",
      sizes.horizon,
      sizes.mode == ForecastMode::kDirect ? "all at once"
                                          : "one from the other");
}

std::string FiguresText(const ForecasterExport& bundle) {
  const RunState& state = bundle.state;
  std::string text =
      absl::StrFormat("Trained for %.2f epochs, %d steps, in %.1f minutes.",
                      bundle.epochs, state.step, state.seconds / 60);
  if (bundle.data.dev_rows == 0) return text;
  const ordered_json figures = Figures(state);
  return absl::StrFormat(
      "%s On the %d dev rows, over all %d steps of the horizon and in standard "
      "deviations of the training part: mean squared error **%.4f**, mean "
      "absolute error %.4f (step %d).",
      text, bundle.data.dev_rows, bundle.config.sizes.horizon,
      figures.value("mse", 0.0), figures.value("mae", 0.0), state.best_step);
}

std::string QuantilesSection(
    const std::optional<MeasuredResiduals>& residuals) {
  if (!residuals.has_value()) {
    return "## Quantiles\n\nHow sure it is was not measured (the dev part is "
           "too short): there are no quantiles.\n";
  }
  return absl::StrFormat(
      "## Quantiles\n\nThose of the errors of %d forecasts on the dev part, "
      "for "
      "each step and series by\nitself: an interval is as wide as errors were "
      "at that distance, whatever the window says.\n",
      residuals->forecasts);
}

std::string ModelCard(const ForecasterExport& bundle,
                      const std::optional<MeasuredResiduals>& residuals) {
  const ForecasterConfig& config = bundle.config;
  std::string series =
      "| series | mean | standard deviation |\n|---|---|---|\n";
  for (const SeriesScale& scale : bundle.data.scales) {
    absl::StrAppendFormat(&series, "| %s | %g | %g |\n", scale.name, scale.mean,
                          scale.standard_deviation);
  }
  const std::string card =
      WriteCard({.directory = bundle.directory,
                 .settings = config.bundle,
                 .otherwise = "A forecaster: it continues the series below.",
                 .model = SizesText(config.sizes),
                 .figures = FiguresText(bundle),
                 .data = absl::StrFormat(
                     "`%s` (SHA-256 `%.12s...`): trained on the "
                     "first %d of %d rows.\n\n%s",
                     config.file, bundle.data.sha256, bundle.data.train_rows,
                     bundle.data.rows, series),
                 .left_out = "",
                 .use = "A forecast is the expected course. It holds for "
                        "series that go on as the training part did.\n"});
  return WithCardSection(card, QuantilesSection(residuals));
}

}  // namespace

std::string SeriesRecord(const ForecasterConfig& config,
                         const PreparedSeries& data) {
  ordered_json columns = ordered_json::array();
  for (const SeriesScale& scale : data.scales) columns.push_back(scale.name);
  return ordered_json({{"file", config.file},
                       {"sha256", data.sha256},
                       {"columns", std::move(columns)},
                       {"rows", data.rows},
                       {"train_rows", data.train_rows},
                       {"dev_rows", data.dev_rows}})
             .dump(2) +
         "\n";
}

absl::Status ExportForecaster(const ForecasterExport& bundle) {
  const ForecasterConfig& config = bundle.config;
  BundleContent content;
  content.manifest.model = ForecasterManifest{.sizes = config.sizes,
                                              .series = bundle.data.scales,
                                              .interval = bundle.data.interval,
                                              .self_test = {}};
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   WeightSpecs(config.sizes));
  ASSIGN_OR_RETURN(content.weights,
                   ReadWeightsInOrder(bundle.weights_path, specs));
  content.stored_type = config.bundle.stored_type;
  ASSIGN_OR_RETURN(const std::optional<MeasuredResiduals> residuals,
                   MeasureOnDev(bundle, content.weights));
  if (residuals.has_value()) content.quantiles = residuals->quantiles;
  content.manifest.training = TrainingRecord(bundle, residuals);
  content.card = ModelCard(bundle, residuals);
  content.self_test_windows = {
      WaveWindow(bundle.data.scales, config.sizes.window)};
  return WriteBundle(CanonicalBundlePath(bundle.directory), content);
}

}  // namespace carousel
