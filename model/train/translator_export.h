// SPDX-License-Identifier: Apache-2.0
//
// The bundle at the end of a translator's training run: weights, vocabularies,
// the record of how it came about, and the card.

#ifndef CAROUSEL_MODEL_TRAIN_TRANSLATOR_EXPORT_H_
#define CAROUSEL_MODEL_TRAIN_TRANSLATOR_EXPORT_H_

#include <string>

#include "absl/status/status.h"
#include "model/train/run_checkpoint.h"
#include "model/train/translator_config.h"
#include "model/train/translator_data.h"

namespace carousel {

struct TranslatorExport {
  const TranslatorConfig& config;
  const TranslatorData& data;
  const TranslatorSizes& sizes;
  const RunState& state;
  std::string weights_path;  // safetensors with the names of WeightSpecs
  double epochs = 0;
  std::string directory;  // .../NAME/VERSION
};

// The training record of the manifest, as JSON.
std::string TrainingRecord(const TranslatorExport& bundle);

// CARD.md.
std::string ModelCard(const TranslatorExport& bundle);

// Errors as WriteBundle.
absl::Status ExportTranslator(const TranslatorExport& bundle);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRANSLATOR_EXPORT_H_
