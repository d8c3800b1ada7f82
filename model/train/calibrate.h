// SPDX-License-Identifier: Apache-2.0
//
// Makes a classifier as sure as it is right: temperature scaling on data that
// it was not trained on (model/tasks/calibration.h). The temperature goes into
// the output layer, so that whoever loads the bundle gets calibrated
// probabilities and nothing else has to know of it; labels stay as they are.

#ifndef CAROUSEL_MODEL_TRAIN_CALIBRATE_H_
#define CAROUSEL_MODEL_TRAIN_CALIBRATE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/tasks/labelled_text.h"
#include "model/train/progress.h"

namespace carousel {

struct CalibrateOptions {
  std::string bundle;  // .../NAME/VERSION, of a classifier
  std::string data;    // as for `evaluate`
  LabelMap labels = {};
  std::string out;  // .../NAME/VERSION, must not be there
  int threads = 1;
  Progress* progress = nullptr;  // not null
};

struct Calibration {
  double temperature = 1;
  double error_before = 0;  // expected calibration error on the data, and what
  double error_after = 0;   // the temperature makes of it
  int64_t texts = 0;
  std::string file = {};  // the data, without its folder
  std::string sha256 = {};

  // One JSON object.
  std::string ToJson() const;
};

// Blocks; as long as an evaluation. INVALID_ARGUMENT if the bundle is no
// classifier; errors of Model::Load and EvaluateClassifier.
absl::StatusOr<Calibration> MeasureCalibration(const CalibrateOptions& options);

// Writes the bundle with that temperature in it, and what was measured in its
// training record and its card. What was recorded of precisions stays.
absl::Status WriteCalibrated(const CalibrateOptions& options,
                             const Calibration& calibration);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CALIBRATE_H_
