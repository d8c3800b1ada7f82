// SPDX-License-Identifier: Apache-2.0

#include "server/engine/prefix_cache.h"

#include <algorithm>
#include <utility>

#include "model/base/check.h"

namespace carousel {

PrefixCacheStats& PrefixCacheStats::operator+=(const PrefixCacheStats& other) {
  hits += other.hits;
  misses += other.misses;
  tokens += other.tokens;
  evictions += other.evictions;
  entries += other.entries;
  bytes += other.bytes;
  return *this;
}

PrefixCache::PrefixCache(size_t max_bytes, const PrefixHashKey& key)
    : max_bytes_(max_bytes), key_(key) {}

// What the containers take beside an entry is counted roughly.
size_t PrefixCache::BytesOf(const Entry& entry) {
  constexpr size_t kContainers = 64;
  return sizeof(Entry) + kContainers + entry.tokens.size() * sizeof(int32_t) +
         entry.state.size() * sizeof(float);
}

size_t PrefixCache::Find(absl::Span<const int32_t> tokens,
                         absl::Span<float> state) {
  const std::vector<PrefixHash> hashes = HashPrefixes(key_, tokens);
  MutexLock lock(&mutex_);
  for (size_t length = tokens.size(); length > 0; --length) {
    const auto found = by_hash_.find(hashes[length - 1]);
    if (found == by_hash_.end()) continue;
    const Entry& entry = *found->second;
    if (tokens.first(length) != absl::MakeConstSpan(entry.tokens)) continue;
    CAROUSEL_CHECK(entry.state.size() == state.size());
    std::copy(entry.state.begin(), entry.state.end(), state.begin());
    entries_.splice(entries_.begin(), entries_, found->second);
    ++stats_.hits;
    stats_.tokens += static_cast<int64_t>(length);
    return length;
  }
  ++stats_.misses;
  return 0;
}

void PrefixCache::Insert(absl::Span<const int32_t> tokens,
                         absl::Span<const float> state) {
  CAROUSEL_CHECK(!tokens.empty());
  if (max_bytes_ == 0) return;
  Entry entry = {.hash = HashPrefixes(key_, tokens).back(),
                 .tokens = {tokens.begin(), tokens.end()},
                 .state = {state.begin(), state.end()}};
  const size_t bytes = BytesOf(entry);
  if (bytes > max_bytes_) return;
  MutexLock lock(&mutex_);
  if (const auto found = by_hash_.find(entry.hash); found != by_hash_.end()) {
    // It is the same state, or by a chance of 2^-128 another's: then it stays.
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  while (stats_.bytes + bytes > max_bytes_) RemoveLast();
  entries_.push_front(std::move(entry));
  by_hash_[entries_.front().hash] = entries_.begin();
  stats_.bytes += bytes;
  stats_.entries = entries_.size();
}

void PrefixCache::RemoveLast() {
  stats_.bytes -= BytesOf(entries_.back());
  by_hash_.erase(entries_.back().hash);
  entries_.pop_back();
  ++stats_.evictions;
  stats_.entries = entries_.size();
}

PrefixCacheStats PrefixCache::stats() const {
  MutexLock lock(&mutex_);
  return stats_;
}

}  // namespace carousel
