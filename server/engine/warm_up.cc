// SPDX-License-Identifier: Apache-2.0

#include "server/engine/warm_up.h"

#include <algorithm>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "model/base/buckets.h"
#include "model/base/status_macros.h"
#include "server/engine/admission.h"
#include "server/engine/forecast_work.h"

namespace carousel {
namespace {

// Runs of 8, and of 4, 2 and 1 tiles in one product.
constexpr int kTiles[] = {8, 7};

// A text is read in chunks of 8 steps, and at its ends of 4, 2 and 1.
constexpr int kTextSteps = 15;
constexpr int kTextWords = 127;

// Rows of a translator's step, of which it makes powers of two.
constexpr int kTranslatorRows = 64;

absl::Status WarmUpOutputs(const LanguageModel& network, int rows,
                           const RecurrentState& state, PartScratch* scratch) {
  ASSIGN_OR_RETURN(
      const absl::Span<const float> features,
      network.Features(network.Top(state), rows, &scratch->workspace));
  for (int tiles : kTiles) {
    RETURN_IF_ERROR(network.VisitLogits(
        features, rows, 0, std::min(tiles, network.tiles()),
        [](const LogitTile&) {}, &scratch->workspace));
  }
  return absl::OkStatus();
}

// The largest first: memory then grows once.
absl::Status ForEachBucket(int max_rows,
                           absl::FunctionRef<absl::Status(int rows)> run) {
  for (int most = max_rows; most >= 1;) {
    const int rows = SmallestBucket(most);
    RETURN_IF_ERROR(run(rows));
    do --most;
    while (most >= 1 && SmallestBucket(most) == rows);
  }
  return absl::OkStatus();
}

// Words that differ are multiplied in powers of two of them, those of one text
// of kTextWords in each.
absl::Status WarmUpWords(const Classifier& network, PartScratch* scratch) {
  std::vector<int32_t> tokens(kTextWords);
  for (int32_t i = 0; i < kTextWords; ++i) {
    tokens[static_cast<size_t>(i)] = i % network.sizes().vocabulary;
  }
  std::vector<float> result(static_cast<size_t>(network.sizes().labels));
  return network.LogProbabilities({.tokens = tokens, .lengths = {kTextWords}},
                                  absl::MakeSpan(result), &scratch->classifier);
}

}  // namespace

absl::Status WarmUp(const LanguageModel& network,
                    const StepSchedulerOptions& options, PartScratch* scratch) {
  return ForEachBucket(options.max_rows, [&](int rows) {
    RecurrentState state = network.InitialState(rows);
    for (int steps = options.max_steps; steps >= 1; steps /= 2) {
      if (steps > 1 && steps * rows > options.max_cells) continue;
      const std::vector<int32_t> tokens(static_cast<size_t>(steps * rows), 0);
      RETURN_IF_ERROR(network.Advance(tokens, steps, rows, &state, nullptr,
                                      &scratch->workspace));
    }
    if (rows > 1 && rows * kTokensOfOutput > options.max_output_cells) {
      return absl::OkStatus();
    }
    return WarmUpOutputs(network, rows, state, scratch);
  });
}

absl::Status WarmUp(const Classifier& network,
                    const StepSchedulerOptions& options, PartScratch* scratch) {
  RETURN_IF_ERROR(WarmUpWords(network, scratch));
  return ForEachBucket(options.max_rows, [&](int rows) {
    const auto count = static_cast<size_t>(rows);
    const std::vector<int32_t> tokens(kTextSteps * count, 0);
    const std::vector<int32_t> lengths(count, kTextSteps);
    std::vector<float> result(count *
                              static_cast<size_t>(network.sizes().labels));
    return network.LogProbabilities({.tokens = tokens, .lengths = lengths},
                                    absl::MakeSpan(result),
                                    &scratch->classifier);
  });
}

absl::Status WarmUp(const Translator& network, PartScratch* scratch) {
  const Decoder& decoder = network.decoder();
  for (size_t rows = kTranslatorRows; rows >= 1; rows /= 2) {
    const std::vector<std::vector<int32_t>> sources(
        rows, std::vector<int32_t>(kTextSteps, 0));
    ASSIGN_OR_RETURN(const std::vector<EncodedSource> encoded,
                     network.Encode(sources, &scratch->translator));
    std::vector<const RecurrentState*> states;
    std::vector<const AttentionMemory*> memories;
    for (const EncodedSource& source : encoded) {
      states.push_back(&source.state);
      memories.push_back(&source.memory);
    }
    RecurrentState state = decoder.JoinRows(states, std::vector<int>(rows, 0));
    RETURN_IF_ERROR(decoder
                        .Step(std::vector<int32_t>(rows, 0), memories, &state,
                              nullptr, &scratch->translator.decoder())
                        .status());
  }
  return absl::OkStatus();
}

// As many windows as there may be in a batch. Going step by step, all steps but
// the first have the same shape.
absl::Status WarmUp(const Forecaster& network,
                    const StepSchedulerOptions& options, PartScratch* scratch) {
  const ForecasterSizes& sizes = network.sizes();
  const int steps = sizes.mode == ForecastMode::kDirect ? sizes.horizon : 2;
  const int cells = ForecastCells(sizes, steps);
  const int most = std::max(1, options.max_bulk_cells / cells);
  return ForEachBucket(std::min(options.max_rows, most), [&](int rows) {
    const size_t count =
        static_cast<size_t>(rows) * static_cast<size_t>(sizes.series());
    const std::vector<float> windows(count * static_cast<size_t>(sizes.window));
    std::vector<float> forecasts(count * static_cast<size_t>(steps));
    const auto wanted = [] { return absl::OkStatus(); };
    const Forecaster::Look look = wanted;
    return network.Forecast(windows, rows, steps, absl::MakeSpan(forecasts),
                            &scratch->forecaster, &look);
  });
}

}  // namespace carousel
