// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train evaluate`, task by task.

#ifndef CAROUSEL_MODEL_TRAIN_EVALUATIONS_H_
#define CAROUSEL_MODEL_TRAIN_EVALUATIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/bundle/model.h"
#include "model/train/command_line.h"
#include "model/train/progress.h"

namespace carousel {

struct Evaluation {
  const Model& model;
  const FlagValues& flags;  // of `evaluate`
  int threads = 1;          // OpenMP's is set to 1
  Progress* progress = nullptr;
};

// Measures a model of the task on the file of --data: one JSON object a line.
using EvaluateFunction =
    absl::StatusOr<std::vector<std::string>> (*)(const Evaluation& evaluation);

absl::StatusOr<std::vector<std::string>> EvaluateLanguageModelBundle(
    const Evaluation& evaluation);
absl::StatusOr<std::vector<std::string>> EvaluateClassifierBundle(
    const Evaluation& evaluation);
absl::StatusOr<std::vector<std::string>> EvaluateTranslatorBundle(
    const Evaluation& evaluation);
absl::StatusOr<std::vector<std::string>> EvaluateForecasterBundle(
    const Evaluation& evaluation);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_EVALUATIONS_H_
