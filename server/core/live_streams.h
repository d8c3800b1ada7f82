// SPDX-License-Identifier: Apache-2.0
//
// The streams that are open. A server that stops ends them: a stream may be
// idle for hours, and gRPC waits for every call.

#ifndef CAROUSEL_SERVER_CORE_LIVE_STREAMS_H_
#define CAROUSEL_SERVER_CORE_LIVE_STREAMS_H_

#include <cstddef>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "model/base/mutex.h"

namespace carousel {

// A stream of requests or answers or both. Thread-safe.
class LiveStream {
 public:
  virtual ~LiveStream() = default;

  // Takes no more requests; ends when what it has is answered.
  virtual void Drain() = 0;
};

// Thread-safe.
class LiveStreams {
 public:
  // Drains the stream at once if Drain was called before.
  void Add(std::shared_ptr<LiveStream> stream);

  void Remove(const std::shared_ptr<LiveStream>& stream);

  // Drains every stream, also those that are added from here on. Does not wait
  // for their ends.
  void Drain();

  size_t size() const;

 private:
  mutable Mutex mutex_;
  absl::flat_hash_set<std::shared_ptr<LiveStream>> streams_
      ABSL_GUARDED_BY(mutex_);
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_LIVE_STREAMS_H_
