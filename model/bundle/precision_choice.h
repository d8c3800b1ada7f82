// SPDX-License-Identifier: Apache-2.0
//
// In which precision a bundle runs. Pure: Model::Load acts on it.

#ifndef CAROUSEL_MODEL_BUNDLE_PRECISION_CHOICE_H_
#define CAROUSEL_MODEL_BUNDLE_PRECISION_CHOICE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/bundle/precision_record.h"
#include "model/onednn/precision.h"

namespace carousel {

// The precisions besides f32 that a network has kernels for, or a CPU
// instructions.
struct PrecisionSupport {
  bool bf16 = false;
  bool int8 = false;

  bool Has(Precision precision) const;
};

// Of this CPU.
PrecisionSupport CpuPrecisions();

struct PrecisionQuestion {
  const PrecisionRecords& records;  // of the manifest
  PrecisionSupport network;
  PrecisionSupport cpu;

  // What somebody asks for; none: as the bundle is meant.
  std::optional<Precision> wanted = {};
  // Whether a recorded loss beyond the limits is no hindrance.
  bool force = false;
};

struct PrecisionChoice {
  Precision precision = Precision::kF32;

  // For people, one line: what it costs, or what was meant and is lacking.
  // Empty for f32 that was meant.
  std::string note = {};
};

// A bundle is meant to run in int8 if it has a record of it, else in bf16 if it
// has one of that, else in f32. Where network or CPU lack int8 it runs in bf16
// if there is a record of it, else in f32, and the note says so.
//
// FAILED_PRECONDITION: network or CPU lack what is asked for, naming what; or,
// unless forced, the loss of what is asked for or meant is beyond the limits,
// naming the figures.
absl::StatusOr<PrecisionChoice> ChoosePrecision(
    const PrecisionQuestion& question);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_PRECISION_CHOICE_H_
