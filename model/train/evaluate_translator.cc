// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/tasks/translation_evaluation.h"
#include "model/train/evaluations.h"

namespace carousel {

absl::StatusOr<std::vector<std::string>> EvaluateTranslatorBundle(
    const Evaluation& evaluation) {
  const FlagValues& flags = evaluation.flags;
  TranslationEvaluationOptions options = {.lowercase = flags.Has("lowercase"),
                                          .threads = evaluation.threads};
  ASSIGN_OR_RETURN(options.translation.beam_size,
                   flags.GetCount("beam_size", options.translation.beam_size,
                                  BeamOptions::kMostBeams));
  const std::string penalty = flags.Get("length_penalty", "1");
  if (!absl::SimpleAtod(penalty, &options.translation.length_penalty)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--length_penalty: expected a number, found \"", penalty, "\""));
  }
  ASSIGN_OR_RETURN(const std::vector<ReferencePair> pairs,
                   ReadReferencePairs(flags.Get("data")));
  options.on_progress = [&](int64_t texts) {
    evaluation.progress->Show(
        absl::StrCat("translated ", texts, " of ", pairs.size(), " texts"));
    return true;
  };
  std::vector<std::string> translations;
  ASSIGN_OR_RETURN(const TranslationFigures figures,
                   EvaluateTranslator(evaluation.model.translator(), pairs,
                                      options, &translations));
  if (flags.Has("translations")) {
    std::string text;
    for (const std::string& line : translations) {
      absl::StrAppend(&text, line, "\n");
    }
    RETURN_IF_ERROR(WriteFileAtomically(flags.Get("translations"), text));
  }
  return std::vector<std::string>{figures.ToJson()};
}

}  // namespace carousel
