// SPDX-License-Identifier: Apache-2.0
//
// Lets ThreadSanitizer see where OpenMP's parallel regions begin and end, which
// order what is done before, in and after them: libgomp is built without it.
// Part of every test of that build; regions with barriers of their own inside
// them, which we have none of, would need more.

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

namespace {

struct Region {
  void (*work)(void* data);
  void* data;
};

void RunRegion(void* pointer) {
  auto* const region = static_cast<Region*>(pointer);
  __tsan_acquire(region);
  region->work(region->data);
  __tsan_release(region);
}

}  // namespace

// What the compiler makes of `#pragma omp parallel`: every thread calls `work`.
extern "C" void GOMP_parallel(void (*work)(void*), void* data, unsigned threads,
                              unsigned flags) {
  static const auto real = reinterpret_cast<decltype(&GOMP_parallel)>(
      dlsym(RTLD_NEXT, "GOMP_parallel"));
  Region region = {work, data};
  __tsan_release(&region);
  real(RunRegion, &region, threads, flags);
  __tsan_acquire(&region);
}
