// SPDX-License-Identifier: Apache-2.0

#include "model/layers/pooling.h"

#include <algorithm>
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
  std::vector<int32_t> own_places;
  if (places == nullptr) {
    own_places.resize(static_cast<size_t>(width));
    places = own_places.data();
  }
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
  for (int64_t n = 0; n < rows; ++n) {
    PoolRow(sizes_, input, n, out + n * PooledWidth(sizes_), nullptr);
  }
  return absl::OkStatus();
}

absl::Status Pooling::Attend(const PoolingInput& input, float* out,
                             std::vector<float>* alignments,
                             Executor* executor) const {
  const HeadKernels& kernels = *GetKernels().heads;
  const auto rows = static_cast<int64_t>(input.first.size());
  const int64_t width = sizes_.width;
  const int64_t units = sizes_.units;
  std::vector<float> keys(static_cast<size_t>(input.steps * rows * units));
  RETURN_IF_ERROR(MultiplyRows(*projection_, input.states, input.steps * rows,
                               keys.data(), executor));
  std::vector<float> own;
  if (alignments == nullptr) alignments = &own;
  alignments->assign(static_cast<size_t>(rows * input.steps), 0.0f);
  std::fill_n(out, rows * width, 0.0f);
  for (int64_t n = 0; n < rows; ++n) {
    const int64_t first = input.first[static_cast<size_t>(n)];
    if (first == input.steps) continue;
    float* weights = alignments->data() + n * input.steps;  // (T)
    for (int64_t t = first; t < input.steps; ++t) {
      weights[t] = kernels.additive_score(
          units, {.v = score_.data(),
                  .key = keys.data() + (t * rows + n) * units,
                  .query = bias_.data()});
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

size_t Pooling::memory_bytes() const {
  return (bias_.size() + score_.size()) * sizeof(float) +
         (projection_ != nullptr ? projection_->memory_bytes() : 0);
}

}  // namespace carousel
