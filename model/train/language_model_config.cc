// SPDX-License-Identifier: Apache-2.0
#include "model/train/language_model_config.h"

#include <algorithm>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// What a run cannot change half-way.
void VisitFixed(LanguageModelConfig* c, SettingsVisitor* v) {
  v->Files("data", "train", &c->train);
  v->Texts("data", "dev", &c->dev);
  v->Texts("data", "exclude", &c->exclude);

  VisitTokenizer(&c->tokenizer, &c->pieces, v);
  v->Enum("text", "context", &c->context,
          {{"line", LineContext::kLine}, {"stream", LineContext::kStream}});
  v->Number("text", "vocabulary_size", &c->vocabulary_size, 0, 1 << 24);
  v->Number("text", "minimum_count", &c->minimum_count, 1, 1e9);

  VisitCell(&c->sizes.cell, v);
  v->Number("model", "embedding", &c->sizes.embedding, 1, 1 << 16);
  v->Number("model", "hidden", &c->sizes.hidden, 1, 1 << 16);
  v->Number("model", "layers", &c->sizes.layers, 1, 64);
  v->Bool("model", "residual", &c->sizes.residual);
  v->Bool("model", "projection", &c->sizes.projection);
  v->Bool("model", "tied", &c->sizes.tied);
  v->Enum("model", "output", &c->output,
          {{"softmax", LanguageModelConfig::Output::kSoftmax},
           {"adaptive", LanguageModelConfig::Output::kAdaptive}});
  v->Numbers("model", "cutoffs", &c->cutoffs, 1, 1 << 24);

  v->Number("training", "rows", &c->rows, 1, 1 << 16);
  v->Number("training", "steps", &c->steps, 1, 1 << 16);
  VisitFixed(&c->training, v);
}

void VisitChangeable(LanguageModelConfig* c, SettingsVisitor* v) {
  v->Text("data", "directory", &c->data_directory);
  v->Text("model", "init", &c->init);
  v->Number("training", "dropout_embedding", &c->dropout.embedding, 0, 0.95);
  v->Number("training", "dropout_layers", &c->dropout.layers, 0, 0.95);
  v->Number("training", "dropout_output", &c->dropout.output, 0, 0.95);
  v->Bool("training", "dropout_variational", &c->dropout.variational);
  v->Number("training", "dropout_words", &c->dropout.embedding_rows, 0, 0.95);
  v->Number("training", "weight_drop", &c->dropout.weight_drop, 0, 0.95);
  v->Number("training", "label_smoothing", &c->label_smoothing, 0, 0.95);
  VisitChangeable(&c->training, v);
  VisitChangeable(&c->bundle, v);
  v->Texts("bundle", "self_test_texts", &c->self_test_texts);
  v->Texts("bundle", "blocked", &c->blocked);
  v->Number("bundle", "context_theta", &c->context_cache.theta, 0,
            ContextSetting::kMostTheta);
  v->Number("bundle", "context_lambda", &c->context_cache.lambda, 0,
            ContextSetting::kMostLambda);
}

// An adaptive softmax that fits what else is asked for.
absl::Status CheckOutput(const LanguageModelConfig& c) {
  const bool adaptive = c.output == LanguageModelConfig::Output::kAdaptive;
  if (c.cutoffs.empty() == adaptive ||
      c.cutoffs.size() > c.sizes.cutoffs.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting model.cutoffs: expected one to ", c.sizes.cutoffs.size(),
        " numbers where model.output is \"adaptive\", none elsewhere; found ",
        c.cutoffs.size()));
  }
  if (!std::is_sorted(c.cutoffs.begin(), c.cutoffs.end(),
                      std::less_equal<int>())) {
    return absl::InvalidArgumentError(
        "setting model.cutoffs: expected rising numbers");
  }
  if (adaptive && c.label_smoothing > 0) {
    return absl::InvalidArgumentError(
        "setting training.label_smoothing: expected 0 where model.output is "
        "\"adaptive\"");
  }
  return absl::OkStatus();
}

absl::Status CheckTogether(const LanguageModelConfig& c) {
  if (c.train.empty()) {
    return absl::InvalidArgumentError(
        "setting data.train: expected at least one file");
  }
  RETURN_IF_ERROR(CheckVocabularySize(c.vocabulary_size));
  RETURN_IF_ERROR(CheckTogether(c.training));
  RETURN_IF_ERROR(CheckOutput(c));
  if (c.training.accumulate > c.rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting training.accumulate: expected at most training.rows, ", c.rows,
        "; found ", c.training.accumulate));
  }
  if (c.context == LineContext::kStream && !c.exclude.empty()) {
    return absl::InvalidArgumentError(
        "setting data.exclude: expected none where text.context is \"stream\": "
        "a running text cannot lose lines");
  }
  if (c.self_test_texts.empty()) {
    return absl::InvalidArgumentError(
        "setting bundle.self_test_texts: expected at least one");
  }
  if (!c.sizes.projection && c.sizes.hidden != c.sizes.embedding) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting model.hidden: expected model.embedding, ", c.sizes.embedding,
        ", where model.projection is false; found ", c.sizes.hidden));
  }
  return absl::OkStatus();
}

}  // namespace

LanguageModelConfig::LanguageModelConfig() {
  sizes = {.embedding = 256,
           .hidden = 512,
           .layers = 2,
           .projection = true,
           .tied = true};
}

absl::StatusOr<LanguageModelConfig> ParseLanguageModelConfig(
    absl::string_view json, absl::Span<const std::string> overrides) {
  ASSIGN_OR_RETURN(
      LanguageModelConfig config,
      ParseConfig<LanguageModelConfig>(json, overrides, VisitFixed,
                                       VisitChangeable, CheckTogether));
  std::copy(config.cutoffs.begin(), config.cutoffs.end(),
            config.sizes.cutoffs.begin());
  return config;
}

std::string SerialiseLanguageModelConfig(const LanguageModelConfig& config) {
  return SerialiseConfig<LanguageModelConfig>(config, VisitFixed,
                                              VisitChangeable);
}

absl::Status CheckCanResume(const LanguageModelConfig& before,
                            const LanguageModelConfig& after) {
  return CheckSameConfig<LanguageModelConfig>(before, after, VisitFixed);
}

}  // namespace carousel
