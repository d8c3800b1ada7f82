// SPDX-License-Identifier: Apache-2.0
//
// What turns a gradient into new weights: SGD, averaged SGD, Adam and AdamW
// over one flat array of parameters, and the clipping that comes before.

#ifndef CAROUSEL_MODEL_TRAIN_OPTIMISER_H_
#define CAROUSEL_MODEL_TRAIN_OPTIMISER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/weights/safetensors.h"

namespace carousel {

// g is the gradient; a decay d adds d * w to it, but for kAdamW's.
enum class OptimiserKind {
  kSgd,          // v = momentum * v + g, w -= lr * v
  kAveragedSgd,  // kSgd, and the mean of w over the steps (Polyak 1992)
  kAdam,         // Kingma and Ba 2015
  kAdamW,        // Loshchilov and Hutter 2019: decay apart from the gradient
};

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::kAdamW;
  float weight_decay = 0;  // of the parameters marked `decays`
  float momentum = 0;      // kSgd, kAveragedSgd
  float beta1 = 0.9f;      // kAdam, kAdamW
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
};

// A stretch of the parameters that is treated alike.
struct ParameterRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool decays = false;
};

// Makes all values zero, on all OpenMP threads.
void Zero(absl::Span<float> values);

// Euclidean norm; the same for every number of OpenMP threads.
double Norm(absl::Span<const float> values);

// The factor that brings a gradient of this norm down to `clip_norm`
// (Pascanu, Mikolov, Bengio 2013); 1 if it is not above, or clip_norm is 0.
float ClipFactor(double norm, float clip_norm);

// Multiplies each value by `scale`, then brings it into [-bound, bound].
void ScaleAndClamp(float scale, float bound, absl::Span<float> values);

// Thread-compatible; computes with the OpenMP threads of the caller. Results do
// not depend on their number.
class Optimiser {
 public:
  // REQUIRES: the ranges cover [0, size) in order.
  Optimiser(const OptimiserOptions& options,
            std::vector<ParameterRange> ranges);

  // weights -= update(gradient_scale * gradient), but for frozen ranges.
  void Update(float learning_rate, float gradient_scale,
              absl::Span<const float> gradient, absl::Span<float> weights);

  // Freezes a range, or lets it learn again: its moments and its count of
  // updates then go on from where they were. Not part of State().
  void SetTrainable(size_t range, bool trainable);
  bool trainable(size_t range) const { return trainable_[range] != 0; }

  // From the next update on the weights are averaged. Once; kAveragedSgd.
  void StartAveraging();
  bool averaging() const { return !average_.empty(); }

  // The mean of the weights over the updates since StartAveraging; empty
  // before the first.
  absl::Span<const float> average() const;

  // All that the next Update depends on, borrowed: it changes with that.
  // Writing a State() of the same options and the same averaging() into the
  // tensors takes up where it was taken.
  std::vector<NamedTensor> State() const;

  // The name of the tensor that State() has if averaging().
  static constexpr char kAverage[] = "optimiser.average";

 private:
  void UpdateRange(size_t range, float learning_rate, float gradient_scale,
                   absl::Span<const float> gradient, absl::Span<float> weights);

  const OptimiserOptions options_;
  const std::vector<ParameterRange> ranges_;
  std::vector<uint8_t> trainable_;    // of each range
  std::vector<int64_t> updates_;      // of each range
  std::vector<float> first_moment_;   // Adam's mean, SGD's momentum
  std::vector<float> second_moment_;  // Adam's
  std::vector<float> average_;
  std::vector<int64_t> averaged_;  // one: the updates in average_
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_OPTIMISER_H_
