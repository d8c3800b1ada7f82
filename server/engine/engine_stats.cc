// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"

namespace carousel {

EngineStats Engine::stats() const {
  EngineStats stats;
  {
    MutexLock lock(&mutex_);
    stats = stats_;
    stats.queue = queue_.load();
  }
  stats.cache = networks_.cache_stats();
  return stats;
}

PrefixCacheStats Engine::cache_stats(const LanguageModel& network) const {
  const auto states = networks_.FindKnown(&network);
  return states == nullptr ? PrefixCacheStats() : states->cache.stats();
}

}  // namespace carousel
