// SPDX-License-Identifier: Apache-2.0
//
// The bundle at the end of a classifier's training: weights, vocabulary,
// labels, the record of how it came about, and the card for whoever considers
// using it.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_EXPORT_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_EXPORT_H_

#include <string>

#include "absl/status/status.h"
#include "model/train/classifier_config.h"
#include "model/train/classifier_data.h"
#include "model/train/run_checkpoint.h"

namespace carousel {

struct ClassifierExport {
  const ClassifierConfig& config;
  const ClassifierData& data;
  const ClassifierSizes& sizes;
  const RunState& state;
  std::string weights_path;  // safetensors with the names of WeightSpecs
  double epochs = 0;
  std::string directory;  // .../NAME/VERSION
};

// The training record of the manifest, as JSON.
std::string TrainingRecord(const ClassifierExport& bundle);

// CARD.md.
std::string ModelCard(const ClassifierExport& bundle);

// Errors as WriteBundle.
absl::Status ExportClassifier(const ClassifierExport& bundle);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_EXPORT_H_
