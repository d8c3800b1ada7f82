// SPDX-License-Identifier: Apache-2.0

#include "model/train/threads.h"

#include <omp.h>

#include <algorithm>

namespace carousel {

void SetThreads(int threads) {
  omp_set_num_threads(std::min(threads, omp_get_thread_limit()));
}

}  // namespace carousel
