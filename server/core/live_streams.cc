// SPDX-License-Identifier: Apache-2.0

#include "server/core/live_streams.h"

#include <utility>
#include <vector>

namespace carousel {

void LiveStreams::Add(std::shared_ptr<LiveStream> stream) {
  {
    MutexLock lock(&mutex_);
    streams_.insert(stream);
    if (!draining_) return;
  }
  stream->Drain();
}

void LiveStreams::Remove(const std::shared_ptr<LiveStream>& stream) {
  MutexLock lock(&mutex_);
  streams_.erase(stream);
}

void LiveStreams::Drain() {
  std::vector<std::shared_ptr<LiveStream>> streams;
  {
    MutexLock lock(&mutex_);
    draining_ = true;
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const auto& stream : streams) stream->Drain();
}

size_t LiveStreams::size() const {
  MutexLock lock(&mutex_);
  return streams_.size();
}

}  // namespace carousel
