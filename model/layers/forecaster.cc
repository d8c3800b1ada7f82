// SPDX-License-Identifier: Apache-2.0

#include "model/layers/forecaster.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/layers/kernels.h"
#include "model/layers/packing.h"
#include "model/onednn/executor.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// Of a window and its forecast.
constexpr int64_t kMaxNumbers = int64_t{1} << 19;

// Of a window on its way through the stack: 256 MiB.
constexpr int64_t kMaxActivations = int64_t{1} << 26;

// Windows that are run at a time.
constexpr int kMaxRows = 64;

constexpr int64_t kStepsBetweenLooks = 8;

absl::Status CheckSteps(absl::string_view name, int steps) {
  constexpr int kMost = ForecasterSizes::kMostSteps;
  if (steps >= 1 && steps <= kMost) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", steps, ", expected 1 to ", kMost));
}

absl::Status CheckAtMost(absl::string_view name, int64_t value, int64_t most) {
  if (value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", value, ", expected at most ", most));
}

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const ForecasterSizes& sizes) {
  RETURN_IF_ERROR(CheckStackSizes(sizes.rnn));
  RETURN_IF_ERROR(CheckSteps("window", sizes.window));
  RETURN_IF_ERROR(CheckSteps("horizon", sizes.horizon));
  if (sizes.mode == ForecastMode::kStepByStep && sizes.rnn.bidirectional) {
    return absl::InvalidArgumentError(
        "a bidirectional stack cannot forecast step by step");
  }
  RETURN_IF_ERROR(CheckAtMost(
      "window and horizon, times series",
      (int64_t{sizes.window} + sizes.horizon) * sizes.series(), kMaxNumbers));
  RETURN_IF_ERROR(CheckAtMost(
      "window, times what the stack reads and writes",
      sizes.window * (int64_t{sizes.series()} + sizes.rnn.outputs()),
      kMaxActivations));
  const int64_t outputs = int64_t{sizes.steps_at_once()} * sizes.series();
  const int features = sizes.rnn.outputs();
  std::vector<WeightSpec> specs = StackWeightSpecs("rnn.", sizes.rnn);
  specs.push_back(LinearWeight("output.weight", outputs, features));
  specs.push_back({"output.bias", {outputs}, Init::kZero});
  return specs;
}

struct Forecaster::Rep {
  absl::Status Start(const float* windows, int rows, const Look* look,
                     Workspace::Rep* w) const;
  void TakeReverse(const float* first_step, int rows, float* last_step) const;
  absl::Status Output(int rows, Workspace::Rep* w) const;
  absl::Status RunDirect(int rows, int steps, float* forecasts,
                         Workspace::Rep* w) const;
  absl::Status RunStepByStep(int rows, int steps, float* forecasts,
                             const Look* look, Workspace::Rep* w) const;

  ForecasterSizes sizes;
  std::unique_ptr<const RecurrentStack> stack;
  std::unique_ptr<const PackedMatrix> output;  // (D * H, K' * C)
  std::vector<float> bias;                     // (K' * C)
};

struct Forecaster::Workspace::Rep {
  StackWorkspace stack;
  RecurrentState state;
  std::vector<float> x;             // (T, n, C): what the stack reads
  std::vector<float> y;             // (T, n, D * H): what it writes
  std::vector<float> last;          // (n, C): what was subtracted
  std::vector<float> out;           // (n, K' * C)
  const float* features = nullptr;  // (n, D * H): what the output layer reads
};

Forecaster::Workspace::Workspace() : rep_(std::make_unique<Rep>()) {}
Forecaster::Workspace::~Workspace() = default;
Forecaster::Workspace::Workspace(Workspace&&) noexcept = default;
Forecaster::Workspace& Forecaster::Workspace::operator=(Workspace&&) noexcept =
    default;

Forecaster::Forecaster(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Forecaster::~Forecaster() = default;

absl::StatusOr<std::unique_ptr<const Forecaster>> Forecaster::Create(
    const ForecasterSizes& sizes, absl::Span<const Tensor> weights) {
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  RETURN_IF_ERROR(CheckWeights(specs, weights));
  auto rep = std::make_unique<Rep>();
  rep->sizes = sizes;
  const size_t own = weights.size() - 2;
  ASSIGN_OR_RETURN(rep->stack,
                   RecurrentStack::Create(sizes.rnn, weights.first(own)));
  ASSIGN_OR_RETURN(rep->output, PackTransposed(weights[own]));
  rep->bias = ToVector(weights[own + 1]);
  return absl::WrapUnique(new Forecaster(std::move(rep)));
}

const ForecasterSizes& Forecaster::sizes() const { return rep_->sizes; }

// Runs the stack over `rows` windows (n, T, C).
absl::Status Forecaster::Rep::Start(const float* windows, int rows,
                                    const Look* look, Workspace::Rep* w) const {
  const int64_t series = sizes.series();
  const int64_t steps = sizes.window;
  w->x.resize(static_cast<size_t>(steps * rows * series));
  w->y.resize(static_cast<size_t>(steps * rows * sizes.rnn.outputs()));
  w->last.assign(static_cast<size_t>(rows * series), 0);
  for (int64_t n = 0; n < rows; ++n) {
    const float* window = windows + n * steps * series;
    float* last = w->last.data() + n * series;
    if (sizes.subtract_last) {
      std::copy_n(window + (steps - 1) * series, series, last);
    }
    for (int64_t t = 0; t < steps; ++t) {
      float* x = w->x.data() + (t * rows + n) * series;
      for (int64_t c = 0; c < series; ++c) {
        x[c] = window[t * series + c] - last[c];
      }
    }
  }
  w->state = ZeroState(sizes.rnn, rows);
  RETURN_IF_ERROR(stack->Run({.x = w->x.data(), .steps = sizes.window},
                             &w->state, w->y.data(), &w->stack, look));
  float* last_step = w->y.data() + (steps - 1) * rows * sizes.rnn.outputs();
  if (sizes.rnn.bidirectional) TakeReverse(w->y.data(), rows, last_step);
  w->features = last_step;
  return absl::OkStatus();
}

// Copies the reverse half of `first_step` (n, 2 H) to that of `last_step`.
void Forecaster::Rep::TakeReverse(const float* first_step, int rows,
                                  float* last_step) const {
  const int64_t hidden = sizes.rnn.hidden;
  for (int64_t n = 0; n < rows; ++n) {
    const int64_t reverse = (2 * n + 1) * hidden;
    std::copy_n(first_step + reverse, hidden, last_step + reverse);
  }
}

// out = output * features + bias.
absl::Status Forecaster::Rep::Output(int rows, Workspace::Rep* w) const {
  const int64_t width = output->n();
  w->out.resize(static_cast<size_t>(rows * width));
  RETURN_IF_ERROR(MultiplyRows(*output, w->features, rows, w->out.data(),
                               &w->stack.executor()));
  for (int64_t row = 0; row < rows; ++row) {
    GetKernels().add(width, bias.data(), w->out.data() + row * width);
  }
  return absl::OkStatus();
}

absl::Status Forecaster::Rep::RunDirect(int rows, int steps, float* forecasts,
                                        Workspace::Rep* w) const {
  RETURN_IF_ERROR(Output(rows, w));
  const int64_t series = sizes.series();
  for (int64_t n = 0; n < rows; ++n) {
    const float* out = w->out.data() + n * output->n();
    const float* last = w->last.data() + n * series;
    float* forecast = forecasts + n * steps * series;
    for (int64_t i = 0; i < steps * series; ++i) {
      forecast[i] = out[i] + last[i % series];
    }
  }
  return absl::OkStatus();
}

absl::Status Forecaster::Rep::RunStepByStep(int rows, int steps,
                                            float* forecasts, const Look* look,
                                            Workspace::Rep* w) const {
  const int64_t series = sizes.series();
  for (int64_t step = 0; step < steps; ++step) {
    if (look != nullptr && step % kStepsBetweenLooks == 0) {
      RETURN_IF_ERROR((*look)());
    }
    RETURN_IF_ERROR(Output(rows, w));
    for (int64_t i = 0; i < rows * series; ++i) {
      const int64_t n = i / series;
      forecasts[(n * steps + step) * series + i % series] =
          w->out[static_cast<size_t>(i)] + w->last[static_cast<size_t>(i)];
    }
    if (step + 1 == steps) break;
    RETURN_IF_ERROR(stack->Run({.x = w->out.data(), .steps = 1}, &w->state,
                               w->y.data(), &w->stack));
    w->features = w->y.data();
  }
  return absl::OkStatus();
}

absl::Status Forecaster::Forecast(absl::Span<const float> windows, int rows,
                                  int steps, absl::Span<float> forecasts,
                                  Workspace* workspace,
                                  const Look* look) const {
  const ForecasterSizes& sizes = rep_->sizes;
  const int64_t of_window = int64_t{sizes.window} * sizes.series();
  const int64_t of_forecast = int64_t{steps} * sizes.series();
  const bool is_direct = sizes.mode == ForecastMode::kDirect;
  CAROUSEL_CHECK(steps >= 1 && (!is_direct || steps <= sizes.horizon));
  CAROUSEL_CHECK(static_cast<int64_t>(windows.size()) == rows * of_window);
  CAROUSEL_CHECK(static_cast<int64_t>(forecasts.size()) == rows * of_forecast);
  Workspace::Rep* w = workspace->rep_.get();
  for (int done = 0; done < rows;) {
    const int now = LargestBucket(rows - done, kMaxRows);
    float* out = forecasts.data() + done * of_forecast;
    RETURN_IF_ERROR(
        rep_->Start(windows.data() + done * of_window, now, look, w));
    RETURN_IF_ERROR(is_direct ? rep_->RunDirect(now, steps, out, w)
                              : rep_->RunStepByStep(now, steps, out, look, w));
    done += now;
  }
  return absl::OkStatus();
}

std::string Forecaster::Implementation() const {
  return absl::StrCat(rep_->stack->Implementation(), ", matmul ",
                      rep_->output->implementation());
}

size_t Forecaster::memory_bytes() const {
  return rep_->stack->memory_bytes() + rep_->output->memory_bytes() +
         rep_->bias.size() * sizeof(float);
}

}  // namespace carousel
