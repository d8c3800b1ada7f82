// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_config.h"

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/tasks/labelled_text.h"

namespace carousel {
namespace {

// What a run cannot change half-way.
void VisitFixed(ClassifierConfig* c, SettingsVisitor* v) {
  v->Files("data", "train", &c->train);
  v->Texts("data", "dev", &c->dev);
  v->Text("data", "label_map", &c->label_map);

  VisitTokenizer(&c->tokenizer, &c->pieces, v);
  v->Number("text", "vocabulary_size", &c->vocabulary_size, 0, 1 << 24);
  v->Number("text", "minimum_count", &c->minimum_count, 1, 1e9);
  v->Number("text", "longest", &c->longest, 1, 1 << 16);

  VisitCell(&c->cell, v);
  v->Number("model", "embedding", &c->embedding, 1, 1 << 16);
  v->Number("model", "hidden", &c->hidden, 1, 1 << 16);
  v->Number("model", "layers", &c->layers, 1, 64);
  v->Bool("model", "bidirectional", &c->bidirectional);
  v->Bool("model", "residual", &c->residual);
  v->Enum("model", "pooling", &c->pooling,
          {{"last", PoolingKind::kLast},
           {"max_mean", PoolingKind::kMaxMean},
           {"concat", PoolingKind::kConcat},
           {"attention", PoolingKind::kAttention}});
  v->Number("model", "pooling_units", &c->pooling_units, 1, 1 << 16);
  v->Text("model", "init", &c->init);

  v->Number("training", "rows", &c->rows, 1, 1 << 16);
  v->Number("training", "tokens", &c->tokens, 0, 1e9);
  v->Number("training", "max_buckets", &c->max_buckets, 1, 1000);
  v->Number("training", "unfreeze_every_epochs", &c->unfreeze_every_epochs, 0,
            1000);
  VisitFixed(&c->training, v);
}

void VisitChangeable(ClassifierConfig* c, SettingsVisitor* v) {
  v->Text("data", "directory", &c->data_directory);
  VisitStackDropout("dropout_embedding", &c->network.stack, v);
  v->Number("training", "dropout_pooled", &c->network.pooled, 0, 0.95);
  v->Number("training", "label_smoothing", &c->network.label_smoothing, 0,
            0.95);
  VisitChangeable(&c->training, v);
  VisitChangeable(&c->bundle, v);
  v->Texts("bundle", "self_test_texts", &c->self_test_texts);
}

absl::Status CheckTogether(const ClassifierConfig& c) {
  if (c.train.empty()) {
    return absl::InvalidArgumentError(
        "setting data.train: expected at least one file");
  }
  RETURN_IF_ERROR(CheckVocabularySize(c.vocabulary_size));
  const absl::Status map = LabelMap::Parse(c.label_map).status();
  if (!map.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting data.label_map: ", map.message()));
  }
  if (c.rows % c.training.accumulate != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting training.accumulate: expected a divisor of "
                     "training.rows, ",
                     c.rows, "; found ", c.training.accumulate));
  }
  return CheckTogether(c.training);
}

}  // namespace

ClassifierSizes ClassifierConfig::SizesFor(int vocabulary, int labels) const {
  return {
      .vocabulary = vocabulary,
      .embedding = embedding,
      .rnn = {.cell = cell,
              .inputs = embedding,
              .hidden = hidden,
              .layers = layers,
              .bidirectional = bidirectional,
              .residual = residual},
      .pooling = pooling,
      .pooling_units = pooling == PoolingKind::kAttention ? pooling_units : 0,
      .labels = labels};
}

absl::StatusOr<ClassifierConfig> ParseClassifierConfig(
    absl::string_view json, absl::Span<const std::string> overrides) {
  return ParseConfig<ClassifierConfig>(json, overrides, VisitFixed,
                                       VisitChangeable, CheckTogether);
}

std::string SerialiseClassifierConfig(const ClassifierConfig& config) {
  return SerialiseConfig<ClassifierConfig>(config, VisitFixed, VisitChangeable);
}

absl::Status CheckCanResume(const ClassifierConfig& before,
                            const ClassifierConfig& after) {
  return CheckSameConfig<ClassifierConfig>(before, after, VisitFixed);
}

}  // namespace carousel
