// SPDX-License-Identifier: Apache-2.0
//
// Where models end: freeing some hundred megabytes takes milliseconds, which no
// request should wait for that happens to be the last to let a version go.

#ifndef CAROUSEL_SERVER_REPOSITORY_MODEL_REAPER_H_
#define CAROUSEL_SERVER_REPOSITORY_MODEL_REAPER_H_

#include <memory>
#include <thread>

#include "model/bundle/model.h"

namespace carousel {

// Frees models on a thread of its own. Thread-safe.
class ModelReaper {
 public:
  ModelReaper();

  // Frees what has been let go. A model that is still held then is freed where
  // it is let go.
  ~ModelReaper();

  ModelReaper(const ModelReaper&) = delete;
  ModelReaper& operator=(const ModelReaper&) = delete;

  // The same model; when its last holder lets it go it is freed on the thread.
  // REQUIRES: nobody else holds it.
  std::shared_ptr<const Model> Adopt(std::shared_ptr<const Model> model);

  // Blocks until what has been let go is freed.
  void Settle();

 private:
  struct Dead;
  static void Run(Dead& dead);

  const std::shared_ptr<Dead> dead_;
  std::thread thread_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_MODEL_REAPER_H_
