// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_config.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// What a run cannot change half-way.
void VisitFixed(TranslatorConfig* c, SettingsVisitor* v) {
  v->Files("data", "train", &c->train);
  v->Texts("data", "dev", &c->dev);

  VisitTokenizer(&c->tokenizer, &c->pieces, v);
  v->Bool("text", "joint", &c->joint);
  v->Number("text", "vocabulary_size", &c->vocabulary_size, 5, 1 << 24);
  v->Number("text", "minimum_count", &c->minimum_count, 1, 1e9);
  v->Number("text", "max_source", &c->max_source, 1, 1 << 16);
  v->Number("text", "max_target", &c->max_target, 1, 1 << 16);

  VisitCell(&c->cell, v);
  v->Number("model", "embedding", &c->embedding, 1, 1 << 16);
  v->Number("model", "hidden", &c->hidden, 1, 1 << 16);
  v->Number("model", "encoder_hidden", &c->encoder_hidden, 0, 1 << 16);
  v->Number("model", "encoder_layers", &c->encoder_layers, 1, 64);
  v->Number("model", "decoder_layers", &c->decoder_layers, 1, 64);
  v->Bool("model", "bidirectional", &c->bidirectional);
  v->Bool("model", "residual", &c->residual);
  v->Enum("model", "attention", &c->attention,
          {{"none", std::optional<AttentionKind>()},
           {"dot", AttentionKind::kDot},
           {"general", AttentionKind::kGeneral},
           {"additive", AttentionKind::kAdditive}});
  v->Bool("model", "tied", &c->tied);
  v->Bool("model", "shared_embedding", &c->shared_embedding);
  v->Bool("model", "reverse_input", &c->reverse_input);

  v->Number("training", "rows", &c->rows, 1, 1 << 16);
  v->Number("training", "tokens", &c->tokens, 0, 1e9);
  v->Number("training", "max_buckets", &c->max_buckets, 1, 1000);
  VisitFixed(&c->training, v);
}

void VisitChangeable(TranslatorConfig* c, SettingsVisitor* v) {
  v->Text("data", "directory", &c->data_directory);
  VisitStackDropout("dropout_embedding", &c->dropout, v);
  v->Number("training", "label_smoothing", &c->label_smoothing, 0, 0.95);
  v->Number("training", "bleu_texts", &c->bleu_texts, 0, 1e9);
  VisitChangeable(&c->training, v);
  VisitChangeable(&c->bundle, v);
  v->Texts("bundle", "self_test_texts", &c->self_test_texts);
}

absl::Status CheckTogether(const TranslatorConfig& c) {
  if (c.train.empty()) {
    return absl::InvalidArgumentError(
        "setting data.train: expected at least one file");
  }
  RETURN_IF_ERROR(CheckTogether(c.training));
  if (c.rows % c.training.accumulate != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting training.accumulate: expected a divisor of "
                     "training.rows, ",
                     c.rows, "; found ", c.training.accumulate));
  }
  if (c.shared_embedding && !c.joint) {
    return absl::InvalidArgumentError(
        "setting model.shared_embedding: expected false, for text.joint is "
        "false: two vocabularies cannot share one embedding");
  }
  if (c.bidirectional && c.encoder_hidden == 0 && c.hidden % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "setting model.hidden: expected an even number for two directions, or "
        "model.encoder_hidden; found ",
        c.hidden));
  }
  const absl::Status network = WeightSpecs(c.SizesFor(10, 10)).status();
  if (network.ok()) return network;
  return absl::Status(network.code(),
                      absl::StrCat("settings model: ", network.message()));
}

}  // namespace

TranslatorSizes TranslatorConfig::SizesFor(int source_vocabulary,
                                           int target_vocabulary) const {
  const int of_encoder =
      encoder_hidden > 0 ? encoder_hidden : hidden / (bidirectional ? 2 : 1);
  return {.source_vocabulary = source_vocabulary,
          .target_vocabulary = target_vocabulary,
          .embedding = embedding,
          .encoder = {.cell = cell,
                      .inputs = embedding,
                      .hidden = of_encoder,
                      .layers = encoder_layers,
                      .bidirectional = bidirectional,
                      .residual = residual},
          .decoder = {.cell = cell,
                      .inputs = embedding,
                      .hidden = hidden,
                      .layers = decoder_layers,
                      .residual = residual},
          .attention = attention,
          .reverse_input = reverse_input,
          .tied = tied,
          .shared_embedding = shared_embedding};
}

absl::StatusOr<TranslatorConfig> ParseTranslatorConfig(
    absl::string_view json, absl::Span<const std::string> overrides) {
  return ParseConfig<TranslatorConfig>(json, overrides, VisitFixed,
                                       VisitChangeable, CheckTogether);
}

std::string SerialiseTranslatorConfig(const TranslatorConfig& config) {
  return SerialiseConfig<TranslatorConfig>(config, VisitFixed, VisitChangeable);
}

absl::Status CheckCanResume(const TranslatorConfig& before,
                            const TranslatorConfig& after) {
  return CheckSameConfig<TranslatorConfig>(before, after, VisitFixed);
}

}  // namespace carousel
