// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on the logits of one step, in a few passes over plain floats: no
// memory is allocated per token, and the loops compile to vector code.

#ifndef CAROUSEL_MODEL_TASKS_LOGITS_H_
#define CAROUSEL_MODEL_TASKS_LOGITS_H_

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace carousel {

// log(sum_i e^logits_i), to about 1e-6; -infinity for no logits.
double LogSumExp(absl::Span<const float> logits);

// The indices i with accept(i) and logits[i] >= b - slack, in ascending order,
// where b is the count-th largest of the accepted logits; every accepted index
// if they are not more than `count`. `accept` is only asked about logits that
// are among the largest so far. REQUIRES: count >= 1, slack >= 0.
std::vector<int> NearTop(absl::Span<const float> logits, int count, float slack,
                         absl::FunctionRef<bool(int)> accept);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_LOGITS_H_
