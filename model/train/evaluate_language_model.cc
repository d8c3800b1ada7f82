// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"
#include "model/tasks/continuous_cache.h"
#include "model/tasks/document_evaluation.h"
#include "model/tasks/language_model_evaluation.h"
#include "model/train/evaluations.h"

namespace carousel {
namespace {

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

// The bounds of the manifest (ContextSetting).
absl::Status CheckAtMost(absl::string_view flag, float value, float most) {
  if (value >= 0 && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      flag, ": with --context expected 0 to ", most, ", found ", value));
}

// With `--context`: a setting other than the bundle's, if it is given.
absl::StatusOr<ContextSetting> GetContextSetting(const Evaluation& evaluation) {
  const FlagValues& flags = evaluation.flags;
  for (const char* other : {"cache_size", "cache_tune"}) {
    if (!flags.Has(other)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", other, " does not go with --context"));
  }
  ContextSetting setting =
      evaluation.model.manifest().language_model().context_cache;
  ASSIGN_OR_RETURN(setting.theta,
                   GetFraction(flags, "cache_theta", setting.theta));
  ASSIGN_OR_RETURN(setting.lambda,
                   GetFraction(flags, "cache_lambda", setting.lambda));
  RETURN_IF_ERROR(
      CheckAtMost("--cache_theta", setting.theta, ContextSetting::kMostTheta));
  RETURN_IF_ERROR(CheckAtMost("--cache_lambda", setting.lambda,
                              ContextSetting::kMostLambda));
  return setting;
}

absl::StatusOr<std::vector<std::string>> EvaluateWithContext(
    const Evaluation& evaluation) {
  ASSIGN_OR_RETURN(const ContextSetting setting, GetContextSetting(evaluation));
  const DocumentOptions options = {
      .setting = setting,
      .threads = evaluation.threads,
      .on_progress = [&](int64_t documents) {
        evaluation.progress->Show(
            absl::StrCat("evaluated ", documents, " documents"));
      }};
  ASSIGN_OR_RETURN(const DocumentFigures figures,
                   EvaluateDocuments(evaluation.model,
                                     evaluation.flags.Get("data"), options));
  return std::vector<std::string>{figures.ToJson()};
}

}  // namespace

// Lines and stretches are measured in parallel, each on one thread.
absl::StatusOr<std::vector<std::string>> EvaluateLanguageModelBundle(
    const Evaluation& evaluation) {
  if (evaluation.flags.Has("context")) return EvaluateWithContext(evaluation);
  ASSIGN_OR_RETURN(const CacheOptions cache, GetCacheOptions(evaluation.flags));
  const EvaluationOptions options = {
      .threads = evaluation.threads,
      .cache = cache,
      .make_dot_products = MakeMatmulDotProducts,
      .on_progress = [&](int64_t lines) {
        evaluation.progress->Show(absl::StrCat("evaluated ", lines, " lines"));
      }};
  ASSIGN_OR_RETURN(
      const LanguageModelFigures figures,
      EvaluateLanguageModel(evaluation.model, evaluation.flags.Get("data"),
                            options));
  return std::vector<std::string>{figures.ToJson()};
}

}  // namespace carousel
