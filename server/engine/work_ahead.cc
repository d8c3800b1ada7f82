// SPDX-License-Identifier: Apache-2.0

#include "server/engine/work_ahead.h"

#include <algorithm>
#include <bit>

namespace carousel {

void WorkAhead::Count(int64_t tokens, int64_t sign) {
  const auto width = std::bit_width(static_cast<uint64_t>(tokens));
  Jobs& jobs = by_size_[width];
  jobs.count += sign;
  jobs.tokens += sign * tokens;
  jobs_ += sign;
  tokens_ += sign * tokens;
}

int64_t WorkAhead::Until(int64_t tokens) const {
  int64_t until = tokens;
  for (const Jobs& jobs : by_size_) {
    until += std::min(jobs.tokens, jobs.count * tokens);
  }
  return until;
}

}  // namespace carousel
