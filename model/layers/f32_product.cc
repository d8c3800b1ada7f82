// SPDX-License-Identifier: Apache-2.0

#include "model/layers/f32_product.h"

#include <vector>

#include "model/onednn/matmul.h"

namespace carousel {

#if defined(CAROUSEL_KERNELS_X86)
extern const F32Kernel kF32KernelAvx512, kF32KernelAvx2;
#endif

namespace {

std::vector<const F32Kernel*> Versions() {
  std::vector<const F32Kernel*> versions;
#if defined(CAROUSEL_KERNELS_X86)
  if (SupportsAvx512()) versions.push_back(&kF32KernelAvx512);
  if (SupportsAvx2()) versions.push_back(&kF32KernelAvx2);
#endif
  return versions;
}

}  // namespace

const F32Kernel* F32KernelVersion(int index) {
  static const auto& versions = *new std::vector(Versions());
  return index < static_cast<int>(versions.size())
             ? versions[static_cast<size_t>(index)]
             : nullptr;
}

}  // namespace carousel
