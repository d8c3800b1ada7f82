// SPDX-License-Identifier: Apache-2.0
//
// What a bundle loses in bf16 or int8, measured on data, and a bundle that says
// so.

#ifndef CAROUSEL_MODEL_TRAIN_QUANTIZE_H_
#define CAROUSEL_MODEL_TRAIN_QUANTIZE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/bundle/precision_record.h"
#include "model/train/progress.h"

namespace carousel {

struct QuantizeOptions {
  std::string bundle;  // .../NAME/VERSION
  std::string data;    // a file as `evaluate` takes it
  std::string out;     // .../NAME/VERSION, must not be there
  Precision precision = Precision::kInt8;
  bool force = false;  // writes the bundle whatever it loses
  int threads = 1;
  Progress* progress = nullptr;  // not null
};

// Measures the bundle on the data in f32 and in the precision: perplexity of a
// language model, accuracy of a classifier. Both figures go to the progress as
// notes. Blocks; as long as two evaluations.
//
// INVALID_ARGUMENT if the precision is f32 or the task has no such figure;
// errors of Model::Load and of evaluating.
absl::StatusOr<PrecisionRecord> MeasurePrecision(
    const QuantizeOptions& options);

// Writes the bundle with that record (WriteMeasuredBundle).
// FAILED_PRECONDITION, naming the figures, if the loss is beyond the limits and
// not forced.
absl::Status WriteQuantized(const QuantizeOptions& options,
                            const PrecisionRecord& record);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_QUANTIZE_H_
