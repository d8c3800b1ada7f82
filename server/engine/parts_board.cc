// SPDX-License-Identifier: Apache-2.0

#include "server/engine/parts_board.h"

#include <algorithm>

namespace carousel {

absl::Status PartsBoard::Run(int count, RunPart run, PartScratch* scratch) {
  Offer offer = {.run = run, .count = count};
  const bool shared = count > 1 && threads_ > 1;
  std::list<Offer*>::iterator place;
  if (shared) {
    {
      MutexLock lock(&mutex_);
      place = offers_.insert(offers_.end(), &offer);
    }
    if (idle() > 0) wake_();
  }
  RunSome(&offer, 0, scratch);
  MutexLock lock(&mutex_);
  if (shared) offers_.erase(place);
  while (offer.active > 0) ended_.Wait(&mutex_);
  return offer.status;
}

void PartsBoard::RunSome(Offer* offer, int thread, PartScratch* scratch) {
  for (int part; (part = offer->next++) < offer->count;) {
    absl::Status status = offer->run(part, thread, scratch);
    if (status.ok()) continue;
    offer->next = offer->count;
    MutexLock lock(&mutex_);
    offer->status.Update(std::move(status));
  }
}

void PartsBoard::Help(PartScratch* scratch) {
  Offer* offer = nullptr;
  int thread = 0;
  {
    MutexLock lock(&mutex_);
    const auto found = std::find_if(
        offers_.begin(), offers_.end(),
        [](const Offer* other) { return other->next < other->count; });
    if (found == offers_.end()) return;
    offer = *found;
    thread = offer->threads++;
    ++offer->active;
  }
  RunSome(offer, thread, scratch);
  MutexLock lock(&mutex_);
  --offer->active;
  ended_.NotifyAll();
}

bool PartsBoard::HasWork() const {
  MutexLock lock(&mutex_);
  return std::any_of(offers_.begin(), offers_.end(), [](const Offer* offer) {
    return offer->next < offer->count;
  });
}

}  // namespace carousel
