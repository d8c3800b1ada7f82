// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/bundle/model.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/tasks/classification.h"
#include "model/tasks/continuous_cache.h"
#include "model/tasks/language_model_evaluation.h"
#include "model/train/commands.h"
#include "model/train/progress.h"
#include "model/train/translator_evaluation_command.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", "DIR", "", "the bundle to measure, .../NAME/VERSION", true},
    {"data", "FILE", "", "text to measure it on", true},
    {"label_map", "LABEL,LABEL:NAME;...", "labels as they are",
     "of a classifier: other names for the file's labels; lines with any other "
     "are left out"},
    {"cache_size", "M", "0",
     "perplexity_with_cache, with a continuous cache of the last M tokens "
     "(bundles with the context stream)"},
    {"cache_theta", "X", "0.3", "how much likeness of states counts in it"},
    {"cache_lambda", "X", "0.1", "its weight beside the network's"},
    {"cache_tune", "", "", "the best of a grid of theta and lambda instead"},
    kBeamSizeFlag,
    kLengthPenaltyFlag,
    kLowercaseFlag,
    kTranslationsFlag,
    {"threads", "N", "0", "0: as many CPUs as this process may use"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

constexpr int kMostThreads = 1024;
constexpr int kDefaultCacheSize = 2000;

constexpr float kThetas[] = {0.05f, 0.1f, 0.2f, 0.3f, 0.5f, 0.7f, 1.0f};
constexpr float kLambdas[] = {0.02f, 0.05f, 0.1f, 0.15f, 0.2f, 0.3f, 0.4f};

absl::StatusOr<float> GetFraction(const FlagValues& flags,
                                  const std::string& name, float otherwise) {
  if (!flags.Has(name)) return otherwise;
  float value = 0;
  if (absl::SimpleAtof(flags.Get(name), &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      "--", name, ": expected a number, found \"", flags.Get(name), "\""));
}

absl::StatusOr<CacheOptions> GetCacheOptions(const FlagValues& flags) {
  const bool is_wanted = flags.Has("cache_tune") || flags.Has("cache_theta") ||
                         flags.Has("cache_lambda");
  CacheOptions options;
  ASSIGN_OR_RETURN(
      options.size,
      flags.GetCount("cache_size", is_wanted ? kDefaultCacheSize : 0,
                     CacheOptions::kMostSteps));
  CacheSetting& setting = options.settings.front();
  ASSIGN_OR_RETURN(setting.theta,
                   GetFraction(flags, "cache_theta", setting.theta));
  ASSIGN_OR_RETURN(setting.lambda,
                   GetFraction(flags, "cache_lambda", setting.lambda));
  if (!flags.Has("cache_tune")) return options;
  options.settings.clear();
  for (const float theta : kThetas) {
    for (const float lambda : kLambdas) {
      options.settings.push_back({theta, lambda});
    }
  }
  return options;
}

// a (m, width) times the transpose of b (n, width).
DotProducts MakeMatmulDotProducts() {
  return [executor = std::make_shared<Executor>()](
             absl::Span<const float> a, absl::Span<const float> b, int width,
             absl::Span<float> out) {
    const int64_t n = static_cast<int64_t>(b.size()) / width;
    return Matmul(
        {.m = static_cast<int64_t>(a.size()) / width,
         .n = n,
         .k = width,
         .a = {.data = a.data(), .row_stride = width},
         .b = {.data = b.data(), .row_stride = width, .transposed = true},
         .c = out.data(),
         .c_row_stride = n},
        executor.get());
  };
}

// The line of JSON, as the next one's.
absl::StatusOr<std::string> EvaluateLabels(const Model& model,
                                           const FlagValues& flags, int threads,
                                           Progress* progress) {
  ClassificationOptions options = {
      .threads = threads, .on_progress = [&](int64_t texts) {
        progress->Show(absl::StrCat("evaluated ", texts, " texts"));
      }};
  ASSIGN_OR_RETURN(options.labels, LabelMap::Parse(flags.Get("label_map")));
  ASSIGN_OR_RETURN(const ClassificationFigures figures,
                   EvaluateClassifier(model, flags.Get("data"), options));
  return figures.ToJson();
}

absl::StatusOr<std::string> EvaluateWords(const Model& model,
                                          const FlagValues& flags, int threads,
                                          Progress* progress) {
  ASSIGN_OR_RETURN(const CacheOptions cache, GetCacheOptions(flags));
  const EvaluationOptions options = {
      .threads = threads,
      .cache = cache,
      .make_dot_products = MakeMatmulDotProducts,
      .on_progress = [&](int64_t lines) {
        progress->Show(absl::StrCat("evaluated ", lines, " lines"));
      }};
  ASSIGN_OR_RETURN(const LanguageModelFigures figures,
                   EvaluateLanguageModel(model, flags.Get("data"), options));
  return figures.ToJson();
}

// The JSON object of the last line.
absl::StatusOr<std::string> Evaluate(const Model& model,
                                     const FlagValues& flags, int threads,
                                     Progress* progress) {
  switch (model.task()) {
    case Task::kLanguageModel:
      return EvaluateWords(model, flags, threads, progress);
    case Task::kClassifier:
      return EvaluateLabels(model, flags, threads, progress);
    case Task::kTranslator:
      return RunTranslatorEvaluation(model, flags, threads, progress);
    default:
      return absl::UnimplementedError(
          absl::StrCat("a ", TaskName(model.task()), " cannot be evaluated"));
  }
}

absl::StatusOr<int> RunEvaluate(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  ASSIGN_OR_RETURN(int threads, flags.GetCount("threads", 0, kMostThreads));
  if (threads == 0) threads = ReadCpuAllowance().workers;
  // Lines and stretches are measured in parallel, each on one thread.
  omp_set_num_threads(1);
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                   Model::Load(flags.Get("bundle")));
  std::string figures;
  {
    Progress progress(stderr, style);
    ASSIGN_OR_RETURN(figures, Evaluate(*model, flags, threads, &progress));
  }
  absl::PrintF("%s\n", figures);
  return 0;
}

}  // namespace

const Command kEvaluateCommand = {
    "evaluate", "Measures a bundle on text; the last line is a JSON object.",
    kFlags, RunEvaluate};

}  // namespace carousel
