// SPDX-License-Identifier: Apache-2.0

#include "model/layers/forecaster_grad.h"

#include <algorithm>
#include <cmath>

#include "absl/memory/memory.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/column_sums.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

struct LossAndSlope {
  double loss;
  float slope;
};

LossAndSlope ElementLoss(const ForecasterTraining& training, float d) {
  const float size = std::abs(d);
  const float sign = d > 0 ? 1.0f : d < 0 ? -1.0f : 0.0f;
  const float delta = training.huber_delta;
  switch (training.loss) {
    case ForecastLoss::kSquared:
      return {double{d} * d, 2 * d};
    case ForecastLoss::kAbsolute:
      return {size, sign};
    case ForecastLoss::kHuber:
      if (size <= delta) return {double{d} * d / 2, d};
      return {double{delta} * (double{size} - delta / 2), delta * sign};
  }
  return {std::nan(""), d};
}

}  // namespace

absl::StatusOr<std::unique_ptr<ForecasterGrad>> ForecasterGrad::Create(
    const ForecasterSizes& sizes, int rows,
    const ForecasterTraining& training) {
  CAROUSEL_CHECK(rows >= 1 && training.huber_delta > 0);
  auto grad = absl::WrapUnique(new ForecasterGrad(sizes, rows, training));
  ASSIGN_OR_RETURN(
      grad->stack_,
      RecurrentStackGrad::Create(sizes.rnn, static_cast<int>(grad->steps_),
                                 rows, training.dropout, training.precision));
  return grad;
}

ForecasterGrad::ForecasterGrad(const ForecasterSizes& sizes, int rows,
                               const ForecasterTraining& training)
    : sizes_(sizes),
      training_(training),
      rows_(rows),
      steps_(sizes.mode == ForecastMode::kDirect
                 ? sizes.window
                 : int64_t{sizes.window} + sizes.horizon - 1),
      outputs_(int64_t{sizes.steps_at_once()} * sizes.series()),
      cells_(rows * int64_t{sizes.horizon} / sizes.steps_at_once()),
      resets_(static_cast<size_t>(steps_ * rows_)),
      x_(static_cast<size_t>(steps_ * rows_ * sizes.series())),
      targets_(static_cast<size_t>(cells_ * outputs_)),
      out_(targets_.size()),
      features_(static_cast<size_t>(cells_ * sizes.rnn.outputs())),
      dfeatures_(features_.size()),
      dy_(static_cast<size_t>(steps_ * rows_ * sizes.rnn.outputs())) {}

// Windows and targets, time-major and less the last value, if that is wanted.
void ForecasterGrad::Arrange(absl::Span<const float> windows,
                             absl::Span<const float> targets) {
  const int64_t series = sizes_.series();
  const int64_t window = sizes_.window;
  const int64_t horizon = sizes_.horizon;
  CAROUSEL_CHECK(static_cast<int64_t>(windows.size()) ==
                 rows_ * window * series);
  CAROUSEL_CHECK(static_cast<int64_t>(targets.size()) ==
                 rows_ * horizon * series);
  const bool is_direct = sizes_.mode == ForecastMode::kDirect;
  for (int64_t n = 0; n < rows_; ++n) {
    const float* from = windows.data() + n * window * series;
    const float* to = targets.data() + n * horizon * series;
    for (int64_t c = 0; c < series; ++c) {
      const float last =
          sizes_.subtract_last ? from[(window - 1) * series + c] : 0.0f;
      for (int64_t t = 0; t < steps_; ++t) {
        const float value =
            t < window ? from[t * series + c] : to[(t - window) * series + c];
        x_[static_cast<size_t>((t * rows_ + n) * series + c)] = value - last;
      }
      for (int64_t k = 0; k < horizon; ++k) {
        const int64_t row = is_direct ? n * horizon + k : k * rows_ + n;
        targets_[static_cast<size_t>(row * series + c)] =
            to[k * series + c] - last;
      }
    }
  }
}

// The last steps of y; of a reverse direction, the first one (kDirect).
void ForecasterGrad::TakeFeatures() {
  const int64_t width = sizes_.rnn.outputs();
  const int64_t hidden = sizes_.rnn.hidden;
  const float* y = stack_->y();
  std::copy_n(y + (steps_ * rows_ - cells_) * width, cells_ * width,
              features_.data());
  if (!sizes_.rnn.bidirectional) return;
  for (int64_t n = 0; n < rows_; ++n) {
    std::copy_n(y + n * width + hidden, hidden,
                features_.data() + n * width + hidden);
  }
}

// dy of the steps that TakeFeatures() reads, 0 at the others.
void ForecasterGrad::ReturnFeatures() {
  const int64_t width = sizes_.rnn.outputs();
  const int64_t hidden = sizes_.rnn.hidden;
  std::fill(dy_.begin(), dy_.end(), 0.0f);
  float* last = dy_.data() + (steps_ * rows_ - cells_) * width;
  std::copy(dfeatures_.begin(), dfeatures_.end(), last);
  if (!sizes_.rnn.bidirectional) return;
  for (int64_t n = 0; n < rows_; ++n) {
    float* reverse = last + n * width + hidden;
    // The first step is the last one if there is but one.
    std::fill_n(reverse, hidden, 0.0f);
    std::copy_n(dfeatures_.data() + n * width + hidden, hidden,
                dy_.data() + n * width + hidden);
  }
}

// out = output * features + bias.
absl::Status ForecasterGrad::Forward(absl::Span<const float* const> weights,
                                     const DropoutKey* key) {
  state_ = ZeroState(sizes_.rnn, static_cast<int>(rows_));
  RETURN_IF_ERROR(stack_->Forward(weights.first(weights.size() - 2), x_.data(),
                                  resets_, key, &state_, &executor_));
  TakeFeatures();
  const float* output = weights[weights.size() - 2];
  const float* bias = weights[weights.size() - 1];
  for (int64_t i = 0; i < cells_; ++i) {
    std::copy_n(bias, outputs_, out_.data() + i * outputs_);
  }
  const int64_t width = sizes_.rnn.outputs();
  return Matmul({.m = cells_,
                 .n = outputs_,
                 .k = width,
                 .a = {features_.data(), width},
                 .b = {output, width, /*transposed=*/true},
                 .c = out_.data(),
                 .c_row_stride = outputs_,
                 .accumulate = true},
                &executor_);
}

// The loss; out becomes dLoss/dout.
double ForecasterGrad::SumLoss() {
  double sum = 0;
  for (size_t i = 0; i < out_.size(); ++i) {
    const auto [loss, slope] = ElementLoss(training_, out_[i] - targets_[i]);
    sum += loss;
    out_[i] = slope;
  }
  return sum;
}

absl::Status ForecasterGrad::Backward(absl::Span<const float* const> weights,
                                      absl::Span<float* const> gradients) {
  const size_t own = weights.size() - 2;
  const int64_t width = sizes_.rnn.outputs();
  // dW = dout^T features.
  RETURN_IF_ERROR(Matmul({.m = outputs_,
                          .n = width,
                          .k = cells_,
                          .a = {out_.data(), outputs_, /*transposed=*/true},
                          .b = {features_.data(), width},
                          .c = gradients[own],
                          .c_row_stride = width,
                          .accumulate = true},
                         &executor_));
  AddColumnSums(out_.data(), cells_, outputs_, gradients[own + 1]);
  // dfeatures = dout W.
  RETURN_IF_ERROR(Matmul({.m = cells_,
                          .n = width,
                          .k = outputs_,
                          .a = {out_.data(), outputs_},
                          .b = {weights[own], width},
                          .c = dfeatures_.data(),
                          .c_row_stride = width},
                         &executor_));
  ReturnFeatures();
  return stack_->Backward(weights.first(own), resets_, dy_.data(),
                          /*dstate=*/nullptr, /*dx=*/nullptr,
                          gradients.first(own), &executor_);
}

absl::StatusOr<double> ForecasterGrad::Loss(
    absl::Span<const float* const> weights, absl::Span<const float> windows,
    absl::Span<const float> targets) {
  Arrange(windows, targets);
  RETURN_IF_ERROR(Forward(weights, /*key=*/nullptr));
  return SumLoss();
}

absl::StatusOr<double> ForecasterGrad::LossAndGradient(
    absl::Span<const float* const> weights, absl::Span<const float> windows,
    absl::Span<const float> targets, const DropoutKey& key,
    absl::Span<float* const> gradients) {
  Arrange(windows, targets);
  RETURN_IF_ERROR(Forward(weights, &key));
  const double loss = SumLoss();
  RETURN_IF_ERROR(Backward(weights, gradients));
  return loss;
}

}  // namespace carousel
