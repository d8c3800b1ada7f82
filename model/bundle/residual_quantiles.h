// SPDX-License-Identifier: Apache-2.0
//
// What a forecaster knows of its own errors: quantiles of the residuals (what
// came less what was forecast), for each step of the horizon and each series.
// How they are measured says model/tasks/forecast_residuals.h. In a bundle they
// are a file of their own, residual_quantiles.safetensors, which it may do
// without:
//   levels     F32 (Q)        2 to 32 of them, rising, above 0 and below 1
//   residuals  F32 (K, C, Q)  in standard deviations of the series; not falling
//                             along Q, so that no two quantiles cross

#ifndef CAROUSEL_MODEL_BUNDLE_RESIDUAL_QUANTILES_H_
#define CAROUSEL_MODEL_BUNDLE_RESIDUAL_QUANTILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/layers/forecaster.h"

namespace carousel {

// A plain value.
struct ResidualQuantiles {
  // Bounds the file beside the bound of horizon times series: 64 MiB.
  static constexpr int kMostLevels = 32;

  int steps = 0;                      // K
  int series = 0;                     // C
  std::vector<float> levels = {};     // (Q)
  std::vector<float> residuals = {};  // (K, C, Q)

  // Whether that level was measured, or lies between two that were.
  bool Covers(float level) const {
    return levels.front() <= level && level <= levels.back();
  }

  // By linear interpolation between two levels. REQUIRES: 0 <= step < steps,
  // 0 <= of_series < series, Covers(level).
  double At(int step, int of_series, float level) const;
};

// Those in the file at `path`. DATA_LOSS, saying what was expected and what was
// found, if they are not as described above or not of a network of these sizes.
absl::StatusOr<ResidualQuantiles> LoadResidualQuantiles(
    const std::string& path, const ForecasterSizes& sizes);

absl::Status WriteResidualQuantiles(const std::string& path,
                                    const ResidualQuantiles& quantiles);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_RESIDUAL_QUANTILES_H_
