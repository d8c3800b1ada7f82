// SPDX-License-Identifier: Apache-2.0

#include "model/train/translator_export.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/writer.h"
#include "model/train/bundle_path.h"
#include "model/train/export_parts.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::ordered_json;

// Of dev, for the self-test where the settings name no text.
constexpr size_t kSelfTestTexts = 3;

std::string StackText(const StackSizes& sizes) {
  return absl::StrFormat("%d layers of %d%s%s", sizes.layers, sizes.hidden,
                         sizes.bidirectional ? " in each direction" : "",
                         sizes.residual ? " with residual links" : "");
}

std::string SizesText(const TranslatorSizes& sizes) {
  const auto specs = WeightSpecs(sizes);
  return absl::StrFormat(
      "%s, encoder of %s, decoder of %s, %s%s; embedding %d; vocabularies of "
      "%d and %d tokens; %d parameters.",
      CellName(sizes.encoder.cell), StackText(sizes.encoder),
      StackText(sizes.decoder),
      sizes.attention.has_value()
          ? absl::StrCat(AttentionKindName(*sizes.attention), " attention")
          : std::string("no attention"),
      sizes.reverse_input ? ", the source read in reverse" : "",
      sizes.embedding, sizes.source_vocabulary, sizes.target_vocabulary,
      specs.ok() ? CountParameters(*specs) : 0);
}

std::string FiguresText(const TranslatorExport& bundle) {
  const RunState& state = bundle.state;
  std::string text = absl::StrFormat(
      "Trained for %.2f epochs, %d steps, %d target tokens, in %.0f minutes "
      "(%.0f tokens/s).",
      bundle.epochs, state.step, state.tokens, state.seconds / 60,
      static_cast<double>(state.tokens) / std::max(1.0, state.seconds));
  if (bundle.data.dev == nullptr) return text;
  absl::StrAppendFormat(
      &text, " Perplexity of a target token on dev: **%.2f** (step %d).",
      std::exp(state.best_dev_loss), state.best_step);
  const auto others = ordered_json::parse(state.best_figures, nullptr, false);
  if (others.is_object() && others.contains("bleu")) {
    absl::StrAppendFormat(
        &text, " BLEU of greedy translations of the first %d texts: **%.1f**.",
        std::min<size_t>(static_cast<size_t>(bundle.config.bleu_texts),
                         bundle.data.dev_pairs.size()),
        others["bleu"].get<double>());
  }
  return absl::StrCat(text,
                      " `carousel-train evaluate` measures BLEU and chrF.");
}

std::vector<std::string> SelfTestTexts(const TranslatorExport& bundle) {
  std::vector<std::string> texts = bundle.config.self_test_texts;
  if (!texts.empty()) return texts;
  for (const ReferencePair& pair : bundle.data.dev_pairs) {
    if (texts.size() >= kSelfTestTexts) break;
    texts.push_back(pair.source);
  }
  if (!texts.empty()) return texts;
  // Words of the vocabulary, whatever they say together.
  const Vocabulary& vocabulary = bundle.data.source->vocabulary();
  std::string text;
  const auto first = static_cast<int32_t>(Vocabulary::SpecialTokens().size());
  for (int32_t id = first; id < std::min(vocabulary.size(), first + 5); ++id) {
    absl::StrAppend(&text, text.empty() ? "" : " ", vocabulary.token(id));
  }
  return {text};
}

}  // namespace

std::string TrainingRecord(const TranslatorExport& bundle) {
  const RunState& state = bundle.state;
  ordered_json record =
      BeginRecord(bundle.data.record, bundle.config.training.trainer.seed,
                  state, bundle.epochs);
  record["tokens"] = state.tokens;
  record["seconds"] = std::round(state.seconds);
  record["tokens_per_s"] = std::round(static_cast<double>(state.tokens) /
                                      std::max(1.0, state.seconds));
  if (bundle.data.dev != nullptr) {
    record["best_step"] = state.best_step;
    record["dev_loss"] = state.best_dev_loss;
    const auto others = ordered_json::parse(state.best_figures, nullptr, false);
    if (others.is_object()) record["dev"] = others;
  }
  record["config"] = ConfigForRecord(SerialiseTranslatorConfig(bundle.config));
  return record.dump();
}

std::string ModelCard(const TranslatorExport& bundle) {
  return WriteCard(
      {.directory = bundle.directory,
       .settings = bundle.config.bundle,
       .otherwise = "A translator of texts, sentence by sentence.",
       .model = SizesText(bundle.sizes),
       .figures = FiguresText(bundle),
       .data = FileTable(bundle.data.record, "pairs"),
       .left_out = "Training pairs whose source is one of dev's are left out.",
       .use = "For texts like those of its data, read by a person who can "
              "judge them. The model leaves\nthings out, adds others, and "
              "repeats the errors and prejudices of its texts; names "
              "and\nnumbers need a second look.\n"});
}

absl::Status ExportTranslator(const TranslatorExport& bundle) {
  const TranslatorConfig& config = bundle.config;
  TranslatorManifest manifest;
  manifest.sizes = bundle.sizes;
  manifest.source_tokenizer = config.tokenizer;
  manifest.target_tokenizer = config.tokenizer;
  BundleContent content;
  content.manifest.model = std::move(manifest);
  content.manifest.training = TrainingRecord(bundle);
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   WeightSpecs(bundle.sizes));
  ASSIGN_OR_RETURN(content.weights,
                   ReadWeightsInOrder(bundle.weights_path, specs));
  content.stored_type = config.bundle.stored_type;
  content.tokenizer = bundle.data.source.get();
  content.target_tokenizer = bundle.data.target.get();
  content.card = ModelCard(bundle);
  content.self_test_texts = SelfTestTexts(bundle);
  return WriteBundle(CanonicalBundlePath(bundle.directory), content);
}

}  // namespace carousel
