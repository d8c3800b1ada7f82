// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/sequence_tasks.h"

#include <cstddef>
#include <vector>

#include "model/base/random.h"

namespace carousel {
namespace {

ProbeBatch MakeCopyBatch(int copied, const ProbeSizes& sizes, Random random) {
  constexpr int kBlank = kCopySymbols;
  constexpr int kSignal = kCopySymbols + 1;
  ProbeBatch batch = EmptyProbeBatch(sizes);
  std::vector<int32_t> symbols(static_cast<size_t>(copied));
  for (int n = 0; n < sizes.rows; ++n) {
    for (int32_t& symbol : symbols) {
      symbol = static_cast<int32_t>(random.Below(kCopySymbols));
    }
    for (int t = 0; t < sizes.steps; ++t) {
      const int cell = t * sizes.rows + n;
      const int answer = t - (sizes.steps - copied);  // 0: the signal's step
      int input = answer == 0 ? kSignal : kBlank;
      if (t < copied) input = symbols[static_cast<size_t>(t)];
      batch.x[static_cast<size_t>(cell * sizes.inputs + input)] = 1;
      if (answer < 0) continue;
      batch.targets.push_back(
          {.cell = cell, .label = symbols[static_cast<size_t>(answer)]});
    }
  }
  return batch;
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

BatchMaker CopyBatchMaker(int copied) {
  return [copied](const ProbeSizes& sizes, uint64_t seed, BatchUse use,
                  int64_t index) {
    return MakeCopyBatch(copied, sizes, BatchRandom(seed, use, index));
  };
}

}  // namespace carousel
