// SPDX-License-Identifier: Apache-2.0
//
// What turns a gradient into new weights: SGD and AdamW over one flat array of
// parameters, with the norm of the whole gradient clipped first.

#ifndef CAROUSEL_MODEL_TRAIN_OPTIMISER_H_
#define CAROUSEL_MODEL_TRAIN_OPTIMISER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

enum class OptimiserKind {
  kSgd,    // w -= lr * g
  kAdamW,  // Loshchilov and Hutter 2019: decay apart from the gradient
};

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::kAdamW;
  float weight_decay = 0;  // kAdamW; of the parameters marked `decays`
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
};

// A stretch of the parameters that is treated alike.
struct ParameterRange {
  int64_t begin = 0;
  int64_t end = 0;
  bool decays = false;
};

// Euclidean norm; the same for every number of OpenMP threads.
double Norm(absl::Span<const float> values);

// The factor that brings a gradient of this norm down to `clip_norm`
// (Pascanu, Mikolov, Bengio 2013); 1 if it is not above, or clip_norm is 0.
float ClipFactor(double norm, float clip_norm);

// Thread-compatible; computes with the OpenMP threads of the caller. Results do
// not depend on their number.
class Optimiser {
 public:
  // REQUIRES: the ranges cover [0, size) in order.
  Optimiser(const OptimiserOptions& options,
            std::vector<ParameterRange> ranges);

  // weights -= update(gradient_scale * gradient), for update number `step`,
  // counted from 1.
  void Update(int64_t step, float learning_rate, float gradient_scale,
              absl::Span<const float> gradient, absl::Span<float> weights);

  // AdamW's running means, as long as the parameters; empty for SGD.
  std::vector<float>& first_moment() { return first_moment_; }
  std::vector<float>& second_moment() { return second_moment_; }
  const std::vector<float>& first_moment() const { return first_moment_; }
  const std::vector<float>& second_moment() const { return second_moment_; }

 private:
  const OptimiserOptions options_;
  const std::vector<ParameterRange> ranges_;
  std::vector<float> first_moment_;
  std::vector<float> second_moment_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_OPTIMISER_H_
