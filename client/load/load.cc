// SPDX-License-Identifier: Apache-2.0

#include "client/load/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "client/load/load_texts.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// What all users of a load share. A call counts by the time when it should have
// begun, so that the slow ones, which end late, are not left out.
class Tally {
 public:
  Tally(absl::Time from, absl::Time to) : from_(from), to_(to) {}

  // A call that should have begun at `start` has ended.
  void Add(absl::Time start, const grpc::Status& status) {
    if (start < from_ || start >= to_) return;
    absl::MutexLock lock(&mutex_);
    if (status.ok()) {
      latency_.Add(absl::Now() - start);
    } else {
      ++errors_[absl::StatusCodeToString(
          static_cast<absl::StatusCode>(status.error_code()))];
    }
  }

  void AddNotSent(absl::Time start) {
    if (start < from_ || start >= to_) return;
    absl::MutexLock lock(&mutex_);
    ++errors_["NOT_SENT"];
  }

  bool IsOver(absl::Time time) const { return time >= to_; }

  int64_t count() const {
    absl::MutexLock lock(&mutex_);
    return latency_.count();
  }

  LoadResult Result() const {
    absl::MutexLock lock(&mutex_);
    return {.measured = to_ - from_, .latency = latency_, .errors = errors_};
  }

 private:
  const absl::Time from_;
  const absl::Time to_;
  mutable absl::Mutex mutex_;
  LatencyHistogram latency_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> errors_ ABSL_GUARDED_BY(mutex_);
};

std::unique_ptr<LoadTexts> MakeTexts(const LoadOptions& options,
                                     uint64_t user) {
  if (options.rpc == LoadOptions::Rpc::kComplete) {
    return std::make_unique<RandomTexts>(options.words, user, options.seed);
  }
  return std::make_unique<TypedLines>(options.lines.empty()
                                          ? SampleLines()
                                          : absl::MakeConstSpan(options.lines),
                                      user);
}

v1::CompleteRequest MakeRequest(const LoadOptions& options) {
  v1::CompleteRequest request;
  if (!options.model.empty()) request.mutable_model()->set_name(options.model);
  if (options.version.has_value()) {
    request.mutable_model()->set_version(*options.version);
  }
  return request;
}

// One user; at most one call is under way.
class User {
 public:
  User(const LoadOptions& options, uint64_t number,
       v1::AutocompleteService::Stub* stub, Tally* tally)
      : options_(options),
        texts_(MakeTexts(options, number)),
        stub_(stub),
        tally_(tally),
        request_(MakeRequest(options)) {}

  // Asks, and with `again` asks again when answered, until the tally is over.
  // `start`: when it should have been sent.
  void Ask(absl::Time start, bool again) {
    {
      absl::MutexLock lock(&mutex_);
      busy_ = true;
    }
    request_.set_text(texts_->Next());
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(absl::ToChronoTime(absl::Now() + options_.timeout));
    stub_->async()->Complete(context_.get(), &request_, &response_,
                             [this, start, again](grpc::Status status) {
                               tally_->Add(start, status);
                               if (again && !tally_->IsOver(absl::Now())) {
                                 return Ask(absl::Now(), true);
                               }
                               absl::MutexLock lock(&mutex_);
                               busy_ = false;
                             });
  }

  bool busy() const {
    absl::MutexLock lock(&mutex_);
    return busy_;
  }

  void Wait() const {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](const bool* busy) { return !*busy; }, &busy_));
  }

 private:
  const LoadOptions& options_;
  const std::unique_ptr<LoadTexts> texts_;
  v1::AutocompleteService::Stub* const stub_;
  Tally* const tally_;

  // Of the call under way.
  v1::CompleteRequest request_;
  v1::CompleteResponse response_;
  std::unique_ptr<grpc::ClientContext> context_;

  mutable absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

// Sends on time whether answered or not.
void RunOpenLoop(const LoadOptions& options, absl::Time begin,
                 const std::vector<std::unique_ptr<User>>& users,
                 Tally* tally) {
  const absl::Duration gap = absl::Seconds(1 / options.rate);
  size_t next = 0;
  absl::Time start = begin;
  for (int64_t i = 1; !tally->IsOver(start); start = begin + i++ * gap) {
    absl::SleepFor(start - absl::Now());
    size_t tried = 0;
    while (tried < users.size() && users[next]->busy()) {
      next = (next + 1) % users.size();
      ++tried;
    }
    if (tried == users.size()) {
      tally->AddNotSent(start);
    } else {
      users[next]->Ask(start, false);
    }
  }
}

absl::Status CheckAnswers(v1::AutocompleteService::Stub* stub,
                          const LoadOptions& options) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  v1::CompleteResponse response;
  const grpc::Status status =
      stub->Complete(&context, MakeRequest(options), &response);
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("the first call to ", options.server, ": ",
                                   status.error_message()));
}

}  // namespace

absl::StatusOr<LoadResult> RunLoad(
    const LoadOptions& options,
    absl::FunctionRef<void(double share, int64_t calls)> on_progress) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto stub = v1::AutocompleteService::NewStub(grpc::CreateCustomChannel(
      options.server, grpc::InsecureChannelCredentials(), arguments));
  if (absl::Status status = CheckAnswers(stub.get(), options); !status.ok()) {
    return status;
  }

  const absl::Time begin = absl::Now();
  const absl::Time end = begin + options.warm_up + options.duration;
  Tally tally(begin + options.warm_up, end);
  std::vector<std::unique_ptr<User>> users;
  for (int i = 0; i < options.concurrency; ++i) {
    users.push_back(std::make_unique<User>(options, static_cast<uint64_t>(i),
                                           stub.get(), &tally));
  }
  std::thread sender;
  if (options.rate > 0) {
    sender = std::thread([&] { RunOpenLoop(options, begin, users, &tally); });
  } else {
    for (const auto& user : users) user->Ask(absl::Now(), true);
  }
  while (!tally.IsOver(absl::Now())) {
    absl::SleepFor(std::min(absl::Milliseconds(500), end - absl::Now()));
    on_progress(
        std::min(1.0, absl::FDivDuration(absl::Now() - begin, end - begin)),
        tally.count());
  }
  if (sender.joinable()) sender.join();
  for (const auto& user : users) user->Wait();
  return tally.Result();
}

std::string LoadJson(const LoadResult& result) {
  const auto micros = [&](double quantile) {
    return absl::ToInt64Microseconds(result.latency.Quantile(quantile));
  };
  nlohmann::ordered_json json = {{"qps", result.calls_per_second()},
                                 {"p50_us", micros(0.5)},
                                 {"p90_us", micros(0.9)},
                                 {"p99_us", micros(0.99)},
                                 {"p999_us", micros(0.999)},
                                 {"errors", nlohmann::ordered_json::object()}};
  for (const auto& [code, count] : result.errors) json["errors"][code] = count;
  return json.dump();
}

}  // namespace carousel
