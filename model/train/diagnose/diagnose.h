// SPDX-License-Identifier: Apache-2.0
//
// `carousel-train diagnose`: the experiments, and the files of what they found.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_DIAGNOSE_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_DIAGNOSE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/base/clock.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/progress.h"

namespace carousel {

// In the order in which EXPERIMENTS.md tells them.
absl::Span<const Experiment* const> Experiments();

// "fixed-points|gradient-flow|...|all".
std::string ExperimentNames();

// Runs the experiment of this name, or "all". In `options.out` are then
//   NAME.md, NAME.json          what was found: words, numbers and settings
//   NAME*.svg, NAME*.gp         figures (with gnuplot) and their scripts
//   NAME.runs.jsonl             each run that is finished: not computed again
// With "all" these are in its folder "experiments", and beside that
//   EXPERIMENTS.md              everything on one page
// INVALID_ARGUMENT for another name; errors of the experiments and of files.
absl::Status Diagnose(absl::string_view name, const DiagnoseOptions& options,
                      Progress* progress, const Clock& clock = Clock::Real());

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_DIAGNOSE_H_
