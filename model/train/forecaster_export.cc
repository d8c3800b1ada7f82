// SPDX-License-Identifier: Apache-2.0
#include "model/train/forecaster_export.h"

#include <cmath>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/series_scale.h"
#include "model/bundle/writer.h"
#include "model/train/bundle_path.h"
#include "model/weights/safetensors.h"
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
  ordered_json config =
      ordered_json::parse(SerialiseForecasterConfig(bundle.config));
  // Where the data lay says nothing about the model.
  config["data"].erase("directory");
  ordered_json record = {
      {"carousel", CAROUSEL_VERSION},
      {"data", ordered_json::parse(SeriesRecord(bundle.config, bundle.data))},
      {"seed", bundle.config.training.trainer.seed},
      {"steps", state.step},
      {"epochs", bundle.epochs},
      {"seconds", std::round(state.seconds)}};
  if (bundle.data.dev_rows > 0) {
    record["best_step"] = state.best_step;
    record["dev"] = Figures(state);
  }
  record["config"] = std::move(config);
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
  std::string notes;
  for (const std::string& note : config.bundle.data_notes) {
    absl::StrAppend(&notes, "- ", note, "\n");
  }
  return absl::StrCat(
      "# ", BundleName(bundle.directory), "\n\n",
      config.bundle.description.empty()
          ? "A forecaster: it continues the series below."
          : config.bundle.description,
      "\n\n## Model\n\n", SizesText(config.sizes), "\n\n## Figures\n\n",
      FiguresText(bundle), "\n\n## Data\n\n",
      absl::StrFormat("`%s` (SHA-256 `%.12s...`): trained on the first %d of "
                      "%d rows.\n\n",
                      config.file, bundle.data.sha256, bundle.data.train_rows,
                      bundle.data.rows),
      series,
      notes.empty() ? "" : absl::StrCat("\nSources and licences:\n\n", notes),
      "\n## Use and limits\n\n"
      "A forecast is the most likely course and says nothing of how sure it "
      "is. It holds for series that\ngo on as the training part did.\n");
}

absl::StatusOr<std::vector<Tensor>> ReadWeights(const std::string& path,
                                                const ForecasterSizes& sizes) {
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  std::vector<Tensor> weights;
  for (const WeightSpec& spec : specs) {
    ASSIGN_OR_RETURN(Tensor weight, file->Get(spec.name));
    weights.push_back(std::move(weight));
  }
  return weights;
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
  ASSIGN_OR_RETURN(content.weights,
                   ReadWeights(bundle.weights_path, config.sizes));
  content.stored_type = config.bundle.stored_type;
  content.card = ModelCard(bundle);
  content.self_test_windows = {
      WaveWindow(bundle.data.scales, config.sizes.window)};
  return WriteBundle(CanonicalBundlePath(bundle.directory), content);
}

}  // namespace carousel
