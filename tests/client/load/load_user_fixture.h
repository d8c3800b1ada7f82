// SPDX-License-Identifier: Apache-2.0
//
// A server that a test holds, and what a user of it needs.

#ifndef CAROUSEL_TESTS_CLIENT_LOAD_LOAD_USER_FIXTURE_H_
#define CAROUSEL_TESTS_CLIENT_LOAD_LOAD_USER_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "client/load/load_user.h"
#include "gtest/gtest.h"
#include "model/base/mutex.h"
#include "tests/client/fake_server.h"

namespace carousel {

// Every request is recorded; while the server is held none is answered.
class LoadUserTest : public ::testing::Test {
 protected:
  // A load that has gone on for `past` and goes on for `future`.
  LoadUserContext Context(absl::Duration future = absl::Hours(1),
                          absl::Duration past = absl::ZeroDuration()) {
    const absl::Time present = absl::Now();
    tally_ = std::make_unique<Tally>(present - past, present + future);
    return {.options = options_,
            .autocomplete = autocomplete_.get(),
            .sentiment = sentiment_.get(),
            .translation = nullptr,
            .tally = tally_.get(),
            .seed = 1};
  }

  void Hold() { SetHeld(true); }
  void Release() { SetHeld(false); }

  // From here on: what comes of the first, the second ... request; of the
  // others the last of them.
  void Answer(std::vector<absl::Status> statuses) {
    MutexLock lock(&mutex_);
    asked_.clear();
    statuses_ = std::move(statuses);
  }

  void WaitForRequests(size_t count) {
    MutexLock lock(&mutex_);
    while (asked_.size() < count) changed_.Wait(&mutex_);
  }

  // The texts so far.
  std::vector<std::string> asked() {
    MutexLock lock(&mutex_);
    return asked_;
  }

  // The last one's.
  v1::ModelSpec model() {
    MutexLock lock(&mutex_);
    return model_;
  }

  const FakeServer& server() const { return server_; }
  LoadOptions options_;
  std::unique_ptr<Tally> tally_;

 private:
  void SetHeld(bool held) {
    MutexLock lock(&mutex_);
    free_ = !held;
    changed_.NotifyAll();
  }

  template <typename Request>
  absl::Status Take(const Request& request) {
    MutexLock lock(&mutex_);
    const size_t number = asked_.size();
    asked_.push_back(request.text());
    model_ = request.model();
    changed_.NotifyAll();
    while (!free_) changed_.Wait(&mutex_);
    if (statuses_.empty()) return absl::OkStatus();
    return statuses_[std::min(number, statuses_.size() - 1)];
  }

  Mutex mutex_;
  CondVar changed_;
  bool free_ ABSL_GUARDED_BY(mutex_) = true;
  std::vector<absl::Status> statuses_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  v1::ModelSpec model_ ABSL_GUARDED_BY(mutex_);

  FakeServer server_{
      {.complete = [this](const auto& request, auto&) { return Take(request); },
       .score = [this](const auto& request, auto&) { return Take(request); }}};
  const std::shared_ptr<grpc::Channel> channel_ = grpc::CreateChannel(
      server_.address(), grpc::InsecureChannelCredentials());
  const std::unique_ptr<v1::AutocompleteService::Stub> autocomplete_ =
      v1::AutocompleteService::NewStub(channel_);
  const std::unique_ptr<v1::SentimentService::Stub> sentiment_ =
      v1::SentimentService::NewStub(channel_);
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_CLIENT_LOAD_LOAD_USER_FIXTURE_H_
