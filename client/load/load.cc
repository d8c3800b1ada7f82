// SPDX-License-Identifier: Apache-2.0

#include "client/load/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "carousel/v1/translation.grpc.pb.h"
#include "client/load/load_user.h"
#include "client/load/tally.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

std::unique_ptr<LoadUser> MakeUser(const LoadUserContext& context,
                                   uint64_t number) {
  switch (context.options.rpc) {
    case LoadOptions::Rpc::kComplete:
      return MakeCallingUser(context, number);
    case LoadOptions::Rpc::kScore:
      return MakeScoringUser(context, number);
    case LoadOptions::Rpc::kTranslate:
      return MakeTranslatingUser(context, number);
    case LoadOptions::Rpc::kKeystrokes:
      break;
  }
  return MakeTypingUser(context, number);
}

// Sends on time whether answered or not: the users in turn, those that cannot
// passed over.
void RunOpenLoop(const LoadOptions& options, absl::Time begin,
                 const std::vector<std::unique_ptr<LoadUser>>& users,
                 Tally* tally) {
  const absl::Duration gap = absl::Seconds(1 / options.rate);
  size_t next = 0;
  absl::Time start = begin;
  for (int64_t i = 1; !tally->IsOver(start); start = begin + i++ * gap) {
    absl::SleepFor(start - absl::Now());
    bool sent = false;
    for (size_t tried = 0; !sent && tried < users.size(); ++tried) {
      sent = users[next]->Ask(start, false);
      next = (next + 1) % users.size();
    }
    if (!sent) tally->AddError(start, "NOT_SENT");
  }
}

// One call, so that a load of nothing but errors is none.
absl::Status CheckAnswers(const LoadUserContext& user) {
  const LoadOptions& options = user.options;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  grpc::Status status;
  if (options.rpc == LoadOptions::Rpc::kScore) {
    v1::ScoreResponse response;
    status = user.sentiment->Score(
        &context, MakeLoadRequest<v1::ScoreRequest>(options), &response);
  } else if (options.rpc == LoadOptions::Rpc::kTranslate) {
    v1::TranslateResponse response;
    status = user.translation->Translate(
        &context, MakeLoadRequest<v1::TranslateRequest>(options), &response);
  } else {
    v1::CompleteResponse response;
    status = user.autocomplete->Complete(
        &context, MakeLoadRequest<v1::CompleteRequest>(options), &response);
  }
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("the first call to ", options.server, ": ",
                                   status.error_message()));
}

// Until all is sent and answered, or has failed.
void Send(const LoadUserContext& context, absl::Time begin,
          absl::FunctionRef<void(double share, int64_t calls)> on_progress) {
  const LoadOptions& options = context.options;
  Tally& tally = *context.tally;
  std::vector<std::unique_ptr<LoadUser>> users;
  users.reserve(static_cast<size_t>(options.concurrency));
  for (int i = 0; i < options.concurrency; ++i) {
    users.push_back(MakeUser(context, static_cast<uint64_t>(i)));
  }
  std::thread sender;
  if (options.rate > 0) {
    sender = std::thread([&] { RunOpenLoop(options, begin, users, &tally); });
  } else {
    for (const auto& user : users) user->Ask(absl::Now(), true);
  }
  const absl::Time end = tally.end();
  while (!tally.IsOver(absl::Now())) {
    absl::SleepFor(std::min(absl::Milliseconds(500), end - absl::Now()));
    on_progress(
        std::min(1.0, absl::FDivDuration(absl::Now() - begin, end - begin)),
        tally.count());
  }
  if (sender.joinable()) sender.join();
  for (const auto& user : users) user->Wait();
}

}  // namespace

std::string CodeName(int code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

absl::StatusOr<LoadResult> RunLoad(
    const LoadOptions& options,
    absl::FunctionRef<void(double share, int64_t calls)> on_progress) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel = grpc::CreateCustomChannel(
      options.server, grpc::InsecureChannelCredentials(), arguments);
  const auto autocomplete = v1::AutocompleteService::NewStub(channel);
  const auto sentiment = v1::SentimentService::NewStub(channel);
  const auto translation = v1::TranslationService::NewStub(channel);
  LoadUserContext context = {
      .options = options,
      .autocomplete = autocomplete.get(),
      .sentiment = sentiment.get(),
      .translation = translation.get(),
      .tally = nullptr,
      .seed = options.seed.value_or(std::random_device()())};
  if (absl::Status status = CheckAnswers(context); !status.ok()) return status;

  const absl::Time begin = absl::Now();
  const absl::Time from = begin + options.warm_up;
  Tally tally(from, from + options.duration);
  context.tally = &tally;
  Send(context, begin, on_progress);
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
