// SPDX-License-Identifier: Apache-2.0
//
// An experiment of `carousel-train diagnose`: computes, and says what it found
// in numbers, figures and words. diagnose.h writes the files.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_EXPERIMENT_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_EXPERIMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/train/diagnose/run_pool.h"
#include "model/train/figure.h"
#include "nlohmann/json.hpp"

namespace carousel {

struct DiagnoseOptions {
  std::string out = "diagnose";  // the folder of the results

  // long-memory: the adding problem at every length, and all with three seeds;
  // else at the shortest, with one.
  bool full = false;

  uint64_t seed = 1;
  int threads = 1;  // runs at once; 0: as many as there are CPUs

  // Of the unit that fixed-points iterates.
  double weight = 2;
  double bias = 0;

  // Pairs for reversal, "source<TAB>target"; "": a generated language.
  std::string data = {};

  // Share of the updates that every training has; less than 1 for a quick look
  // at whether everything runs, not at results.
  double effort = 1;
};

struct ExperimentContext {
  const DiagnoseOptions& options;
  RunPoolOptions pool;

  int64_t Updates(int64_t count) const;  // under `effort`, at least 1
};

struct Section {
  std::string text = {};                  // Markdown, without title and figures
  std::vector<NamedFigure> figures = {};  // the first has the experiment's name
  nlohmann::ordered_json numbers = {};
};

struct Experiment {
  const char* name;   // on the command line and of the files
  const char* title;  // in EXPERIMENTS.md
  absl::StatusOr<Section> (*run)(const ExperimentContext& context);
};

extern const Experiment kFixedPointsExperiment;
extern const Experiment kGradientFlowExperiment;
extern const Experiment kLongMemoryExperiment;
extern const Experiment kClippingExperiment;
extern const Experiment kReversalExperiment;
extern const Experiment kAgreementExperiment;

// "| a | b |" and the like.
std::string MarkdownTable(const std::vector<std::string>& header,
                          const std::vector<std::vector<std::string>>& rows);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_EXPERIMENT_H_
