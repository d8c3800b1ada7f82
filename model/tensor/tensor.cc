// SPDX-License-Identifier: Apache-2.0

#include "model/tensor/tensor.h"

#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/check.h"

namespace carousel {
namespace {

// A cache line, and the widest vector register of the CPUs we run on.
constexpr std::align_val_t kAlignment{64};

std::shared_ptr<void> AllocateZeroed(size_t bytes) {
  void* memory = ::operator new(bytes > 0 ? bytes : 1, kAlignment);
  std::memset(memory, 0, bytes);
  return {memory, [](void* p) { ::operator delete(p, kAlignment); }};
}

}  // namespace

size_t SizeOf(DType dtype) {
  switch (dtype) {
    case DType::kI8:
      return 1;
    case DType::kBF16:
      return 2;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kI64:
      return 8;
  }
  return 0;
}

absl::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kBF16:
      return "BF16";
    case DType::kI8:
      return "I8";
    case DType::kI32:
      return "I32";
    case DType::kI64:
      return "I64";
  }
  return "?";
}

int64_t NumElements(absl::Span<const int64_t> shape) {
  int64_t product = 1;
  for (int64_t dim : shape) product *= dim;
  return product;
}

std::string ShapeString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

BFloat16 ToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t nearest_even = bits + 0x7fffu + ((bits >> 16) & 1u);
  const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
  const uint32_t safe = is_nan ? bits | 0x400000u : nearest_even;
  return {static_cast<uint16_t>(safe >> 16)};
}

float ToFloat(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

void ToBFloat16(absl::Span<const float> from, absl::Span<BFloat16> to) {
  CAROUSEL_CHECK(from.size() == to.size());
  const float* in = from.data();
  BFloat16* out = to.data();
  const size_t size = from.size();
#pragma omp simd
  for (size_t i = 0; i < size; ++i) out[i] = ToBFloat16(in[i]);
}

void ToFloat(absl::Span<const BFloat16> from, absl::Span<float> to) {
  CAROUSEL_CHECK(from.size() == to.size());
  const BFloat16* in = from.data();
  float* out = to.data();
  const size_t size = from.size();
#pragma omp simd
  for (size_t i = 0; i < size; ++i) out[i] = ToFloat(in[i]);
}

Tensor Tensor::Zeros(DType dtype, Shape shape) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.size_ = NumElements(shape);
  tensor.shape_ = std::move(shape);
  tensor.owner_ = AllocateZeroed(tensor.size_bytes());
  tensor.data_ = tensor.owner_.get();
  return tensor;
}

Tensor Tensor::FromFloats(Shape shape, absl::Span<const float> values) {
  Tensor tensor = Zeros(DType::kF32, std::move(shape));
  CAROUSEL_CHECK(tensor.size() == static_cast<int64_t>(values.size()));
  if (!values.empty()) {
    std::memcpy(tensor.mutable_data<float>(), values.data(),
                tensor.size_bytes());
  }
  return tensor;
}

Tensor Tensor::Borrow(DType dtype, Shape shape, const void* data,
                      std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.size_ = NumElements(shape);
  tensor.shape_ = std::move(shape);
  tensor.data_ = data;
  tensor.borrowed_ = true;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::ToF32() const {
  if (dtype_ == DType::kF32) return FromFloats(shape_, span<float>());
  CAROUSEL_CHECK(dtype_ == DType::kBF16);
  Tensor result = Zeros(DType::kF32, shape_);
  ToFloat(span<BFloat16>(), result.mutable_span<float>());
  return result;
}

Tensor Tensor::ToBF16() const {
  Tensor result = Zeros(DType::kBF16, shape_);
  if (dtype_ == DType::kBF16) {
    std::memcpy(result.mutable_data<BFloat16>(), raw(), size_bytes());
  } else {
    CAROUSEL_CHECK(dtype_ == DType::kF32);
    ToBFloat16(span<float>(), result.mutable_span<BFloat16>());
  }
  return result;
}

const void* Tensor::CheckedData(size_t element_size) const {
  CAROUSEL_CHECK(element_size == SizeOf(dtype_));
  return data_;
}

void* Tensor::CheckedMutableData(size_t element_size) {
  CAROUSEL_CHECK(element_size == SizeOf(dtype_));
  CAROUSEL_CHECK(!borrowed_);
  return const_cast<void*>(data_);
}

}  // namespace carousel
