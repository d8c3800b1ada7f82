// SPDX-License-Identifier: Apache-2.0
//
// Networks in training for every shape of batch. What an instance holds is
// activations, of which those of the shapes used last are kept.

#ifndef CAROUSEL_MODEL_TRAIN_NETWORK_CACHE_H_
#define CAROUSEL_MODEL_TRAIN_NETWORK_CACHE_H_

#include <algorithm>
#include <cstddef>
#include <list>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "model/base/status_macros.h"

namespace carousel {

// Thread-compatible.
template <typename Shape, typename Network>
class NetworkCache {
 public:
  // At least one instance is kept, and more up to so many bytes: for the shapes
  // of training and of dev. With less, networks of ordinary sizes would be made
  // anew in nearly every batch.
  static constexpr size_t kMostBytes = size_t{2} << 30;

  // The network of `shape`. If there is none, `make()` makes one, which takes
  // about `bytes`; errors as it. Valid until the next call.
  template <typename Make>
  absl::StatusOr<Network*> Get(const Shape& shape, size_t bytes, Make make) {
    const auto found = std::find_if(
        instances_.begin(), instances_.end(),
        [&](const Instance& instance) { return instance.shape == shape; });
    if (found != instances_.end()) {
      instances_.splice(instances_.begin(), instances_, found);
      return instances_.front().network.get();
    }
    size_t all = bytes;
    for (const Instance& instance : instances_) all += instance.bytes;
    for (; all > kMostBytes && !instances_.empty(); instances_.pop_back()) {
      all -= instances_.back().bytes;
    }
    ASSIGN_OR_RETURN(std::unique_ptr<Network> network, make());
    instances_.push_front({shape, bytes, std::move(network)});
    return instances_.front().network.get();
  }

 private:
  struct Instance {
    Shape shape;
    size_t bytes;
    std::unique_ptr<Network> network;
  };

  std::list<Instance> instances_;  // the one used last in front
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_NETWORK_CACHE_H_
