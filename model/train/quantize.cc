// SPDX-License-Identifier: Apache-2.0
#include "model/train/quantize.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/bundle/model.h"
#include "model/bundle/writer.h"
#include "model/tasks/classification.h"
#include "model/tasks/language_model_evaluation.h"

namespace carousel {
namespace {

// The figure by which a task is judged.
absl::StatusOr<QualityMetric> MetricOf(Task task) {
  switch (task) {
    case Task::kLanguageModel:
      return QualityMetric::kPerplexity;
    case Task::kClassifier:
      return QualityMetric::kAccuracy;
    case Task::kTranslator:
    case Task::kForecaster:
      break;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected the bundle of a language_model (perplexity) or a "
                   "classifier (accuracy), found one of a ",
                   TaskName(task)));
}

// REQUIRES: MetricOf the task is OK.
absl::StatusOr<double> Measure(const Model& model,
                               const QuantizeOptions& options) {
  const absl::string_view name = PrecisionName(model.precision());
  const auto show = [&](int64_t count) {
    options.progress->Show(
        absl::StrCat(name, ": evaluated ", count,
                     model.task() == Task::kClassifier ? " texts" : " lines"));
  };
  double figure = 0;
  if (model.task() == Task::kClassifier) {
    ASSIGN_OR_RETURN(
        const ClassificationFigures figures,
        EvaluateClassifier(
            model, options.data,
            {.labels = {}, .threads = options.threads, .on_progress = show}));
    figure = figures.accuracy();
  } else {
    ASSIGN_OR_RETURN(const LanguageModelFigures figures,
                     EvaluateLanguageModel(model, options.data,
                                           {.threads = options.threads,
                                            .keystrokes = false,
                                            .on_progress = show}));
    figure = figures.perplexity;
  }
  ASSIGN_OR_RETURN(const QualityMetric metric, MetricOf(model.task()));
  options.progress->Note(
      absl::StrFormat("%s: %s %.6g", name, QualityMetricName(metric), figure));
  return figure;
}

std::string CardSection(const QuantizeOptions& options,
                        const PrecisionRecord& record) {
  return absl::StrCat("## In ", PrecisionName(options.precision), "\n\nCosts ",
                      record.DescribeLoss(), ", measured on ",
                      record.data.front().name,
                      " (`carousel-train quantize`).\n");
}

}  // namespace

absl::StatusOr<PrecisionRecord> MeasurePrecision(
    const QuantizeOptions& options) {
  if (options.precision == Precision::kF32) {
    return absl::InvalidArgumentError(
        "--precision: expected bf16 or int8, found f32, which loses nothing");
  }
  // Forced: how much a bundle loses is what is asked here. Loaded before
  // anything is measured, since it may be refused.
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> rounded,
                   Model::Load(options.bundle, {.precision = options.precision,
                                                .force = true}));
  PrecisionRecord record;
  ASSIGN_OR_RETURN(record.metric, MetricOf(rounded->task()));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> exact,
                   Model::Load(options.bundle, {.precision = Precision::kF32}));
  MeasuredFile file;
  file.name = std::filesystem::path(options.data).filename();
  ASSIGN_OR_RETURN(file.sha256, Sha256OfFile(options.data));
  record.data.push_back(std::move(file));
  ASSIGN_OR_RETURN(record.f32, Measure(*exact, options));
  ASSIGN_OR_RETURN(record.value, Measure(*rounded, options));
  options.progress->Note(absl::StrCat(PrecisionName(options.precision),
                                      " costs ", record.DescribeLoss()));
  return record;
}

absl::Status WriteQuantized(const QuantizeOptions& options,
                            const PrecisionRecord& record) {
  if (!options.force && !record.WithinLimits()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "expected ", PrecisionName(options.precision), " to cost at most ",
        record.DescribeLimit(), ", found ", record.DescribeLoss(),
        "; --force writes the bundle nevertheless"));
  }
  return WriteMeasuredBundle(options.out,
                             {.source = options.bundle,
                              .precision = options.precision,
                              .record = record,
                              .card_section = CardSection(options, record),
                              .force = options.force});
}

}  // namespace carousel
