// SPDX-License-Identifier: Apache-2.0
//
// When models are reloaded: whoever asks is answered, and nothing runs twice at
// a time.

#ifndef CAROUSEL_SERVER_REPOSITORY_RELOADER_H_
#define CAROUSEL_SERVER_REPOSITORY_RELOADER_H_

#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "server/repository/repository.h"

namespace carousel {

// Reloads on a thread of its own. A request that comes while a reload runs
// waits for the next one, which is for all that wait: what the running one
// looked at may be older than what the request is about.
//
// Thread-safe.
//
//   Reloader reloader([&] { return repository->Reload(...); });
//   reloader.Start();
//   reloader.Request([](const absl::StatusOr<ReloadReport>& report) { ... });
class Reloader {
 public:
  using Done = absl::AnyInvocable<void(const absl::StatusOr<ReloadReport>&) &&>;

  explicit Reloader(std::function<absl::StatusOr<ReloadReport>()> reload);

  // As Stop.
  ~Reloader();

  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Requests are carried out from here on, those made before too. Once.
  void Start();

  // Asks for a reload. Never blocks. `done`, if there is one, is called once:
  // on the thread, or on this one with UNAVAILABLE after Stop.
  void Request(Done done = nullptr);

  // Whether Stop was called: a reload that is running should end.
  bool stopping() const;

  // Answers those that wait with UNAVAILABLE and returns when the running
  // reload has ended. May be called again, by one thread at a time.
  void Stop();

 private:
  void Run();

  const std::function<absl::StatusOr<ReloadReport>()> reload_;

  mutable Mutex mutex_;
  CondVar has_work_;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Done> waiting_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // touched by Start and Stop only
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_RELOADER_H_
