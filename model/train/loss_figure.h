// SPDX-License-Identifier: Apache-2.0
//
// The figure of a run: perplexity in training and on dev, over the steps.

#ifndef CAROUSEL_MODEL_TRAIN_LOSS_FIGURE_H_
#define CAROUSEL_MODEL_TRAIN_LOSS_FIGURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace carousel {

// The gnuplot script that draws the content of a metrics.jsonl to `output`.
std::string LossFigureScript(absl::string_view metrics,
                             absl::string_view output);

// Draws `run_directory`/metrics.jsonl to loss.svg beside it with gnuplot, as a
// child process; blocks until it is done. NOT_FOUND if gnuplot is not
// installed; FAILED_PRECONDITION if there is nothing to draw yet. The script
// stays as loss.gp.
absl::Status DrawLossFigure(const std::string& run_directory);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_LOSS_FIGURE_H_
