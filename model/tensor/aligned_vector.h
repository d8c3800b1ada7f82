// SPDX-License-Identifier: Apache-2.0
//
// A std::vector whose memory begins at a cache line, which is as wide as the
// widest vector register: loads and stores then never straddle two lines.

#ifndef CAROUSEL_MODEL_TENSOR_ALIGNED_VECTOR_H_
#define CAROUSEL_MODEL_TENSOR_ALIGNED_VECTOR_H_

#include <cstddef>
#include <new>
#include <vector>

namespace carousel {

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  AlignedAllocator() = default;
  template <typename U>
  // NOLINTNEXTLINE(google-explicit-constructor): as allocators must.
  AlignedAllocator(const AlignedAllocator<U>&) {}

  T* allocate(size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), kAlignment));
  }
  void deallocate(T* p, size_t) { ::operator delete(p, kAlignment); }

  template <typename U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TENSOR_ALIGNED_VECTOR_H_
