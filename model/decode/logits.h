// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic on the logits of one step, in a few passes over plain floats: no
// memory is allocated per token, and the loops compile to vector code.

#ifndef CAROUSEL_MODEL_DECODE_LOGITS_H_
#define CAROUSEL_MODEL_DECODE_LOGITS_H_

#include <cstddef>

#include "absl/types/span.h"

namespace carousel {

// log(sum_i e^logits_i), to about 1e-6; -infinity for no logits.
double LogSumExp(absl::Span<const float> logits);

struct MaxAndSum {
  float max = 0;   // -infinity for no logits, and if all are
  float sum = 0;   // sum_i e^(logits_i - base); then 0
  float base = 0;  // 0, but of logits far from 0 their maximum
};

// To about 1e-6 for a few hundred logits: the sum is one of floats.
MaxAndSum MaxAndSumExp(absl::Span<const float> logits);

// The first index from `from` on whose logit is `threshold` or more; as many as
// there are, if there is none.
size_t FindAtLeast(absl::Span<const float> logits, size_t from,
                   float threshold);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_DECODE_LOGITS_H_
