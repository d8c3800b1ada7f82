// SPDX-License-Identifier: Apache-2.0

#include "server/repository/model_reaper.h"

#include <malloc.h>

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "model/base/mutex.h"

namespace carousel {

// What was let go. Shared with the models, of which some may outlive the
// reaper.
struct ModelReaper::Dead {
  using Models = std::vector<std::shared_ptr<const Model>>;

  Mutex mutex;
  CondVar changed;
  Models models ABSL_GUARDED_BY(mutex);
  bool freeing ABSL_GUARDED_BY(mutex) = false;
  bool ended ABSL_GUARDED_BY(mutex) = false;
};

ModelReaper::ModelReaper()
    : dead_(std::make_shared<Dead>()), thread_([this] { Run(*dead_); }) {}

ModelReaper::~ModelReaper() {
  {
    MutexLock lock(&dead_->mutex);
    dead_->ended = true;
    dead_->changed.NotifyAll();
  }
  thread_.join();
}

std::shared_ptr<const Model> ModelReaper::Adopt(
    std::shared_ptr<const Model> model) {
  const Model* const address = model.get();
  // What the function holds may live longer than its call: by weak pointers.
  auto let_go = [dead = dead_, model = std::move(model)](const Model*) mutable {
    std::shared_ptr<const Model> last = std::move(model);
    MutexLock lock(&dead->mutex);
    if (dead->ended) return;
    dead->models.push_back(std::move(last));
    dead->changed.NotifyAll();
  };
  return std::shared_ptr<const Model>(address, std::move(let_go));
}

void ModelReaper::Settle() {
  Dead& dead = *dead_;
  MutexLock lock(&dead.mutex);
  while (!dead.models.empty() || dead.freeing) dead.changed.Wait(&dead.mutex);
}

// The allocator keeps what is freed in small pieces, and so a server that has
// swapped versions looks twice as large: it is told to give it back.
void ModelReaper::Run(Dead& dead) {
  while (true) {
    Dead::Models models;
    {
      MutexLock lock(&dead.mutex);
      dead.freeing = false;
      dead.changed.NotifyAll();
      while (dead.models.empty() && !dead.ended) dead.changed.Wait(&dead.mutex);
      if (dead.models.empty()) return;
      models.swap(dead.models);
      dead.freeing = true;
    }
    models.clear();
    malloc_trim(0);
  }
}

}  // namespace carousel
