// SPDX-License-Identifier: Apache-2.0

#include "model/layers/kernels.h"

namespace carousel {

extern const Kernels kKernelsBaseline;
#ifdef CAROUSEL_KERNELS_X86
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;
#endif

const Kernels* SupportedKernels(int index) {
  const Kernels* supported[4] = {};
  int count = 0;
#ifdef CAROUSEL_KERNELS_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")) {
    supported[count++] = &kKernelsAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    supported[count++] = &kKernelsAvx2;
  }
#endif
  supported[count++] = &kKernelsBaseline;
  return index < count ? supported[index] : nullptr;
}

const Kernels& GetKernels() {
  static const Kernels* const best = SupportedKernels(0);
  return *best;
}

}  // namespace carousel
