// SPDX-License-Identifier: Apache-2.0
//
// How many threads the products of the calling thread are shared out to.

#ifndef CAROUSEL_MODEL_TRAIN_THREADS_H_
#define CAROUSEL_MODEL_TRAIN_THREADS_H_

namespace carousel {

// omp_set_num_threads, with no more than OMP_THREAD_LIMIT allows. oneDNN 2.6
// shares out to as many as are set, and where OpenMP starts fewer than that,
// bf16 products are wrong without an error.
void SetThreads(int threads);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_THREADS_H_
