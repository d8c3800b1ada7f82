// SPDX-License-Identifier: Apache-2.0
#include "model/train/bundle_export.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/writer.h"
#include "model/train/bundle_path.h"
#include "model/train/export_parts.h"
#include "model/train/held_out_lines.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::ordered_json;

const char* CellTitle(Cell cell) {
  switch (cell) {
    case Cell::kTanhRnn:
      return "Recurrent network (tanh)";
    case Cell::kReluRnn:
      return "Recurrent network (ReLU)";
    case Cell::kLstm:
      return "LSTM";
    case Cell::kGru:
      return "GRU";
  }
  return "";
}

std::string SizesText(const BundleExport& bundle) {
  const LanguageModelSizes& sizes = bundle.config.sizes;
  return absl::StrFormat(
      "%s, %d layers of %d; embedding %d%s; %s over %d tokens%s; "
      "%d parameters.",
      CellTitle(sizes.cell), sizes.layers, sizes.hidden, sizes.embedding,
      sizes.projection ? ", with a projection to it before the output" : "",
      sizes.adaptive() ? "adaptive softmax" : "output layer", sizes.vocabulary,
      sizes.tied ? ", tied with the embedding" : "", CountParameters(sizes));
}

std::string FiguresText(const BundleExport& bundle) {
  const RunState& state = bundle.state;
  std::string text = absl::StrFormat(
      "Trained for %.2f epochs, %d steps, %d tokens, in %.0f minutes "
      "(%.0f tokens/s).",
      bundle.epochs, state.step, state.tokens, state.seconds / 60,
      static_cast<double>(state.tokens) / std::max(1.0, state.seconds));
  if (bundle.data.dev == nullptr) return text;
  return absl::StrFormat(
      "%s Perplexity on all dev files together, in f32: **%.2f** (step %d; "
      "every word, mark and end of line counts, and unknown words as `<unk>`). "
      "`carousel-train evaluate` measures accuracy and keystrokes saved.",
      text, std::exp(state.best_dev_loss), state.best_step);
}

}  // namespace

std::string TrainingRecord(const BundleExport& bundle) {
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
    record["dev_perplexity"] = std::exp(state.best_dev_loss);
  }
  record["config"] =
      ConfigForRecord(SerialiseLanguageModelConfig(bundle.config));
  return record.dump();
}

std::string ModelCard(const BundleExport& bundle) {
  return WriteCard(
      {.directory = bundle.directory,
       .settings = bundle.config.bundle,
       .otherwise = "A language model: it says how probable each word is after "
                    "a text.",
       .model = SizesText(bundle),
       .figures = FiguresText(bundle),
       .data = FileTable(bundle.data.record, "lines", /*with_tokens=*/true),
       .left_out = absl::StrCat(
           "Lines of the dev and excluded files, and their sentences of ",
           HeldOutLines::kShortestSentence,
           " letters or more,\ncompared without case, accents and punctuation, "
           "are left out of the training text,\nwith the line in which they "
           "stand, where lines stand by themselves."),
       .use =
           "For suggesting the next word, or the rest of one, to a person "
           "who decides. The model\nrepeats what its texts say, their errors "
           "and prejudices included; it knows no facts and\nmust not be used "
           "to judge people or texts. Words outside its vocabulary are "
           "unknown to\nit. Numbers, e-mail addresses and URLs are masked "
           "before training.\n"});
}

absl::Status ExportBundle(const BundleExport& bundle) {
  const LanguageModelConfig& config = bundle.config;
  BundleContent content;
  content.manifest.model =
      LanguageModelManifest{.sizes = config.sizes,
                            .tokenizer = config.tokenizer,
                            .context = config.context,
                            .blocked = config.blocked,
                            .context_cache = config.context_cache};
  content.manifest.training = TrainingRecord(bundle);
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   WeightSpecs(config.sizes));
  ASSIGN_OR_RETURN(content.weights,
                   ReadWeightsInOrder(bundle.weights_path, specs));
  content.stored_type = config.bundle.stored_type;
  content.tokenizer = bundle.data.tokenizer.get();
  content.card = ModelCard(bundle);
  content.self_test_texts = config.self_test_texts;
  return WriteBundle(CanonicalBundlePath(bundle.directory), content);
}

}  // namespace carousel
