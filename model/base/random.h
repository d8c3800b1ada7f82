// SPDX-License-Identifier: Apache-2.0
//
// Random numbers that depend on nothing but their key: no hidden state, no
// order of calls, the same on every machine and thread count. That is what
// makes runs repeatable, resumable and independent of how a batch is split.

#ifndef CAROUSEL_MODEL_BASE_RANDOM_H_
#define CAROUSEL_MODEL_BASE_RANDOM_H_

#include <cstdint>

namespace carousel {

// One step of splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads
// neighbouring keys over all 64 bits.
constexpr uint64_t MixBits(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// A stream of numbers for a key; equal keys give equal streams. Cheap to make:
// one per (purpose, step, row). Thread-compatible.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0)
      : state_(MixBits(MixBits(MixBits(MixBits(seed) ^ a) ^ b) ^ c)) {}

  uint64_t Bits() { return MixBits(state_ += 0x9e3779b97f4a7c15ull); }

  // In [0, 1), 24 bits.
  float Uniform() {
    return static_cast<float>(Bits() >> 40) * (1.0f / 16777216.0f);
  }

  // In [low, high).
  float Uniform(float low, float high) {
    return low + (high - low) * Uniform();
  }

  // In [0, n). The bias is below n / 2^64. REQUIRES: n > 0.
  uint64_t Below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Bits()) * n) >>
                                 64);
  }

 private:
  uint64_t state_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_RANDOM_H_
