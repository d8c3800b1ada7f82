// SPDX-License-Identifier: Apache-2.0

#include "server/engine/engine.h"
#include "server/engine/warm_up.h"

namespace carousel {

absl::Status Engine::WarmUp(const LanguageModel& network) {
  return WarmUpBy([&](PartScratch* scratch) {
    return carousel::WarmUp(network, options_.steps, scratch);
  });
}

absl::Status Engine::WarmUp(const Classifier& network) {
  return WarmUpBy([&](PartScratch* scratch) {
    return carousel::WarmUp(network, options_.steps, scratch);
  });
}

absl::Status Engine::WarmUp(const Translator& network) {
  return WarmUpBy(
      [&](PartScratch* scratch) { return carousel::WarmUp(network, scratch); });
}

absl::Status Engine::WarmUp(const Forecaster& network) {
  return WarmUpBy([&](PartScratch* scratch) {
    return carousel::WarmUp(network, options_.steps, scratch);
  });
}

absl::Status Engine::WarmUpBy(
    absl::FunctionRef<absl::Status(PartScratch*)> warm_up) {
  Mutex mutex;
  CondVar ended;
  int left = options_.workers;
  absl::Status result;
  const Chore chore = [&](PartScratch* scratch) {
    const absl::Status status = warm_up(scratch);
    MutexLock lock(&mutex);
    result.Update(status);
    --left;
    ended.NotifyAll();
  };
  {
    MutexLock lock(&mutex_);
    for (Worker& worker : workers_) worker.chores.push_back(chore);
    WakeAll();
  }
  MutexLock lock(&mutex);
  while (left > 0) ended.Wait(&mutex);
  return result;
}

}  // namespace carousel
