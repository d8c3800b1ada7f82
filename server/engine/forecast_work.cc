// SPDX-License-Identifier: Apache-2.0

#include "server/engine/forecast_work.h"

#include "model/base/status_macros.h"
#include "model/tasks/forecasting.h"
#include "server/engine/admission.h"

namespace carousel {
namespace {

// Values that count as a token: a state of 64 numbers takes as much memory.
constexpr int64_t kValuesOfToken = 64;

}  // namespace

int ForecastCells(const ForecasterSizes& sizes, int steps) {
  return sizes.window + steps;
}

const ForecasterSizes& ForecastWork::sizes() const {
  return job_.model->forecaster().network->sizes();
}

int64_t ForecastWork::EstimateTokens() const {
  const int64_t values = static_cast<int64_t>(job_.history.size()) +
                         int64_t{job_.steps} * sizes().series();
  return ForecastCells(sizes(), job_.steps) + kTokensOfOutput +
         values / kValuesOfToken;
}

absl::Status ForecastWork::Begin(NetworkRegistry*) {
  ASSIGN_OR_RETURN(window_, ReadWindow(*job_.model, job_.history));
  job_.history = {};
  return absl::OkStatus();
}

// The address tells models apart, as in LabelWork.
ReadySequence ForecastWork::next() const {
  const Forecaster* network = job_.model->forecaster().network.get();
  return {.group = reinterpret_cast<intptr_t>(network),
          .question = job_.steps,
          .cells = ForecastCells(sizes(), job_.steps),
          .whole = true};
}

absl::Status ForecastWork::Run(absl::Span<Work* const> batch, int, Parts* parts,
                               Look look) {
  std::vector<absl::Span<const float>> windows;
  for (Work* work : batch) {
    ForecastWork& forecast = *static_cast<ForecastWork*>(work);
    windows.push_back(forecast.window_);
    forecast.fed_ = ForecastCells(sizes(), job_.steps);
  }
  ASSIGN_OR_RETURN(auto forecasts,
                   ForecastWindows(*job_.model, windows, job_.steps, look,
                                   &parts->scratch()->forecaster));
  for (size_t n = 0; n < batch.size(); ++n) {
    static_cast<ForecastWork*>(batch[n])->forecast_ = std::move(forecasts[n]);
  }
  return absl::OkStatus();
}

void ForecastWork::Complete(absl::Status status, const JobReport& report) {
  if (!status.ok()) return std::move(job_.done)(std::move(status), report);
  std::move(job_.done)(*std::move(forecast_), report);
}

}  // namespace carousel
