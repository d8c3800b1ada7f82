// SPDX-License-Identifier: Apache-2.0
//
// The states that belong to each network that is being asked. They go when the
// network has gone, at the next look at the registry.

#ifndef CAROUSEL_SERVER_ENGINE_NETWORK_REGISTRY_H_
#define CAROUSEL_SERVER_ENGINE_NETWORK_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "model/base/mutex.h"
#include "model/layers/language_model.h"
#include "server/engine/prefix_cache.h"
#include "server/engine/sequence.h"

namespace carousel {

// Thread-safe.
class NetworkRegistry {
 public:
  // `cache_bytes`: bound of the prefix cache of each network.
  explicit NetworkRegistry(size_t cache_bytes)
      : cache_bytes_(cache_bytes), key_(RandomPrefixHashKey()) {}

  struct Entry {
    int64_t id = 0;  // no other network of this process has it
    std::shared_ptr<NetworkStates> states;
  };

  // Of this network; made when it is first asked for. Drops those of networks
  // that are gone.
  Entry Find(const std::shared_ptr<const LanguageModel>& network);

  // The states of this network, or null if it was never asked. Makes and drops
  // nothing.
  std::shared_ptr<NetworkStates> FindKnown(const LanguageModel* network);

  // Sums over all networks, those that are gone included. Drops their states.
  PrefixCacheStats cache_stats();

 private:
  struct Known {
    std::weak_ptr<const LanguageModel> network;
    Entry entry;
  };
  // Hands out their states, for the caller to free without the lock.
  std::vector<std::shared_ptr<NetworkStates>> TakeGone()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t cache_bytes_;
  const PrefixHashKey key_;

  Mutex mutex_;
  absl::flat_hash_map<const LanguageModel*, Known> known_
      ABSL_GUARDED_BY(mutex_);
  PrefixCacheStats gone_ ABSL_GUARDED_BY(mutex_);
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_NETWORK_REGISTRY_H_
