// SPDX-License-Identifier: Apache-2.0

#include "server/engine/network_registry.h"

namespace carousel {

NetworkRegistry::Entry NetworkRegistry::Find(
    const std::shared_ptr<const LanguageModel>& network) {
  std::vector<std::shared_ptr<NetworkStates>> gone;  // freed after the lock
  MutexLock lock(&mutex_);
  gone = TakeGone();  // first: a new network may lie where one was
  Known& known = known_[network.get()];
  if (known.entry.states == nullptr) {
    known = {.network = network,
             .entry = {.id = next_id_++,
                       .states = std::make_shared<NetworkStates>(
                           network->sizes().stack(), cache_bytes_, key_)}};
  }
  return known.entry;
}

std::shared_ptr<NetworkStates> NetworkRegistry::FindKnown(
    const LanguageModel* network) {
  MutexLock lock(&mutex_);
  const auto known = known_.find(network);
  // At the place of one that has gone a new one may lie.
  if (known == known_.end() || known->second.network.expired()) return nullptr;
  return known->second.entry.states;
}

std::vector<std::shared_ptr<NetworkStates>> NetworkRegistry::TakeGone() {
  std::vector<std::shared_ptr<NetworkStates>> gone;
  for (auto it = known_.begin(); it != known_.end();) {
    const auto current = it++;
    if (!current->second.network.expired()) continue;
    PrefixCacheStats last = current->second.entry.states->cache.stats();
    last.entries = 0;
    last.bytes = 0;
    gone_ += last;
    gone.push_back(current->second.entry.states);
    known_.erase(current);
  }
  return gone;
}

PrefixCacheStats NetworkRegistry::cache_stats() {
  std::vector<std::shared_ptr<NetworkStates>> gone;
  MutexLock lock(&mutex_);
  gone = TakeGone();
  PrefixCacheStats sum = gone_;
  for (const auto& [network, known] : known_) {
    sum += known.entry.states->cache.stats();
  }
  return sum;
}

}  // namespace carousel
