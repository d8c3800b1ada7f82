// SPDX-License-Identifier: Apache-2.0

#include "server/engine/prefix_hash.h"

#include <random>

namespace carousel {
namespace {

// Both halves of the product folded together, so that every bit of the factors
// reaches every bit of the result (Wang Yi's wyhash).
uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

PrefixHashKey RandomPrefixHashKey() {
  std::random_device source;
  PrefixHashKey key;
  for (uint64_t& word : key.words) {
    word = (uint64_t{source()} << 32) | source() | 1;  // no factor is zero
  }
  return key;
}

std::vector<PrefixHash> HashPrefixes(const PrefixHashKey& key,
                                     absl::Span<const int32_t> tokens) {
  std::vector<PrefixHash> hashes;
  hashes.reserve(tokens.size());
  PrefixHash hash = {key.words[0], key.words[1]};
  for (int32_t token : tokens) {
    const auto value = static_cast<uint64_t>(token);
    hash = {Mix(hash.first ^ value, key.words[2]) + hash.second,
            Mix(hash.second ^ value, key.words[3]) + hash.first};
    hashes.push_back(hash);
  }
  return hashes;
}

}  // namespace carousel
