// SPDX-License-Identifier: Apache-2.0
#include "model/train/forecaster_export.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/writer.h"
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

std::string TrainingRecord(const ForecasterExport& bundle) {
  const RunState& state = bundle.state;
  ordered_json record =
      BeginRecord(SeriesRecord(bundle.config, bundle.data),
                  bundle.config.training.trainer.seed, state, bundle.epochs);
  record["seconds"] = std::round(state.seconds);
  if (bundle.data.dev_rows > 0) {
    record["best_step"] = state.best_step;
    record["dev"] = Figures(state);
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

std::string ModelCard(const ForecasterExport& bundle) {
  const ForecasterConfig& config = bundle.config;
  std::string series =
      "| series | mean | standard deviation |\n|---|---|---|\n";
  for (const SeriesScale& scale : bundle.data.scales) {
    absl::StrAppendFormat(&series, "| %s | %g | %g |\n", scale.name, scale.mean,
                          scale.standard_deviation);
  }
  return WriteCard(
      {.directory = bundle.directory,
       .settings = config.bundle,
       .otherwise = "A forecaster: it continues the series below.",
       .model = SizesText(config.sizes),
       .figures = FiguresText(bundle),
       .data =
           absl::StrFormat("`%s` (SHA-256 `%.12s...`): trained on the "
                           "first %d of %d rows.\n\n%s",
                           config.file, bundle.data.sha256,
                           bundle.data.train_rows, bundle.data.rows, series),
       .left_out = "",
       .use = "A forecast is the most likely course and says nothing of how "
              "sure it is. It holds for series that\ngo on as the training "
              "part did.\n"});
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
  content.manifest.model = ForecasterManifest{
      .sizes = config.sizes, .series = bundle.data.scales, .self_test = {}};
  content.manifest.training = TrainingRecord(bundle);
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   WeightSpecs(config.sizes));
  ASSIGN_OR_RETURN(content.weights,
                   ReadWeightsInOrder(bundle.weights_path, specs));
  content.stored_type = config.bundle.stored_type;
  content.card = ModelCard(bundle);
  content.self_test_windows = {
      WaveWindow(bundle.data.scales, config.sizes.window)};
  return WriteBundle(CanonicalBundlePath(bundle.directory), content);
}

}  // namespace carousel
