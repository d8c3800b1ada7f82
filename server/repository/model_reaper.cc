// SPDX-License-Identifier: Apache-2.0

#include "server/repository/model_reaper.h"

#include <malloc.h>

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace carousel {

// What was let go. Shared with the models, of which some may outlive the
// reaper.
struct ModelReaper::Dead {
  using Models = std::vector<std::shared_ptr<const Model>>;

  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return !models.empty() || ended;
  }
  bool Settled() const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return models.empty() && !freeing;
  }

  absl::Mutex mutex;
  Models models ABSL_GUARDED_BY(mutex);
  bool freeing ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = false;
};

ModelReaper::ModelReaper()
    : dead_(std::make_shared<Dead>()), thread_([this] { Run(*dead_); }) {}

ModelReaper::~ModelReaper() {
  {
    absl::MutexLock lock(&dead_->mutex);
    dead_->ended = true;
  }
  thread_.join();
}

std::shared_ptr<const Model> ModelReaper::Adopt(
    std::shared_ptr<const Model> model) {
  const Model* const address = model.get();
  // What the function holds may live longer than its call: by weak pointers.
  auto let_go = [dead = dead_, model = std::move(model)](const Model*) mutable {
    std::shared_ptr<const Model> last = std::move(model);
    absl::MutexLock lock(&dead->mutex);
    if (!dead->ended) dead->models.push_back(std::move(last));
  };
  return std::shared_ptr<const Model>(address, std::move(let_go));
}

void ModelReaper::Settle() {
  absl::MutexLock lock(&dead_->mutex);
  dead_->mutex.Await(absl::Condition(dead_.get(), &Dead::Settled));
}

// The allocator keeps what is freed in small pieces, and so a server that has
// swapped versions looks twice as large: it is told to give it back.
void ModelReaper::Run(Dead& dead) {
  while (true) {
    Dead::Models models;
    {
      absl::MutexLock lock(&dead.mutex);
      dead.freeing = false;
      dead.mutex.Await(absl::Condition(&dead, &Dead::HasWork));
      if (dead.models.empty()) return;
      models.swap(dead.models);
      dead.freeing = true;
    }
    models.clear();
    malloc_trim(0);
  }
}

}  // namespace carousel
