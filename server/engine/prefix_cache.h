// SPDX-License-Identifier: Apache-2.0
//
// States of one model after sequences of tokens that it has read, so that a
// text that begins like an earlier one is not read again, and what it said of
// the next words there; where they are those of a person's earlier text, also
// what the top layer put out at each (model/tasks/context_cache.h). All are
// functions of the model and the tokens alone: a hit gives what a miss gives.

#ifndef CAROUSEL_SERVER_ENGINE_PREFIX_CACHE_H_
#define CAROUSEL_SERVER_ENGINE_PREFIX_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "model/base/mutex.h"
#include "model/tasks/context_cache.h"
#include "model/tasks/word_scores.h"
#include "server/engine/prefix_hash.h"

namespace carousel {

struct PrefixCacheStats {
  // Look-ups that found a beginning, if only <eos>, with which all texts begin:
  // `tokens` says how much was found. Blocks of earlier text count as others.
  int64_t hits = 0;
  int64_t misses = 0;   // ... that found none
  int64_t tokens = 0;   // that hits saved from being fed
  int64_t answers = 0;  // next words that were known
  int64_t evictions = 0;
  size_t entries = 0;
  size_t bytes = 0;

  PrefixCacheStats& operator+=(const PrefixCacheStats& other);
};

// Thread-safe. The entry that was used longest ago goes first when there are
// more than `max_bytes`.
class PrefixCache {
 public:
  PrefixCache(size_t max_bytes, const PrefixHashKey& key);

  // Copies the state after the longest known beginning of `tokens` that is
  // longer than `known` to `state`, and returns how many tokens that is; 0, and
  // `state` untouched, if there is none. REQUIRES: `state` has the size of
  // those inserted.
  size_t Find(absl::Span<const int32_t> tokens, size_t known,
              absl::Span<float> state);

  // How many tokens of the longest known beginning there are; 0: none is known.
  // Changes neither which entry was used last nor the statistics.
  size_t KnownLength(absl::Span<const int32_t> tokens) const;

  // The scores of the next words after `tokens`, for at least so many words and
  // of the ranks that are wanted (WordScores::Cover); null if they are not
  // known.
  std::shared_ptr<const WordScores> FindScores(
      absl::Span<const int32_t> tokens, int words,
      absl::Span<const int> wanted = {});

  // What the top layer put out at the tokens from `begin` on, of the longest
  // known beginning of `tokens` that is longer; `state` becomes the state after
  // that. Null, and `state` untouched, if there is none. REQUIRES: as Find.
  std::shared_ptr<const ContextStates> FindContext(
      absl::Span<const int32_t> tokens, size_t begin, absl::Span<float> state);

  // Remembers the state after `tokens`, which is copied. One that alone exceeds
  // the bound is not kept.
  void Insert(absl::Span<const int32_t> tokens, absl::Span<const float> state);

  // Remembers the scores after `tokens` as long as the state there; nothing if
  // that is not known, or if scores for as many words are.
  void InsertScores(absl::Span<const int32_t> tokens,
                    std::shared_ptr<const WordScores> scores);

  // Remembers what the top layer put out at the last of `tokens`, as long as
  // the state after them; nothing if that is not known, or if something is.
  void InsertContext(absl::Span<const int32_t> tokens,
                     std::shared_ptr<const ContextStates> states);

  PrefixCacheStats stats() const;

 private:
  struct Entry {
    PrefixHash hash;
    std::vector<int32_t> tokens;
    std::vector<float> state;
    std::shared_ptr<const WordScores> scores = {};
    std::shared_ptr<const ContextStates> context = {};
  };
  using Entries = std::list<Entry>;  // the latest used first

  static size_t BytesOf(const Entry& entry);
  Entry* Lookup(const PrefixHash& hash, absl::Span<const int32_t> tokens)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CopyState(const Entry& entry, size_t tokens, absl::Span<float> state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Changes what is kept with the entry, which is the latest used: it goes
  // last, if it must.
  template <typename Change>
  void Grow(Entry* entry, Change change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveLast() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  const PrefixHashKey key_;

  mutable Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<PrefixHash, Entries::iterator> by_hash_
      ABSL_GUARDED_BY(mutex_);
  PrefixCacheStats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_PREFIX_CACHE_H_
