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
  answers += other.answers;
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
  const size_t scores =
      entry.scores == nullptr
          ? 0
          : sizeof(WordScores) +
                (entry.scores->scores.size() + entry.scores->wanted.size()) *
                    sizeof(WordScores::Score);
  const size_t context =
      entry.context == nullptr
          ? 0
          : sizeof(ContextStates) +
                entry.context->values.capacity() * sizeof(uint16_t);
  return sizeof(Entry) + kContainers + entry.tokens.size() * sizeof(int32_t) +
         entry.state.size() * sizeof(float) + scores + context;
}

// The entry of these tokens, which is then the latest used; or null.
PrefixCache::Entry* PrefixCache::Lookup(const PrefixHash& hash,
                                        absl::Span<const int32_t> tokens) {
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) return nullptr;
  if (tokens != absl::MakeConstSpan(found->second->tokens)) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &*found->second;
}

size_t PrefixCache::Find(absl::Span<const int32_t> tokens, size_t known,
                         absl::Span<float> state) {
  const std::vector<PrefixHash> hashes = HashPrefixes(key_, tokens);
  MutexLock lock(&mutex_);
  for (size_t length = tokens.size(); length > known; --length) {
    const Entry* entry = Lookup(hashes[length - 1], tokens.first(length));
    if (entry == nullptr) continue;
    CopyState(*entry, length - known, state);
    return length;
  }
  ++stats_.misses;
  return 0;
}

// A hit, which saves so many tokens.
void PrefixCache::CopyState(const Entry& entry, size_t tokens,
                            absl::Span<float> state) {
  CAROUSEL_CHECK(entry.state.size() == state.size());
  std::copy(entry.state.begin(), entry.state.end(), state.begin());
  ++stats_.hits;
  stats_.tokens += static_cast<int64_t>(tokens);
}

std::shared_ptr<const ContextStates> PrefixCache::FindContext(
    absl::Span<const int32_t> tokens, size_t begin, absl::Span<float> state) {
  const std::vector<PrefixHash> hashes = HashPrefixes(key_, tokens);
  MutexLock lock(&mutex_);
  for (size_t length = tokens.size(); length > begin; --length) {
    const Entry* entry = Lookup(hashes[length - 1], tokens.first(length));
    if (entry == nullptr || entry->context == nullptr ||
        entry->context->count() != length - begin) {
      continue;
    }
    CopyState(*entry, length - begin, state);
    return entry->context;
  }
  ++stats_.misses;
  return nullptr;
}

size_t PrefixCache::KnownLength(absl::Span<const int32_t> tokens) const {
  const std::vector<PrefixHash> hashes = HashPrefixes(key_, tokens);
  MutexLock lock(&mutex_);
  for (size_t length = tokens.size(); length > 0; --length) {
    const auto found = by_hash_.find(hashes[length - 1]);
    if (found != by_hash_.end() &&
        tokens.first(length) == absl::MakeConstSpan(found->second->tokens)) {
      return length;
    }
  }
  return 0;
}

std::shared_ptr<const WordScores> PrefixCache::FindScores(
    absl::Span<const int32_t> tokens, int words, absl::Span<const int> wanted) {
  const PrefixHash hash = HashPrefixes(key_, tokens).back();
  MutexLock lock(&mutex_);
  const Entry* entry = Lookup(hash, tokens);
  if (entry == nullptr || entry->scores == nullptr) return nullptr;
  if (!entry->scores->Cover(words, wanted)) return nullptr;
  ++stats_.answers;
  return entry->scores;
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
  // It is the same state, or by a chance of 2^-128 another's: then it stays.
  if (by_hash_.contains(entry.hash)) {
    Lookup(entry.hash, tokens);
    return;
  }
  while (stats_.bytes + bytes > max_bytes_) RemoveLast();
  entries_.push_front(std::move(entry));
  by_hash_[entries_.front().hash] = entries_.begin();
  stats_.bytes += bytes;
  stats_.entries = entries_.size();
}

void PrefixCache::InsertScores(absl::Span<const int32_t> tokens,
                               std::shared_ptr<const WordScores> scores) {
  const PrefixHash hash = HashPrefixes(key_, tokens).back();
  MutexLock lock(&mutex_);
  Entry* entry = Lookup(hash, tokens);
  if (entry == nullptr) return;
  std::vector<int> wanted;
  for (const WordScores::Score& score : scores->wanted) {
    wanted.push_back(score.rank);
  }
  if (entry->scores != nullptr && entry->scores->Cover(scores->words, wanted)) {
    return;
  }
  Grow(entry, [&] { entry->scores = std::move(scores); });
}

void PrefixCache::InsertContext(absl::Span<const int32_t> tokens,
                                std::shared_ptr<const ContextStates> states) {
  const PrefixHash hash = HashPrefixes(key_, tokens).back();
  MutexLock lock(&mutex_);
  Entry* entry = Lookup(hash, tokens);
  if (entry == nullptr || entry->context != nullptr) return;
  Grow(entry, [&] { entry->context = std::move(states); });
}

template <typename Change>
void PrefixCache::Grow(Entry* entry, Change change) {
  stats_.bytes -= BytesOf(*entry);
  change();
  stats_.bytes += BytesOf(*entry);
  while (stats_.bytes > max_bytes_) RemoveLast();
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
