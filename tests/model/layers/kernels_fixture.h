// SPDX-License-Identifier: Apache-2.0
//
// Every version of the kernels that this CPU can run.

#ifndef CAROUSEL_TESTS_MODEL_LAYERS_KERNELS_FIXTURE_H_
#define CAROUSEL_TESTS_MODEL_LAYERS_KERNELS_FIXTURE_H_

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/layers/kernels.h"

namespace carousel {

using Floats = std::vector<float>;

// Lengths around the widths of vector registers.
inline const std::vector<int64_t> kLengths = {1, 7, 16, 33, 1000};

inline Floats RandomFloats(int64_t n, float low, float high, uint64_t seed) {
  Random random(seed);
  Floats values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(low, high);
  return values;
}

// Every version that this CPU can run.
class KernelsTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (SupportedKernels(GetParam()) == nullptr) {
      GTEST_SKIP() << "this CPU has fewer instruction sets";
    }
  }
  const Kernels& kernels() const { return *SupportedKernels(GetParam()); }
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_MODEL_LAYERS_KERNELS_FIXTURE_H_
