// SPDX-License-Identifier: Apache-2.0

#include "server/repository/reloader.h"

#include <utility>

namespace carousel {
namespace {

absl::Status Stopping() {
  return absl::UnavailableError(
      "the server is stopping: it reloads no models any more");
}

}  // namespace

Reloader::Reloader(std::function<absl::StatusOr<ReloadReport>()> reload)
    : reload_(std::move(reload)) {}

Reloader::~Reloader() { Stop(); }

void Reloader::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Reloader::Request(Done done) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      asked_ = true;
      has_work_.NotifyOne();
      if (done != nullptr) waiting_.push_back(std::move(done));
      return;
    }
  }
  if (done != nullptr) std::move(done)(Stopping());
}

bool Reloader::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

void Reloader::Stop() {
  std::vector<Done> waiting;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    has_work_.NotifyOne();
    waiting.swap(waiting_);
  }
  for (Done& done : waiting) std::move(done)(Stopping());
  if (thread_.joinable()) thread_.join();
}

void Reloader::Run() {
  while (true) {
    std::vector<Done> asking;
    {
      MutexLock lock(&mutex_);
      while (!asked_ && !stopping_) has_work_.Wait(&mutex_);
      if (stopping_) return;
      asked_ = false;
      asking.swap(waiting_);
    }
    const absl::StatusOr<ReloadReport> report = reload_();
    for (Done& done : asking) std::move(done)(report);
  }
}

}  // namespace carousel
