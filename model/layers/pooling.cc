// SPDX-License-Identifier: Apache-2.0

#include "model/layers/pooling.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/head_kernels.h"
#include "model/layers/packing.h"

namespace carousel {
namespace {

void LastOfRow(const PoolingSizes& sizes, const PoolingInput& input, int64_t n,
               float* out) {
  const auto rows = static_cast<int64_t>(input.first.size());
  const int64_t first = input.first[static_cast<size_t>(n)];
  const int64_t forward = sizes.bidirectional ? sizes.width / 2 : sizes.width;
  const auto state = [&](int64_t t) {
    return input.states + (t * rows + n) * sizes.width;
  };
  std::copy_n(state(input.steps - 1), forward, out);
  std::copy_n(state(first) + forward, sizes.width - forward, out + forward);
}

void MaxAndMeanOfRow(const PoolingSizes& sizes, const PoolingInput& input,
                     int64_t n, float* out, int32_t* places) {
  const HeadKernels& kernels = *GetKernels().heads;
  const auto rows = static_cast<int64_t>(input.first.size());
  const int32_t first = input.first[static_cast<size_t>(n)];
  const int64_t width = sizes.width;
  const float share = 1.0f / static_cast<float>(input.steps - first);
  float* max = out;           // (W)
  float* mean = out + width;  // (W)
  std::copy_n(input.states + (first * rows + n) * width, width, max);
  std::fill_n(places, width, first);
  std::fill_n(mean, width, 0.0f);
  for (int32_t t = first; t < static_cast<int32_t>(input.steps); ++t) {
    const float* state = input.states + (t * rows + n) * width;
    kernels.maximum(width, t, state, max, places);
    kernels.add_scaled(width, share, state, mean);
  }
}

}  // namespace

absl::string_view PoolingKindName(PoolingKind kind) {
  switch (kind) {
    case PoolingKind::kLast:
      return "last";
    case PoolingKind::kMaxMean:
      return "max_mean";
    case PoolingKind::kConcat:
      return "concat";
    case PoolingKind::kAttention:
      return "attention";
  }
  return "";
}

int PooledWidth(const PoolingSizes& sizes) {
  switch (sizes.kind) {
    case PoolingKind::kMaxMean:
      return 2 * sizes.width;
    case PoolingKind::kConcat:
      return 3 * sizes.width;
    case PoolingKind::kLast:
    case PoolingKind::kAttention:
      break;
  }
  return sizes.width;
}

absl::StatusOr<std::vector<WeightSpec>> PoolingWeightSpecs(
    const PoolingSizes& sizes) {
  if (sizes.width < 1 || (sizes.bidirectional && sizes.width % 2 != 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pooling: width ", sizes.width,
        sizes.bidirectional ? " of two directions, expected a positive even one"
                            : ", expected a positive one"));
  }
  std::vector<WeightSpec> specs;
  if (sizes.kind != PoolingKind::kAttention) return specs;
  if (sizes.units < 1) {
    return absl::InvalidArgumentError(absl::StrCat("attention pooling: units ",
                                                   sizes.units,
                                                   ", expected 1 "
                                                   "or more"));
  }
  specs.push_back(
      LinearWeight("pooling.projection.weight", sizes.units, sizes.width));
  specs.push_back({"pooling.projection.bias", {sizes.units}, Init::kZero});
  specs.push_back(LinearWeight("pooling.score.weight", 1, sizes.units));
  return specs;
}

void PoolRow(const PoolingSizes& sizes, const PoolingInput& input, int64_t n,
             float* out, int32_t* places) {
  if (input.first[static_cast<size_t>(n)] == input.steps) {
    std::fill_n(out, PooledWidth(sizes), 0.0f);
    return;
  }
  switch (sizes.kind) {
    case PoolingKind::kLast:
      return LastOfRow(sizes, input, n, out);
    case PoolingKind::kMaxMean:
      return MaxAndMeanOfRow(sizes, input, n, out, places);
    case PoolingKind::kConcat:
      LastOfRow(sizes, input, n, out);
      return MaxAndMeanOfRow(sizes, input, n, out + sizes.width, places);
    case PoolingKind::kAttention:
      CAROUSEL_CHECK(false);
  }
}

absl::StatusOr<std::unique_ptr<const Pooling>> Pooling::Create(
    const PoolingSizes& sizes, absl::Span<const Tensor> weights) {
  auto pooling = absl::WrapUnique(new Pooling(sizes));
  if (sizes.kind != PoolingKind::kAttention) return pooling;
  CAROUSEL_CHECK(weights.size() == 3);
  ASSIGN_OR_RETURN(pooling->projection_, PackTransposed(weights[0]));
  pooling->bias_ = ToVector(weights[1]);
  pooling->score_ = ToVector(weights[2]);
  return pooling;
}

absl::Status Pooling::Run(const PoolingInput& input, float* out,
                          std::vector<float>* alignments,
                          Executor* executor) const {
  if (sizes_.kind == PoolingKind::kAttention) {
    return Attend(input, out, alignments, executor);
  }
  const auto rows = static_cast<int64_t>(input.first.size());
  const int64_t pooled = PooledWidth(sizes_);
  std::fill_n(out, rows * pooled, 0.0f);
  for (int64_t n = 0; n < rows && sizes_.kind != PoolingKind::kMaxMean; ++n) {
    if (input.first[static_cast<size_t>(n)] == input.steps) continue;
    LastOfRow(sizes_, input, n, out + n * pooled);
  }
  if (sizes_.kind != PoolingKind::kLast) {
    MaxAndMean(input, out + pooled - 2 * sizes_.width);
  }
  return absl::OkStatus();
}

// Step by step, as the states lie in memory; `out` is where the maximum of the
// first row goes.
void Pooling::MaxAndMean(const PoolingInput& input, float* out) const {
  const HeadKernels& kernels = *GetKernels().heads;
  const int64_t width = sizes_.width;
  const int64_t pooled = PooledWidth(sizes_);
  const auto rows = static_cast<int64_t>(input.first.size());
  const float* state = input.states;
  for (int64_t t = 0; t < input.steps; ++t) {
    for (int64_t n = 0; n < rows; ++n, state += width) {
      const int64_t first = input.first[static_cast<size_t>(n)];
      float* max = out + n * pooled;
      float* mean = max + width;
      if (t == first) std::copy_n(state, width, max);
      if (t >= first) kernels.maximum_and_sum(width, state, max, mean);
      if (t < input.steps - 1 || first == input.steps) continue;
      const float share = 1.0f / static_cast<float>(input.steps - first);
      for (int64_t i = 0; i < width; ++i) mean[i] *= share;
    }
  }
}

absl::Status Pooling::Attend(const PoolingInput& input, float* out,
                             std::vector<float>* alignments,
                             Executor* executor) const {
  const HeadKernels& kernels = *GetKernels().heads;
  const auto rows = static_cast<int64_t>(input.first.size());
  const int64_t width = sizes_.width;
  ASSIGN_OR_RETURN(const std::vector<float> scores,
                   Scores(input.states, input.steps * rows, executor));
  std::vector<float> own;
  if (alignments == nullptr) alignments = &own;
  alignments->assign(static_cast<size_t>(rows * input.steps), 0.0f);
  std::fill_n(out, rows * width, 0.0f);
  for (int64_t n = 0; n < rows; ++n) {
    const int64_t first = input.first[static_cast<size_t>(n)];
    if (first == input.steps) continue;
    float* weights = alignments->data() + n * input.steps;  // (T)
    for (int64_t t = first; t < input.steps; ++t) {
      weights[t] = scores[static_cast<size_t>(t * rows + n)];
    }
    kernels.softmax(input.steps - first, weights + first);
    for (int64_t t = first; t < input.steps; ++t) {
      kernels.add_scaled(width, weights[t],
                         input.states + (t * rows + n) * width,
                         out + n * width);
    }
  }
  return absl::OkStatus();
}

// v . tanh(W h + b) of each of `cells` states (cells, W).
absl::StatusOr<std::vector<float>> Pooling::Scores(const float* states,
                                                   int64_t cells,
                                                   Executor* executor) const {
  const int64_t units = sizes_.units;
  std::vector<float> keys(static_cast<size_t>(cells * units));
  RETURN_IF_ERROR(
      MultiplyRows(*projection_, states, cells, keys.data(), executor));
  std::vector<float> scores(static_cast<size_t>(cells));
  for (int64_t i = 0; i < cells; ++i) {
    scores[static_cast<size_t>(i)] = GetKernels().heads->additive_score(
        units, {.v = score_.data(),
                .key = keys.data() + i * units,
                .query = bias_.data()});
  }
  return scores;
}

absl::Status Pooling::RunBeginnings(const float* states, int64_t steps,
                                    float* out, Executor* executor) const {
  CAROUSEL_CHECK(!sizes_.bidirectional);
  if (sizes_.kind == PoolingKind::kAttention) {
    return AttendBeginnings(states, steps, out, executor);
  }
  const int64_t width = sizes_.width;
  const bool has_last = sizes_.kind != PoolingKind::kMaxMean;
  std::vector<float> max(states, states + width);
  std::vector<float> sum(static_cast<size_t>(width));
  for (int64_t t = 0; t < steps; ++t, states += width) {
    if (has_last) out = std::copy_n(states, width, out);
    if (sizes_.kind == PoolingKind::kLast) continue;
    for (size_t i = 0; i < max.size(); ++i) {
      max[i] = std::max(max[i], states[i]);
      sum[i] += states[i];
    }
    out = std::copy(max.begin(), max.end(), out);
    out = std::transform(sum.begin(), sum.end(), out, [&](float value) {
      return value / static_cast<float>(t + 1);
    });
  }
  return absl::OkStatus();
}

// The softmax over a growing number of scores, relative to the largest so far.
absl::Status Pooling::AttendBeginnings(const float* states, int64_t steps,
                                       float* out, Executor* executor) const {
  const int64_t width = sizes_.width;
  ASSIGN_OR_RETURN(const std::vector<float> scores,
                   Scores(states, steps, executor));
  float max = scores.front();
  float total = 0;
  std::vector<float> sum(static_cast<size_t>(width));
  for (int64_t t = 0; t < steps; ++t, states += width) {
    const float score = scores[static_cast<size_t>(t)];
    const float larger = std::max(max, score);
    const float scale = std::exp(max - larger);
    const float weight = std::exp(score - larger);
    max = larger;
    total = total * scale + weight;
    for (size_t i = 0; i < sum.size(); ++i) {
      sum[i] = sum[i] * scale + weight * states[i];
      *out++ = sum[i] / total;
    }
  }
  return absl::OkStatus();
}

size_t Pooling::memory_bytes() const {
  return (bias_.size() + score_.size()) * sizeof(float) +
         (projection_ != nullptr ? projection_->memory_bytes() : 0);
}

}  // namespace carousel
