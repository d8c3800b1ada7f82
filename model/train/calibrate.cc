// SPDX-License-Identifier: Apache-2.0
#include "model/train/calibrate.h"

#include <algorithm>
#include <cmath>
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
#include "model/bundle/stored_weights.h"
#include "model/bundle/writer.h"
#include "model/tasks/calibration.h"
#include "model/tasks/classification.h"
#include "model/train/export_parts.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::ordered_json;

// Of a float that was rounded to nothing.
constexpr float kLeastProbability = 1e-37f;

ordered_json ToObject(const Calibration& calibration) {
  return {{"temperature", calibration.temperature},
          {"ece_before", calibration.error_before},
          {"ece", calibration.error_after},
          {"texts", calibration.texts},
          {"file", calibration.file},
          {"sha256", calibration.sha256}};
}

std::string CardSection(const Calibration& calibration) {
  return absl::StrFormat(
      "## Calibration\n\nThe output layer is divided by the temperature %.4g, "
      "fitted on the %d texts of %s: the expected calibration error there (15 "
      "bins) went from %.4f to %.4f.\n",
      calibration.temperature, calibration.texts, calibration.file,
      calibration.error_before, calibration.error_after);
}

// The output layer's weight and bias are the last two.
absl::StatusOr<std::vector<Tensor>> ScaledWeights(const std::string& bundle,
                                                  const ClassifierSizes& sizes,
                                                  double temperature) {
  ASSIGN_OR_RETURN(const auto file,
                   Safetensors::Open(JoinPath(bundle, kWeightsFile)));
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  ASSIGN_OR_RETURN(std::vector<Tensor> weights,
                   MatchWeights(file->tensors(), specs));
  for (size_t i = weights.size() - 2; i < weights.size(); ++i) {
    weights[i] = weights[i].ToF32();
    for (float& value : weights[i].mutable_span<float>()) {
      value = static_cast<float>(value / temperature);
    }
  }
  return weights;
}

std::string CardOf(const std::string& bundle, const Calibration& calibration) {
  const auto card = ReadFile(JoinPath(bundle, kCardFile));
  return WithCardSection(card.ok() ? *card : "", CardSection(calibration));
}

std::vector<std::string> SelfTestTexts(const ClassifierManifest& manifest) {
  std::vector<std::string> texts;
  for (const auto& test : manifest.self_test) texts.push_back(test.text);
  return texts;
}

}  // namespace

std::string Calibration::ToJson() const { return ToObject(*this).dump(); }

absl::StatusOr<Calibration> MeasureCalibration(
    const CalibrateOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   Model::Load(options.bundle, {.precision = Precision::kF32}));
  std::vector<LabelledAnswer> answers;
  const auto show = [&](int64_t texts) {
    options.progress->Show(absl::StrCat("evaluated ", texts, " texts"));
  };
  const auto add = [&](int label, const Classification& found) {
    LabelledAnswer& answer = answers.emplace_back();
    answer.label = static_cast<size_t>(label);
    for (float p : found.probabilities) {
      answer.log_probabilities.push_back(
          std::log(std::max(p, kLeastProbability)));
    }
  };
  ASSIGN_OR_RETURN(const ClassificationFigures figures,
                   EvaluateClassifier(*model, options.data,
                                      {.labels = options.labels,
                                       .threads = options.threads,
                                       .on_progress = show,
                                       .on_answer = add}));
  Calibration calibration = {
      .temperature = FitTemperature(answers),
      .error_before = figures.calibration.ExpectedError(),
      .texts = figures.n};
  calibration.error_after = ExpectedErrorAt(calibration.temperature, answers);
  calibration.file = std::filesystem::path(options.data).filename();
  ASSIGN_OR_RETURN(calibration.sha256, Sha256OfFile(options.data));
  options.progress->Note(absl::StrFormat(
      "temperature %.4g: expected calibration error %.4f -> %.4f",
      calibration.temperature, calibration.error_before,
      calibration.error_after));
  if (calibration.error_after > calibration.error_before) {
    options.progress->Note(
        "the error did not fall: the labels became more probable on the whole, "
        "but not where it is counted");
  }
  return calibration;
}

absl::Status WriteCalibrated(const CalibrateOptions& options,
                             const Calibration& calibration) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   Model::Load(options.bundle, {.precision = Precision::kF32}));
  const ClassifierManifest& fields = model->manifest().classifier();
  BundleContent content;
  ASSIGN_OR_RETURN(content.weights, ScaledWeights(options.bundle, fields.sizes,
                                                  calibration.temperature));
  content.stored_type = content.weights.front().dtype();
  content.manifest = model->manifest();
  content.manifest.files.clear();
  ordered_json training = ordered_json::parse(content.manifest.training);
  training["calibration"] = ToObject(calibration);
  content.manifest.training = training.dump();
  content.self_test_texts = SelfTestTexts(fields);
  std::get<ClassifierManifest>(content.manifest.model).self_test.clear();
  content.tokenizer = &model->tokenizer();
  content.card = CardOf(options.bundle, calibration);
  return WriteBundle(options.out, content);
}

}  // namespace carousel
