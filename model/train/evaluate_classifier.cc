// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/tasks/classification.h"
#include "model/train/evaluations.h"

namespace carousel {

// Texts are measured in parallel, each on one thread.
absl::StatusOr<std::vector<std::string>> EvaluateClassifierBundle(
    const Evaluation& evaluation) {
  const FlagValues& flags = evaluation.flags;
  ClassificationOptions options = {
      .threads = evaluation.threads, .on_progress = [&](int64_t texts) {
        evaluation.progress->Show(absl::StrCat("evaluated ", texts, " texts"));
      }};
  ASSIGN_OR_RETURN(options.labels, LabelMap::Parse(flags.Get("label_map")));
  ASSIGN_OR_RETURN(
      const ClassificationFigures figures,
      EvaluateClassifier(evaluation.model, flags.Get("data"), options));
  return std::vector<std::string>{figures.ToJson()};
}

}  // namespace carousel
