// SPDX-License-Identifier: Apache-2.0

#include "model/layers/adaptive_softmax.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/head_kernels.h"
#include "model/layers/packing.h"

namespace carousel {
namespace {

absl::Status CheckSizes(const AdaptiveSoftmaxSizes& sizes) {
  int before = 0;
  for (int cutoff : sizes.cutoffs) {
    if (cutoff <= before || cutoff >= sizes.vocabulary) {
      return absl::InvalidArgumentError(absl::StrCat(
          "adaptive softmax: cutoffs ", absl::StrJoin(sizes.cutoffs, ", "),
          ", expected ascending ones between 1 and ", sizes.vocabulary - 1,
          ", which is the vocabulary less 1"));
    }
    before = cutoff;
  }
  if (sizes.cutoffs.empty()) {
    return absl::InvalidArgumentError(
        "adaptive softmax: expected at least one cutoff, found none");
  }
  // Eight clusters would want 4^8 features; it also bounds the shift.
  if (sizes.clusters() > 8 || sizes.ClusterWidth(sizes.clusters() - 1) < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "adaptive softmax: ", sizes.clusters(), " clusters of ", sizes.features,
        " features: cluster k has features / "
        "4^(k+1), expected at least 1"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> AdaptiveSoftmaxWeightSpecs(
    absl::string_view prefix, const AdaptiveSoftmaxSizes& sizes) {
  RETURN_IF_ERROR(CheckSizes(sizes));
  std::vector<WeightSpec> specs = {LinearWeight(
      absl::StrCat(prefix, "head.weight"), sizes.head(), sizes.features)};
  for (int k = 0; k < sizes.clusters(); ++k) {
    const int64_t width = sizes.ClusterWidth(k);
    specs.push_back(LinearWeight(absl::StrCat(prefix, "tail.", k, ".0.weight"),
                                 width, sizes.features));
    specs.push_back(LinearWeight(absl::StrCat(prefix, "tail.", k, ".1.weight"),
                                 sizes.ClusterWords(k), width));
  }
  return specs;
}

absl::StatusOr<std::unique_ptr<const AdaptiveSoftmax>> AdaptiveSoftmax::Create(
    const AdaptiveSoftmaxSizes& sizes, absl::Span<const Tensor> weights) {
  CAROUSEL_CHECK(static_cast<int>(weights.size()) == 1 + 2 * sizes.clusters());
  auto softmax = absl::WrapUnique(new AdaptiveSoftmax(sizes));
  ASSIGN_OR_RETURN(softmax->head_, PackTransposed(weights[0]));
  for (size_t k = 1; k < weights.size(); k += 2) {
    Cluster& cluster = softmax->tail_.emplace_back();
    ASSIGN_OR_RETURN(cluster.projection, PackTransposed(weights[k]));
    ASSIGN_OR_RETURN(cluster.words, PackTransposed(weights[k + 1]));
  }
  return softmax;
}

absl::Status AdaptiveSoftmax::LogProbabilities(const float* features,
                                               int64_t rows,
                                               float* log_probabilities,
                                               Executor* executor) const {
  const HeadKernels& kernels = *GetKernels().heads;
  const int64_t frequent = sizes_.cutoffs[0];
  const int64_t vocabulary = sizes_.vocabulary;
  std::vector<float> head(static_cast<size_t>(rows * sizes_.head()));
  RETURN_IF_ERROR(MultiplyRows(*head_, features, rows, head.data(), executor));
  for (int64_t m = 0; m < rows; ++m) {
    float* row = head.data() + m * sizes_.head();
    kernels.log_softmax(sizes_.head(), row);
    std::copy_n(row, frequent, log_probabilities + m * vocabulary);
  }
  std::vector<float> projected, words;
  for (int k = 0; k < sizes_.clusters(); ++k) {
    const Cluster& cluster = tail_[static_cast<size_t>(k)];
    const int64_t count = sizes_.ClusterWords(k);
    projected.resize(static_cast<size_t>(rows * sizes_.ClusterWidth(k)));
    words.resize(static_cast<size_t>(rows * count));
    RETURN_IF_ERROR(MultiplyRows(*cluster.projection, features, rows,
                                 projected.data(), executor));
    RETURN_IF_ERROR(MultiplyRows(*cluster.words, projected.data(), rows,
                                 words.data(), executor));
    for (int64_t m = 0; m < rows; ++m) {
      float* row = words.data() + m * count;
      float* out = log_probabilities + m * vocabulary + sizes_.ClusterBegin(k);
      kernels.log_softmax(count, row);
      std::fill_n(out, count,
                  head[static_cast<size_t>(m * sizes_.head() + frequent + k)]);
      GetKernels().add(count, row, out);
    }
  }
  return absl::OkStatus();
}

size_t AdaptiveSoftmax::memory_bytes() const {
  size_t bytes = head_->memory_bytes();
  for (const Cluster& cluster : tail_) {
    bytes += cluster.projection->memory_bytes() + cluster.words->memory_bytes();
  }
  return bytes;
}

}  // namespace carousel
