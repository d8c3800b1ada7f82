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
  if (!sizes.tied &&
      (sizes.clusters() > 8 || sizes.ClusterWidth(sizes.clusters() - 1) < 1)) {
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
  if (sizes.tied) {
    return std::vector<WeightSpec>{
        {absl::StrCat(prefix, "bias"), {sizes.vocabulary}, Init::kZero},
        LinearWeight(absl::StrCat(prefix, "clusters.weight"), sizes.clusters(),
                     sizes.features),
        {absl::StrCat(prefix, "clusters.bias"),
         {sizes.clusters()},
         Init::kZero}};
  }
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
  auto softmax = absl::WrapUnique(new AdaptiveSoftmax(sizes));
  if (sizes.tied) {
    CAROUSEL_CHECK(weights.size() == 4);
    RETURN_IF_ERROR(softmax->PackTied(weights));
    return softmax;
  }
  CAROUSEL_CHECK(static_cast<int>(weights.size()) == 1 + 2 * sizes.clusters());
  softmax->head_bias_.resize(static_cast<size_t>(sizes.head()));
  softmax->bias_.resize(static_cast<size_t>(sizes.vocabulary));
  ASSIGN_OR_RETURN(softmax->head_, PackTransposed(weights[0]));
  for (size_t k = 1; k < weights.size(); k += 2) {
    Cluster& cluster = softmax->tail_.emplace_back();
    ASSIGN_OR_RETURN(cluster.projection, PackTransposed(weights[k]));
    ASSIGN_OR_RETURN(cluster.words, PackTransposed(weights[k + 1]));
  }
  return softmax;
}

// `weights`: embedding, bias, clusters.weight, clusters.bias.
absl::Status AdaptiveSoftmax::PackTied(absl::Span<const Tensor> weights) {
  const int64_t width = sizes_.features;
  const std::vector<float> words = ToVector(weights[0]);
  const auto rows = [&](int begin) { return words.begin() + begin * width; };
  const auto append = [](const Tensor& tensor, std::vector<float>* to) {
    const std::vector<float> values = ToVector(tensor);
    to->insert(to->end(), values.begin(), values.end());
  };
  std::vector<float> head(rows(0), rows(sizes_.cutoffs[0]));
  append(weights[2], &head);
  ASSIGN_OR_RETURN(
      head_, PackTransposed(Tensor::FromFloats({sizes_.head(), width}, head)));
  for (int k = 0; k < sizes_.clusters(); ++k) {
    const int begin = sizes_.ClusterBegin(k);
    const int count = sizes_.ClusterWords(k);
    std::vector<float> cluster(rows(begin), rows(begin + count));
    ASSIGN_OR_RETURN(
        tail_.emplace_back().words,
        PackTransposed(Tensor::FromFloats({count, width}, cluster)));
  }
  bias_ = ToVector(weights[1]);
  head_bias_.assign(bias_.begin(), bias_.begin() + sizes_.cutoffs[0]);
  append(weights[3], &head_bias_);
  return absl::OkStatus();
}

// Less their biases.
absl::Status AdaptiveSoftmax::ClusterLogits(int k, const float* features,
                                            int64_t rows, float* logits,
                                            Executor* executor) const {
  const Cluster& cluster = tail_[static_cast<size_t>(k)];
  if (cluster.projection == nullptr) {
    return MultiplyRows(*cluster.words, features, rows, logits, executor);
  }
  std::vector<float> projected(
      static_cast<size_t>(rows * sizes_.ClusterWidth(k)));
  RETURN_IF_ERROR(MultiplyRows(*cluster.projection, features, rows,
                               projected.data(), executor));
  return MultiplyRows(*cluster.words, projected.data(), rows, logits, executor);
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
    GetKernels().add(sizes_.head(), head_bias_.data(), row);
    kernels.log_softmax(sizes_.head(), row);
    std::copy_n(row, frequent, log_probabilities + m * vocabulary);
  }
  std::vector<float> words;
  for (int k = 0; k < sizes_.clusters(); ++k) {
    const int64_t count = sizes_.ClusterWords(k);
    words.resize(static_cast<size_t>(rows * count));
    RETURN_IF_ERROR(ClusterLogits(k, features, rows, words.data(), executor));
    for (int64_t m = 0; m < rows; ++m) {
      float* row = words.data() + m * count;
      float* out = log_probabilities + m * vocabulary + sizes_.ClusterBegin(k);
      GetKernels().add(count, bias_.data() + sizes_.ClusterBegin(k), row);
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
    bytes += cluster.words->memory_bytes();
    if (cluster.projection != nullptr) {
      bytes += cluster.projection->memory_bytes();
    }
  }
  return bytes + (head_bias_.size() + bias_.size()) * sizeof(float);
}

}  // namespace carousel
