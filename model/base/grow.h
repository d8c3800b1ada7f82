// SPDX-License-Identifier: Apache-2.0
//
// Buffers that are used again and again, for more or less.

#ifndef CAROUSEL_MODEL_BASE_GROW_H_
#define CAROUSEL_MODEL_BASE_GROW_H_

#include <cstddef>
#include <vector>

namespace carousel {

// Room for `size` elements, whatever is in them. A buffer that shrank with
// every use would be filled with zeros whenever it grows again.
template <typename T, typename Allocator>
T* GrowTo(size_t size, std::vector<T, Allocator>* buffer) {
  if (buffer->size() < size) buffer->resize(size);
  return buffer->data();
}

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_GROW_H_
