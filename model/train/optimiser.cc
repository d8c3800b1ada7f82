// SPDX-License-Identifier: Apache-2.0

#include "model/train/optimiser.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/layers/kernels.h"

namespace carousel {
namespace {

// Elements that one thread takes at a time. Fixed, so that sums are made in the
// same order whatever the number of threads.
constexpr int64_t kBlock = 1 << 14;

}  // namespace

double Norm(absl::Span<const float> values) {
  const Kernels& kernels = GetKernels();
  const auto size = static_cast<int64_t>(values.size());
  const int64_t blocks = (size + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<size_t>(blocks));
#pragma omp parallel for schedule(static)
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t begin = block * kBlock;
    sums[static_cast<size_t>(block)] = kernels.sum_of_squares(
        std::min(kBlock, size - begin), values.data() + begin);
  }
  double total = 0;
  for (double sum : sums) total += sum;
  return std::sqrt(total);
}

float ClipFactor(double norm, float clip_norm) {
  if (clip_norm <= 0 || norm <= static_cast<double>(clip_norm)) return 1.0f;
  return static_cast<float>(static_cast<double>(clip_norm) / norm);
}

Optimiser::Optimiser(const OptimiserOptions& options,
                     std::vector<ParameterRange> ranges)
    : options_(options), ranges_(std::move(ranges)) {
  if (options_.kind == OptimiserKind::kAdamW && !ranges_.empty()) {
    first_moment_.resize(static_cast<size_t>(ranges_.back().end));
    second_moment_.resize(static_cast<size_t>(ranges_.back().end));
  }
}

void Optimiser::Update(int64_t step, float learning_rate, float gradient_scale,
                       absl::Span<const float> gradient,
                       absl::Span<float> weights) {
  const Kernels& kernels = GetKernels();
  const auto power = [step](float beta) {
    return std::pow(static_cast<double>(beta), static_cast<double>(step));
  };
  AdamWStep adamw = {
      .learning_rate = learning_rate,
      .beta1 = options_.beta1,
      .beta2 = options_.beta2,
      .epsilon = options_.epsilon,
      .weight_decay = 0,
      .gradient_scale = gradient_scale,
      .bias1 = static_cast<float>(1.0 - power(options_.beta1)),
      .bias2_sqrt = static_cast<float>(std::sqrt(1.0 - power(options_.beta2)))};
  for (const ParameterRange& range : ranges_) {
    adamw.weight_decay = range.decays ? options_.weight_decay : 0.0f;
#pragma omp parallel for schedule(static)
    for (int64_t begin = range.begin; begin < range.end; begin += kBlock) {
      const int64_t count = std::min(kBlock, range.end - begin);
      if (options_.kind == OptimiserKind::kSgd) {
        kernels.sgd(count, learning_rate * gradient_scale,
                    gradient.data() + begin, weights.data() + begin);
      } else {
        kernels.adamw(count, adamw, gradient.data() + begin,
                      first_moment_.data() + begin,
                      second_moment_.data() + begin, weights.data() + begin);
      }
    }
  }
}

}  // namespace carousel
