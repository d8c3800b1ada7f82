// SPDX-License-Identifier: Apache-2.0
//
// Hashes of the beginnings of a sequence of tokens, each from the one before
// it, under a secret key.

#ifndef CAROUSEL_SERVER_ENGINE_PREFIX_HASH_H_
#define CAROUSEL_SERVER_ENGINE_PREFIX_HASH_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace carousel {

using PrefixHash = std::pair<uint64_t, uint64_t>;

// Drawn once for each process, so that nobody can choose texts that collide.
struct PrefixHashKey {
  uint64_t words[4] = {};
};
PrefixHashKey RandomPrefixHashKey();

// [i]: of the first i + 1 tokens. The hash is not a cryptographic one: whoever
// finds an entry by it compares the tokens.
std::vector<PrefixHash> HashPrefixes(const PrefixHashKey& key,
                                     absl::Span<const int32_t> tokens);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_PREFIX_HASH_H_
