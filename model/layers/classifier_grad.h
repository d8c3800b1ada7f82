// SPDX-License-Identifier: Apache-2.0
//
// The classifier in training: the loss of a batch of labelled texts and its
// gradient by back-propagation through all of their steps. Equations and names
// of the weights: classifier.h.

#ifndef CAROUSEL_MODEL_LAYERS_CLASSIFIER_GRAD_H_
#define CAROUSEL_MODEL_LAYERS_CLASSIFIER_GRAD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/classifier.h"
#include "model/layers/dropout.h"
#include "model/layers/pooling_grad.h"
#include "model/layers/recurrent_stack_grad.h"
#include "model/onednn/executor.h"
#include "model/onednn/precision.h"

namespace carousel {

struct ClassifierTraining {
  StackDropout stack;  // its sites, from 0 on
  float pooled = 0;    // share of what the linear layer reads that is dropped

  // The target gives this share of its probability to all labels alike (Szegedy
  // et al. 2016, section 7).
  float label_smoothing = 0;
};

// A batch of texts and their labels. REQUIRES: each row has one reset, where
// its length says that it begins.
struct LabelledTexts {
  ClassifierTexts texts;
  absl::Span<const uint8_t> resets;  // (T, N): 1 at each row's first step
  absl::Span<const int32_t> labels;  // (N); negative: not counted
};

// Sums over the counted texts.
struct ClassifierFigures {
  double loss = 0;      // -log P(label), with smoothing if there is any
  int64_t texts = 0;    // counted
  int64_t correct = 0;  // whose most probable label is theirs
};

// Not thread-safe; computes with the OpenMP threads of the caller, which must
// not change over its life.
class ClassifierGrad {
 public:
  // For batches of `steps` (T) steps in `rows` (N) rows. `precision` is that of
  // the recurrent layers. REQUIRES: WeightSpecs(sizes) is OK; rates in [0, 1).
  // UNIMPLEMENTED if the CPU has no products in this precision; INTERNAL if
  // oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<ClassifierGrad>> Create(
      const ClassifierSizes& sizes, int steps, int rows,
      const ClassifierTraining& training, Precision precision);

  // Without dropout and smoothing. `weights` are in the order of
  // WeightSpecs(sizes).
  absl::StatusOr<ClassifierFigures> Loss(absl::Span<const float* const> weights,
                                         const LabelledTexts& batch);

  // With both (masks by `key`, whose site is filled in here), and adds the
  // gradient of the loss to `gradients`, in the order of the weights.
  absl::StatusOr<ClassifierFigures> LossAndGradient(
      absl::Span<const float* const> weights, const LabelledTexts& batch,
      DropoutKey key, absl::Span<float* const> gradients);

 private:
  // Where the parts stand in the order of WeightSpecs.
  struct Places {
    size_t rnn = 0;
    size_t pooling = 0;
    size_t output = 0;
  };

  ClassifierGrad(const ClassifierSizes& sizes, int steps, int rows,
                 const ClassifierTraining& training);

  template <typename T>
  absl::Span<T> RnnOf(absl::Span<T> all) const {
    return all.subspan(places_.rnn, places_.pooling - places_.rnn);
  }
  template <typename T>
  absl::Span<T> PoolingOf(absl::Span<T> all) const {
    return all.subspan(places_.pooling, places_.output - places_.pooling);
  }

  absl::Status Forward(absl::Span<const float* const> weights,
                       const LabelledTexts& batch, const DropoutKey* key);
  ClassifierFigures SoftmaxRows(const float* bias, const LabelledTexts& batch,
                                float smoothing);
  absl::Status Backward(absl::Span<const float* const> weights,
                        const LabelledTexts& batch,
                        absl::Span<float* const> gradients);

  const ClassifierSizes sizes_;
  const int64_t steps_;   // T
  const int64_t rows_;    // N
  const int64_t pooled_;  // P
  const ClassifierTraining training_;
  Places places_;
  Executor executor_;
  std::unique_ptr<RecurrentStackGrad> stack_;
  PoolingGrad pooling_;

  std::vector<int32_t> first_;   // (N)
  std::vector<float> x_;         // (T, N, E)
  std::vector<float> features_;  // (N, P): pooled, after dropout
  std::vector<float> mask_;      // (N, P); empty: no dropout
  bool dropping_ = false;        // in the last Forward()
  std::vector<float> logits_;    // (N, L); then their gradient
  std::vector<float> dpooled_;   // (N, P)
  std::vector<float> dy_;        // (T, N, D * H)
  std::vector<float> dx_;        // (T, N, E)
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_CLASSIFIER_GRAD_H_
