// SPDX-License-Identifier: Apache-2.0

#include "model/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace carousel {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace carousel
