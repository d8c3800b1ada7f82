// SPDX-License-Identifier: Apache-2.0

#include "server/engine/warm_up.h"

#include <algorithm>
#include <vector>

#include "model/base/status_macros.h"
#include "model/layers/buckets.h"
#include "server/engine/admission.h"

namespace carousel {
namespace {

// Runs of 8, and of 4, 2 and 1 tiles in one product.
constexpr int kTiles[] = {8, 7};

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

}  // namespace

absl::Status WarmUp(const LanguageModel& network,
                    const StepSchedulerOptions& options, PartScratch* scratch) {
  // The largest first: memory then grows once.
  for (int most = options.max_rows; most >= 1;) {
    const int rows = SmallestBucket(most);
    RecurrentState state = network.InitialState(rows);
    for (int steps = options.max_steps; steps >= 1; steps /= 2) {
      if (steps > 1 && steps * rows > options.max_cells) continue;
      const std::vector<int32_t> tokens(static_cast<size_t>(steps * rows), 0);
      RETURN_IF_ERROR(network.Advance(tokens, steps, rows, &state, nullptr,
                                      &scratch->workspace));
    }
    if (rows == 1 || rows * kTokensOfOutput <= options.max_cells) {
      RETURN_IF_ERROR(WarmUpOutputs(network, rows, state, scratch));
    }
    do --most;
    while (most >= 1 && SmallestBucket(most) == rows);
  }
  return absl::OkStatus();
}

}  // namespace carousel
