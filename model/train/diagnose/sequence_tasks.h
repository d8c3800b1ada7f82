// SPDX-License-Identifier: Apache-2.0
//
// Tasks that can only be solved by remembering something over many steps.

#ifndef CAROUSEL_MODEL_TRAIN_DIAGNOSE_SEQUENCE_TASKS_H_
#define CAROUSEL_MODEL_TRAIN_DIAGNOSE_SEQUENCE_TASKS_H_

#include <cstdint>

#include "model/train/diagnose/probe_network.h"
#include "model/train/diagnose/probe_training.h"

namespace carousel {

// The adding problem (Hochreiter and Schmidhuber 1997): each step brings a
// number from U(0, 1) and a mark, which is 1 at one step of either half and
// else 0. The target, at the last step, is the sum of the two marked numbers.
// Who always says 1 has a mean squared error of 1/6.
//
// REQUIRES: I = 2, O = 1, T >= 2.
ProbeBatch MakeAddingBatch(const ProbeSizes& sizes, uint64_t seed, BatchUse use,
                           int64_t index);
inline constexpr double kAddingChance = 1.0 / 6;

// The copy task: `copied` symbols out of kCopySymbols, then blanks, and when
// the signal comes, the same symbols are to be said again, in their order.
// Inputs are one-hot: the symbols, blank, signal. Who guesses has a cross
// entropy of log(kCopySymbols).
//
// REQUIRES: I = kCopySymbols + 2, O = kCopySymbols, T > 2 * copied.
BatchMaker CopyBatchMaker(int copied);
inline constexpr int kCopySymbols = 8;

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_DIAGNOSE_SEQUENCE_TASKS_H_
