// SPDX-License-Identifier: Apache-2.0
//
// A window of one or more real-valued series to what comes next: a recurrent
// stack over the window and a linear layer on its last step. For C series, a
// window x of T steps and a horizon of K steps:
//
//   h   = stack(x_1 ... x_T) at T; of a reverse direction, at 1: each
//         direction where it has read the whole window    (D * H)
//   direct:        [y_1 ... y_K] = output * h + bias     (K, C) at once
//   step by step:  y_1 = output * h + bias               (C)
//                  h   = stack's next step on y_1, and so on
//
// With `subtract_last` the network reads x_t - x_T and x_T is added to what it
// says: a shift of the level then shifts the forecast alike (the normalisation
// of NLinear, Zeng et al. 2023). Training: forecaster_grad.h.

#ifndef CAROUSEL_MODEL_LAYERS_FORECASTER_H_
#define CAROUSEL_MODEL_LAYERS_FORECASTER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"

namespace carousel {

enum class ForecastMode { kDirect, kStepByStep };

struct ForecasterSizes {
  // Of a window or a forecast: far beyond what a recurrence uses.
  static constexpr int kMostSteps = 1 << 16;

  StackSizes rnn = {};  // rnn.inputs: C, the series, all read and all forecast
  int window = 0;       // T
  int horizon = 0;      // K
  ForecastMode mode = ForecastMode::kDirect;
  bool subtract_last = false;

  int series() const { return rnn.inputs; }

  // Steps that the output layer gives at once.
  int steps_at_once() const {
    return mode == ForecastMode::kDirect ? horizon : 1;
  }

  bool operator==(const ForecasterSizes&) const = default;
};

// Weights, with PyTorch's names:
//   rnn.*          as StackWeightSpecs
//   output.weight  (K' * C, D * H), output.bias (K' * C); row k * C + c is step
//                  k of series c; K' is steps_at_once()
// INVALID_ARGUMENT if the sizes do not make a network: each positive and at
// most 2^24; a window and a horizon of at most 2^16 steps and together of 2^19
// numbers, for a bundle holds one of each as text; a window whose steps take at
// most 2^26 numbers through the stack; and no bidirectional stack step by step,
// since there is no step without the ones after it.
absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const ForecasterSizes& sizes);

// Immutable, so thread-safe; each thread brings a Workspace of its own.
class Forecaster {
 public:
  // What one thread needs to run forecasters. Grows to the largest call.
  class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(Workspace&&) noexcept;
    Workspace& operator=(Workspace&&) noexcept;

   private:
    friend class Forecaster;
    struct Rep;
    std::unique_ptr<Rep> rep_;
  };

  // `weights` are in the order of WeightSpecs(sizes), F32 or BF16, and are
  // copied. INVALID_ARGUMENT, naming the tensor, if a shape or type is not as
  // it should be; INTERNAL if oneDNN refuses.
  static absl::StatusOr<std::unique_ptr<const Forecaster>> Create(
      const ForecasterSizes& sizes, absl::Span<const Tensor> weights);

  ~Forecaster();

  const ForecasterSizes& sizes() const;

  // The next `steps` steps after each of `rows` windows: `windows` (N, T, C) to
  // `forecasts` (N, steps, C). REQUIRES: 1 <= steps, and steps <= K in the mode
  // kDirect.
  //
  // `look`, if there is one, is asked every few steps; its error ends the
  // computation and is returned.
  using Look = RecurrentStack::Look;
  absl::Status Forecast(absl::Span<const float> windows, int rows, int steps,
                        absl::Span<float> forecasts, Workspace* workspace,
                        const Look* look = nullptr) const;

  // Which kernels multiply.
  std::string Implementation() const;

  // Bytes held.
  size_t memory_bytes() const;

 private:
  struct Rep;
  explicit Forecaster(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_LAYERS_FORECASTER_H_
