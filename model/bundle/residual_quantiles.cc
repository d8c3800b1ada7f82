// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/residual_quantiles.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

constexpr char kLevels[] = "levels";
constexpr char kResiduals[] = "residuals";

absl::Status CheckShape(absl::string_view name, const Tensor& tensor,
                        const Shape& expected) {
  if (tensor.dtype() == DType::kF32 && tensor.shape() == expected) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      "tensor \"", name, "\": expected F32 ", ShapeString(expected), ", found ",
      DTypeName(tensor.dtype()), " ", ShapeString(tensor.shape())));
}

// Written so that a NaN is refused.
absl::Status CheckLevels(absl::Span<const float> levels) {
  float before = 0;
  for (float level : levels) {
    if (!(level > before && level < 1)) {
      return absl::DataLossError(
          absl::StrCat("tensor \"", kLevels,
                       "\": expected levels that rise from above 0 to below 1, "
                       "found ",
                       level, " after ", before));
    }
    before = level;
  }
  return absl::OkStatus();
}

absl::Status CheckResiduals(absl::Span<const float> residuals, size_t levels) {
  for (size_t i = 0; i < residuals.size(); ++i) {
    const bool falls = i % levels > 0 && !(residuals[i] >= residuals[i - 1]);
    if (std::isfinite(residuals[i]) && !falls) continue;
    return absl::DataLossError(
        absl::StrCat("tensor \"", kResiduals,
                     "\": expected finite numbers that do not fall "
                     "from level to level, found ",
                     residuals[i], " at ", i));
  }
  return absl::OkStatus();
}

absl::StatusOr<ResidualQuantiles> Read(const Safetensors& file,
                                       const ForecasterSizes& sizes) {
  ASSIGN_OR_RETURN(const Tensor levels, file.Get(kLevels));
  ASSIGN_OR_RETURN(const Tensor residuals, file.Get(kResiduals));
  constexpr int kMost = ResidualQuantiles::kMostLevels;
  if (file.tensors().size() != 2 || levels.size() < 2 ||
      levels.size() > kMost) {
    return absl::DataLossError(absl::StrCat(
        "expected \"levels\", 2 to ", kMost,
        " of them, and \"residuals\", found ", file.tensors().size(),
        " tensors and ", levels.size(), " levels"));
  }
  RETURN_IF_ERROR(CheckShape(kLevels, levels, {levels.size()}));
  RETURN_IF_ERROR(CheckShape(kResiduals, residuals,
                             {sizes.horizon, sizes.series(), levels.size()}));
  RETURN_IF_ERROR(CheckLevels(levels.span<float>()));
  RETURN_IF_ERROR(CheckResiduals(residuals.span<float>(),
                                 static_cast<size_t>(levels.size())));
  ResidualQuantiles quantiles = {.steps = sizes.horizon,
                                 .series = sizes.series()};
  const auto copy = [](const Tensor& tensor, std::vector<float>* to) {
    to->assign(tensor.span<float>().begin(), tensor.span<float>().end());
  };
  copy(levels, &quantiles.levels);
  copy(residuals, &quantiles.residuals);
  return quantiles;
}

}  // namespace

double ResidualQuantiles::At(int step, int of_series, float level) const {
  CAROUSEL_CHECK(0 <= step && step < steps && 0 <= of_series &&
                 of_series < series && Covers(level));
  const auto above = std::lower_bound(levels.begin(), levels.end(), level);
  const auto q = static_cast<size_t>(above - levels.begin());
  const size_t row = static_cast<size_t>(step) * static_cast<size_t>(series) +
                     static_cast<size_t>(of_series);
  const float* of_row = residuals.data() + row * levels.size();
  if (q == 0) return of_row[0];
  const double share =
      (double{level} - levels[q - 1]) / (double{levels[q]} - levels[q - 1]);
  return of_row[q - 1] + share * (double{of_row[q]} - of_row[q - 1]);
}

absl::StatusOr<ResidualQuantiles> LoadResidualQuantiles(
    const std::string& path, const ForecasterSizes& sizes) {
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  absl::StatusOr<ResidualQuantiles> quantiles = Read(*file, sizes);
  if (quantiles.ok()) return quantiles;
  // Whatever is wrong with it is wrong with the bundle.
  return absl::DataLossError(
      absl::StrCat(path, ": ", quantiles.status().message()));
}

absl::Status WriteResidualQuantiles(const std::string& path,
                                    const ResidualQuantiles& quantiles) {
  const auto levels = static_cast<int64_t>(quantiles.levels.size());
  const NamedTensor tensors[] = {
      {kLevels, Tensor::FromFloats({levels}, quantiles.levels)},
      {kResiduals,
       Tensor::FromFloats({quantiles.steps, quantiles.series, levels},
                          quantiles.residuals)}};
  return WriteSafetensors(path, tensors);
}

}  // namespace carousel
