// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_export.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/base/status_macros.h"
#include "model/bundle/writer.h"
#include "model/train/bundle_path.h"
#include "model/train/export_parts.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::ordered_json;

std::string SizesText(const ClassifierExport& bundle) {
  const ClassifierSizes& sizes = bundle.sizes;
  const auto specs = WeightSpecs(sizes);
  return absl::StrFormat(
      "%s, %d layers of %d%s%s; %s pooling; embedding %d; vocabulary of %d "
      "tokens; labels %s; %d parameters.%s",
      CellName(sizes.rnn.cell), sizes.rnn.layers, sizes.rnn.hidden,
      sizes.rnn.bidirectional ? " in each direction" : "",
      sizes.rnn.residual ? " with residual links" : "",
      PoolingKindName(sizes.pooling), sizes.embedding, sizes.vocabulary,
      absl::StrJoin(bundle.data.labels, ", "),
      specs.ok() ? CountParameters(*specs) : 0,
      bundle.config.init.empty()
          ? ""
          : " Embedding and recurrent layers began as those of a language "
            "model.");
}

double BestAccuracy(const RunState& state) {
  const auto others = ordered_json::parse(state.best_figures, nullptr, false);
  return others.is_object() ? others.value("accuracy", NAN) : NAN;
}

std::string FiguresText(const ClassifierExport& bundle) {
  const RunState& state = bundle.state;
  std::string text = absl::StrFormat(
      "Trained for %.2f epochs, %d steps, %d texts, in %.0f minutes "
      "(%.0f texts/s).",
      bundle.epochs, state.step, state.tokens, state.seconds / 60,
      static_cast<double>(state.tokens) / std::max(1.0, state.seconds));
  if (bundle.data.dev == nullptr) return text;
  return absl::StrFormat(
      "%s On dev, in f32: accuracy **%.4f**, loss %.4f (step %d). "
      "`carousel-train evaluate` measures each label.",
      text, BestAccuracy(state), state.best_dev_loss, state.best_step);
}

// Words of the vocabulary, whatever they say together.
std::vector<std::string> SelfTestTexts(const ClassifierExport& bundle) {
  if (!bundle.config.self_test_texts.empty()) {
    return bundle.config.self_test_texts;
  }
  const Vocabulary& vocabulary = bundle.data.tokenizer->vocabulary();
  const auto first = static_cast<int32_t>(Vocabulary::SpecialTokens().size());
  std::string text;
  for (int32_t id = first; id < std::min(vocabulary.size(), first + 8); ++id) {
    absl::StrAppend(&text, text.empty() ? "" : " ", vocabulary.token(id));
  }
  return {vocabulary.token(first), text};
}

}  // namespace

std::string TrainingRecord(const ClassifierExport& bundle) {
  const RunState& state = bundle.state;
  ordered_json record =
      BeginRecord(bundle.data.record, bundle.config.training.trainer.seed,
                  state, bundle.epochs);
  record["texts"] = state.tokens;
  record["seconds"] = std::round(state.seconds);
  if (bundle.data.dev != nullptr) {
    record["best_step"] = state.best_step;
    record["dev_loss"] = state.best_dev_loss;
    record["dev_accuracy"] = BestAccuracy(state);
  }
  record["config"] = ConfigForRecord(SerialiseClassifierConfig(bundle.config));
  return record.dump();
}

std::string ModelCard(const ClassifierExport& bundle) {
  return WriteCard(
      {.directory = bundle.directory,
       .settings = bundle.config.bundle,
       .otherwise =
           "A classifier: it says how probable each label is for a text.",
       .model = SizesText(bundle),
       .figures = FiguresText(bundle),
       .data = FileTable(bundle.data.record, "texts"),
       .left_out = "Training texts that equal one of dev, or share a longer "
                   "sentence with one, are left out.",
       .use = absl::StrCat(
           "For texts like those of its data. The model has learned which "
           "words go with which label,\nthe errors and prejudices of its texts "
           "included; it understands nothing and must not\ndecide about "
           "people. Texts of more than ",
           bundle.config.longest,
           " tokens are cut: the first quarter\nof that and the end "
           "remain.\n")});
}

absl::Status ExportClassifier(const ClassifierExport& bundle) {
  const ClassifierConfig& config = bundle.config;
  ClassifierManifest manifest;
  manifest.sizes = bundle.sizes;
  manifest.tokenizer = config.tokenizer;
  manifest.labels = bundle.data.labels;
  manifest.longest_text = config.longest;
  BundleContent content;
  content.manifest.model = std::move(manifest);
  content.manifest.training = TrainingRecord(bundle);
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   WeightSpecs(bundle.sizes));
  ASSIGN_OR_RETURN(content.weights,
                   ReadWeightsInOrder(bundle.weights_path, specs));
  content.stored_type = config.bundle.stored_type;
  content.tokenizer = bundle.data.tokenizer.get();
  content.card = ModelCard(bundle);
  content.self_test_texts = SelfTestTexts(bundle);
  return WriteBundle(CanonicalBundlePath(bundle.directory), content);
}

}  // namespace carousel
