// SPDX-License-Identifier: Apache-2.0
//
// A dense, row-major tensor: element type, shape, and memory that it owns or
// borrows. It does no arithmetic: kernels work on the raw data (model/onednn,
// model/layers).

#ifndef CAROUSEL_MODEL_TENSOR_TENSOR_H_
#define CAROUSEL_MODEL_TENSOR_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

enum class DType { kF32, kBF16, kI8, kI32, kI64 };

// Bytes of one element.
size_t SizeOf(DType dtype);

// "F32", "BF16", ...: the names that safetensors uses.
absl::string_view DTypeName(DType dtype);

using Shape = absl::InlinedVector<int64_t, 4>;

// Product of the dimensions; 1 for a scalar (empty shape).
// REQUIRES: no dimension is negative and the product fits an int64_t.
int64_t NumElements(absl::Span<const int64_t> shape);

// "[1024,128]".
std::string ShapeString(absl::Span<const int64_t> shape);

// bfloat16: the upper half of a float, rounded to nearest even.
struct BFloat16 {
  uint16_t bits = 0;
};
BFloat16 ToBFloat16(float value);
float ToFloat(BFloat16 value);
void ToBFloat16(absl::Span<const float> from, absl::Span<BFloat16> to);
void ToFloat(absl::Span<const BFloat16> from, absl::Span<float> to);

// Copying is shallow: copies share the memory, which lives as long as any of
// them. Thread-compatible; concurrent reads are safe.
class Tensor {
 public:
  Tensor() = default;

  // Owns zeroed memory, aligned to 64 bytes.
  static Tensor Zeros(DType dtype, Shape shape);

  // Owns a copy of `values`. REQUIRES: as many values as elements.
  static Tensor FromFloats(Shape shape, absl::Span<const float> values);

  // Looks at `data`, which `owner` keeps alive (null: the caller does). The
  // memory is only read: mutable_data() of a borrowed tensor is a bug.
  static Tensor Borrow(DType dtype, Shape shape, const void* data,
                       std::shared_ptr<const void> owner = nullptr);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(int axis) const { return shape_[static_cast<size_t>(axis)]; }
  int64_t size() const { return size_; }
  size_t size_bytes() const {
    return static_cast<size_t>(size_) * SizeOf(dtype_);
  }
  bool empty() const { return data_ == nullptr; }

  const void* raw() const { return data_; }

  // REQUIRES (all four): the element type is T's; to write, memory is owned.
  template <typename T>
  const T* data() const {
    return static_cast<const T*>(CheckedData(sizeof(T)));
  }
  template <typename T>
  T* mutable_data() {
    return static_cast<T*>(CheckedMutableData(sizeof(T)));
  }
  template <typename T>
  absl::Span<const T> span() const {
    return {data<T>(), static_cast<size_t>(size_)};
  }
  template <typename T>
  absl::Span<T> mutable_span() {
    return {mutable_data<T>(), static_cast<size_t>(size_)};
  }

  // A copy in f32 with memory of its own. REQUIRES: F32 or BF16.
  Tensor ToF32() const;

  // A copy in BF16 with memory of its own. REQUIRES: F32 or BF16.
  Tensor ToBF16() const;

 private:
  const void* CheckedData(size_t element_size) const;
  void* CheckedMutableData(size_t element_size);

  DType dtype_ = DType::kF32;
  Shape shape_;
  int64_t size_ = 0;
  const void* data_ = nullptr;
  bool borrowed_ = false;
  std::shared_ptr<const void> owner_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TENSOR_TENSOR_H_
