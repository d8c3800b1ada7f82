// SPDX-License-Identifier: Apache-2.0

#include "model/layers/int8_product.h"

#include <vector>

#include "model/onednn/matmul.h"

namespace carousel {

#if defined(CAROUSEL_KERNELS_X86)
extern const Int8Kernel kInt8KernelAmx, kInt8KernelVnni;
#endif

namespace {

std::vector<const Int8Kernel*> Versions() {
  std::vector<const Int8Kernel*> versions;
#if defined(CAROUSEL_KERNELS_X86)
  if (SupportsInt8Tiles()) versions.push_back(&kInt8KernelAmx);
  if (SupportsInt8()) versions.push_back(&kInt8KernelVnni);
#endif
  return versions;
}

}  // namespace

const Int8Kernel* Int8KernelVersion(int index) {
  static const auto& versions = *new std::vector(Versions());
  return index < static_cast<int>(versions.size())
             ? versions[static_cast<size_t>(index)]
             : nullptr;
}

}  // namespace carousel
