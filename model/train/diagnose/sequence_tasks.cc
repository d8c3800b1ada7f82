// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/sequence_tasks.h"

#include "model/base/random.h"

namespace carousel {
namespace {

// One stream of numbers for each use, so that no test sequence is trained on.
Random BatchRandom(uint64_t seed, BatchUse use, int64_t index) {
  return Random(seed, static_cast<uint64_t>(use) + 1,
                static_cast<uint64_t>(index));
}

}  // namespace

ProbeBatch MakeAddingBatch(const ProbeSizes& sizes, uint64_t seed, BatchUse use,
                           int64_t index) {
  Random random = BatchRandom(seed, use, index);
  ProbeBatch batch = EmptyProbeBatch(sizes);
  const auto rows = static_cast<size_t>(sizes.rows);
  const auto steps = static_cast<size_t>(sizes.steps);
  for (size_t cell = 0; cell < steps * rows; ++cell) {
    batch.x[2 * cell] = random.Uniform();
  }
  for (size_t n = 0; n < rows; ++n) {
    const size_t half = steps / 2;
    const size_t first = random.Below(half);
    const size_t second = half + random.Below(steps - half);
    float sum = 0;
    for (const size_t t : {first, second}) {
      sum += batch.x[2 * (t * rows + n)];
      batch.x[2 * (t * rows + n) + 1] = 1;
    }
    batch.targets.push_back(
        {.cell = static_cast<int32_t>((steps - 1) * rows + n), .value = sum});
  }
  return batch;
}

ProbeBatch MakeCopyBatch(const ProbeSizes& sizes, uint64_t seed, BatchUse use,
                         int64_t index) {
  constexpr int kBlank = kCopySymbols;
  constexpr int kSignal = kCopySymbols + 1;
  Random random = BatchRandom(seed, use, index);
  ProbeBatch batch = EmptyProbeBatch(sizes);
  for (int n = 0; n < sizes.rows; ++n) {
    int32_t symbols[kCopied];
    for (int32_t& symbol : symbols) {
      symbol = static_cast<int32_t>(random.Below(kCopySymbols));
    }
    for (int t = 0; t < sizes.steps; ++t) {
      const int cell = t * sizes.rows + n;
      const int answer = t - (sizes.steps - kCopied);  // 0: the signal's step
      const int input = t < kCopied   ? symbols[t]
                        : answer == 0 ? kSignal
                                      : kBlank;
      batch.x[static_cast<size_t>(cell * sizes.inputs + input)] = 1;
      if (answer < 0) continue;
      batch.targets.push_back({.cell = cell, .label = symbols[answer]});
    }
  }
  return batch;
}

}  // namespace carousel
