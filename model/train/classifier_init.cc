// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_init.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/bundle/model.h"
#include "model/train/initial_model.h"

namespace carousel {
namespace {

template <typename T>
absl::Status CheckSame(const ClassifierConfig& config,
                       absl::string_view setting, const T& expected,
                       const T& found) {
  if (expected == found) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("setting ", setting, ": the language model of model.init (",
                   config.init, ") has ", expected, ", found ", found));
}

absl::string_view BoolName(bool value) { return value ? "true" : "false"; }

absl::Status CheckFits(const ClassifierConfig& config,
                       const LanguageModelManifest& model) {
  RETURN_IF_ERROR(CheckSame(config, "text.tokenizer",
                            TokenizerKindName(model.tokenizer),
                            TokenizerKindName(config.tokenizer)));
  RETURN_IF_ERROR(CheckSame(config, "model.cell", CellName(model.sizes.cell),
                            CellName(config.cell)));
  RETURN_IF_ERROR(CheckSame(config, "model.embedding", model.sizes.embedding,
                            config.embedding));
  RETURN_IF_ERROR(
      CheckSame(config, "model.hidden", model.sizes.hidden, config.hidden));
  RETURN_IF_ERROR(
      CheckSame(config, "model.layers", model.sizes.layers, config.layers));
  RETURN_IF_ERROR(CheckSame(config, "model.residual",
                            BoolName(model.sizes.residual),
                            BoolName(config.residual)));
  return CheckSame(config, "model.bidirectional", BoolName(false),
                   BoolName(config.bidirectional));
}

// The stage in which a weight begins to learn.
int StageOf(absl::string_view name, int layers) {
  if (absl::StartsWith(name, "embedding.")) return layers + 1;
  if (!absl::StartsWith(name, "rnn.")) return 0;
  // "rnn.weight_ih_l1_reverse": the digits end before the next mark.
  const absl::string_view number = name.substr(name.rfind("_l") + 2);
  int layer = 0;
  if (!absl::SimpleAtoi(number.substr(0, number.find('_')), &layer)) return 0;
  return layers - layer;
}

}  // namespace

absl::StatusOr<LanguageModelStart> LoadLanguageModelStart(
    const ClassifierConfig& config) {
  ASSIGN_OR_RETURN(const InitialModel initial,
                   LoadInitialModel(config.init, Task::kLanguageModel));
  RETURN_IF_ERROR(
      CheckFits(config, initial.model->manifest().language_model()));
  LanguageModelStart start = {.tokenizer = initial.model->tokenizer(),
                              .weights = {}};
  for (const NamedTensor& weight : initial.weights) {
    if (weight.name == "embedding.weight" ||
        absl::StartsWith(weight.name, "rnn.")) {
      start.weights.push_back({weight.name, weight.tensor.ToF32()});
    }
  }
  return start;
}

bool LearnsInEpoch(absl::string_view name, int layers, int every_epochs,
                   int64_t epoch) {
  return every_epochs == 0 || StageOf(name, layers) <= epoch / every_epochs;
}

}  // namespace carousel
