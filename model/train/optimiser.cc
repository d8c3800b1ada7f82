// SPDX-License-Identifier: Apache-2.0

#include "model/train/optimiser.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/base/check.h"
#include "model/layers/kernels.h"

namespace carousel {
namespace {

// Elements that one thread takes at a time. Fixed, so that sums are made in the
// same order whatever the number of threads.
constexpr int64_t kBlock = 1 << 14;

bool IsAdam(OptimiserKind kind) {
  return kind == OptimiserKind::kAdam || kind == OptimiserKind::kAdamW;
}

AdamStep MakeAdamStep(const OptimiserOptions& options, int64_t update) {
  const auto power = [update](float beta) {
    return std::pow(static_cast<double>(beta), static_cast<double>(update));
  };
  return {
      .beta1 = options.beta1,
      .beta2 = options.beta2,
      .epsilon = options.epsilon,
      .bias1 = static_cast<float>(1.0 - power(options.beta1)),
      .bias2_sqrt = static_cast<float>(std::sqrt(1.0 - power(options.beta2)))};
}

}  // namespace

void Zero(absl::Span<float> values) {
  const auto size = static_cast<int64_t>(values.size());
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    std::fill_n(values.data() + begin, std::min(kBlock, size - begin), 0.0f);
  }
}

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

void ScaleAndClamp(float scale, float bound, absl::Span<float> values) {
  const Kernels& kernels = GetKernels();
  const auto size = static_cast<int64_t>(values.size());
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    kernels.scale_and_clamp(std::min(kBlock, size - begin), scale, bound,
                            values.data() + begin);
  }
}

Optimiser::Optimiser(const OptimiserOptions& options,
                     std::vector<ParameterRange> ranges)
    : options_(options),
      ranges_(std::move(ranges)),
      trainable_(ranges_.size(), 1),
      updates_(ranges_.size()),
      averaged_(1) {
  const auto size =
      ranges_.empty() ? size_t{0} : static_cast<size_t>(ranges_.back().end);
  if (IsAdam(options_.kind)) {
    first_moment_.resize(size);
    second_moment_.resize(size);
  } else if (options_.momentum > 0) {
    first_moment_.resize(size);
  }
}

void Optimiser::UpdateRange(size_t range, float learning_rate,
                            float gradient_scale,
                            absl::Span<const float> gradient,
                            absl::Span<float> weights) {
  const Kernels& kernels = GetKernels();
  const ParameterRange& r = ranges_[range];
  const float decay = r.decays ? options_.weight_decay : 0.0f;
  const SgdStep sgd = {.learning_rate = learning_rate,
                       .gradient_scale = gradient_scale,
                       .l2 = decay,
                       .momentum = options_.momentum};
  AdamStep adam = MakeAdamStep(options_, ++updates_[range]);
  adam.learning_rate = learning_rate;
  adam.gradient_scale = gradient_scale;
  adam.l2 = options_.kind == OptimiserKind::kAdam ? decay : 0.0f;
  adam.weight_decay = options_.kind == OptimiserKind::kAdamW ? decay : 0.0f;
#pragma omp parallel for schedule(static)
  for (int64_t begin = r.begin; begin < r.end; begin += kBlock) {
    const int64_t count = std::min(kBlock, r.end - begin);
    const float* g = gradient.data() + begin;
    float* w = weights.data() + begin;
    if (IsAdam(options_.kind)) {
      kernels.adam(count, adam, g, first_moment_.data() + begin,
                   second_moment_.data() + begin, w);
    } else if (first_moment_.empty()) {
      kernels.sgd(count, sgd, g, w);
    } else {
      kernels.sgd_momentum(count, sgd, g, first_moment_.data() + begin, w);
    }
  }
}

void Optimiser::Update(float learning_rate, float gradient_scale,
                       absl::Span<const float> gradient,
                       absl::Span<float> weights) {
  for (size_t range = 0; range < ranges_.size(); ++range) {
    if (!trainable(range)) continue;
    UpdateRange(range, learning_rate, gradient_scale, gradient, weights);
  }
  if (!averaging()) return;
  ++averaged_[0];
  const float share = 1.0f / static_cast<float>(averaged_[0]);
  const auto size = static_cast<int64_t>(weights.size());
#pragma omp parallel for schedule(static)
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    GetKernels().average(std::min(kBlock, size - begin), share,
                         weights.data() + begin, average_.data() + begin);
  }
}

void Optimiser::SetTrainable(size_t range, bool trainable) {
  trainable_[range] = trainable ? 1 : 0;
}

void Optimiser::StartAveraging() {
  CAROUSEL_CHECK(!averaging() && !ranges_.empty());
  average_.resize(static_cast<size_t>(ranges_.back().end));
}

absl::Span<const float> Optimiser::average() const {
  if (averaged_[0] == 0) return {};
  return average_;
}

std::vector<NamedTensor> Optimiser::State() const {
  std::vector<NamedTensor> tensors;
  const auto add = [&](const char* name, DType dtype, const auto& values) {
    if (values.empty()) return;
    tensors.push_back(
        {name, Tensor::Borrow(dtype, {static_cast<int64_t>(values.size())},
                              values.data())});
  };
  add("optimiser.updates", DType::kI64, updates_);
  add("optimiser.first_moment", DType::kF32, first_moment_);
  add("optimiser.second_moment", DType::kF32, second_moment_);
  if (averaging()) {
    add(kAverage, DType::kF32, average_);
    add("optimiser.averaged", DType::kI64, averaged_);
  }
  return tensors;
}

}  // namespace carousel
