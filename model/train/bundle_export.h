// SPDX-License-Identifier: Apache-2.0
//
// The bundle at the end of a training run: weights, vocabulary, the record of
// how it came about, and the card for whoever considers using it.

#ifndef CAROUSEL_MODEL_TRAIN_BUNDLE_EXPORT_H_
#define CAROUSEL_MODEL_TRAIN_BUNDLE_EXPORT_H_

#include <string>

#include "absl/status/status.h"
#include "model/train/data_preparation.h"
#include "model/train/language_model_config.h"
#include "model/train/run_checkpoint.h"

namespace carousel {

struct BundleExport {
  const LanguageModelConfig& config;
  const PreparedData& data;
  const RunState& state;
  std::string weights_path;  // safetensors with the names of WeightSpecs
  double epochs = 0;
  std::string directory;  // .../NAME/VERSION
};

// The training record of the manifest, as JSON.
std::string TrainingRecord(const BundleExport& bundle);

// CARD.md.
std::string ModelCard(const BundleExport& bundle);

// Errors as WriteBundle.
absl::Status ExportBundle(const BundleExport& bundle);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_BUNDLE_EXPORT_H_
