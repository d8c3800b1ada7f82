// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/model.grpc.pb.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "client/cpp/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// All addresses of a name share the load (a headless service of Kubernetes has
// one for each replica), and what a draining replica refuses goes to another:
// every rpc of ours may be retried.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 3,
      "initialBackoff": "0.05s",
      "maxBackoff": "0.5s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

// gRPC waits up to two minutes before it tries a dead address again; a person
// who has just started the server does not.
constexpr int kMaxReconnectBackoffMs = 2000;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs);
  // A proxy for the web does not lead to a model server, least of all to one on
  // this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

absl::Status CheckUtf8(absl::string_view text,
                       absl::string_view field = "text") {
  for (size_t at = 0, start = 0; at < text.size(); start = at) {
    if (ReadCodePoint(text, at) < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": not valid UTF-8 at byte ", start));
    }
  }
  return absl::OkStatus();
}

v1::ScoreRequest MakeScoreRequest(absl::string_view text,
                                  const ScoreOptions& options) {
  v1::ScoreRequest request;
  request.set_text(std::string(text));
  if (!options.model.empty()) request.mutable_model()->set_name(options.model);
  if (options.version) request.mutable_model()->set_version(*options.version);
  request.set_contributions(options.contributions);
  request.set_running(options.running);
  return request;
}

// The texts of ScoreAll, in one stream or, where one breaks off, in several.
class BulkScores {
 public:
  using Stream =
      grpc::ClientReaderWriter<v1::ScoreStreamRequest, v1::ScoreStreamResponse>;
  using Next = absl::FunctionRef<std::optional<std::string>()>;
  using Answer =
      absl::FunctionRef<void(int64_t, absl::StatusOr<v1::ScoreResponse>)>;

  BulkScores(Next next, Answer answer, const ScoreOptions& options)
      : next_(next), answer_(answer), options_(options) {}

  // Writes and reads at a time, or both sides would wait for each other.
  void Run(Stream& stream) {
    std::thread writer([&] {
      if (WriteOpen(stream)) WriteNew(stream);
      stream.WritesDone();
    });
    v1::ScoreStreamResponse message;
    while (stream.Read(&message)) {
      int64_t place = -1;
      if (!absl::SimpleAtoi(message.id(), &place)) continue;
      if (message.has_error()) {
        Tell(place,
             absl::Status(static_cast<absl::StatusCode>(message.error().code()),
                          message.error().message()));
      } else {
        Tell(place, std::move(*message.mutable_response()));
      }
    }
    writer.join();
  }

  int64_t answered() const {
    absl::MutexLock lock(&mutex_);
    return answered_;
  }

 private:
  bool Write(Stream& stream, int64_t place, absl::string_view text) const {
    v1::ScoreStreamRequest message;
    message.set_id(absl::StrCat(place));
    *message.mutable_request() = MakeScoreRequest(text, options_);
    return stream.Write(message);
  }

  // Those that an earlier stream left.
  bool WriteOpen(Stream& stream) const {
    std::map<int64_t, std::string> open;
    {
      absl::MutexLock lock(&mutex_);
      open = open_;
    }
    for (const auto& [place, text] : open) {
      if (!Write(stream, place, text)) return false;
    }
    return true;
  }

  void WriteNew(Stream& stream) {
    while (!ended_) {
      std::optional<std::string> text = next_();
      ended_ = !text.has_value();
      if (ended_) return;
      const int64_t place = read_++;
      if (absl::Status status = CheckUtf8(*text); !status.ok()) {
        Tell(place, std::move(status));
        continue;
      }
      {
        absl::MutexLock lock(&mutex_);
        open_[place] = *text;
      }
      if (!Write(stream, place, *text)) return;
    }
  }

  void Tell(int64_t place, absl::StatusOr<v1::ScoreResponse> response) {
    absl::MutexLock lock(&mutex_);
    open_.erase(place);
    ++answered_;
    answer_(place, std::move(response));
  }

  const Next next_;
  const Answer answer_;
  const ScoreOptions& options_;
  bool ended_ = false;  // there is no next
  int64_t read_ = 0;

  mutable absl::Mutex mutex_;
  std::map<int64_t, std::string> open_ ABSL_GUARDED_BY(mutex_);
  int64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

class Client::Impl {
 public:
  explicit Impl(std::string address)
      : address_(std::move(address)),
        channel_(MakeChannel(address_)),
        autocomplete_(v1::AutocompleteService::NewStub(channel_)),
        sentiment_(v1::SentimentService::NewStub(channel_)),
        model_(v1::ModelService::NewStub(channel_)) {}

  v1::AutocompleteService::Stub& autocomplete() { return *autocomplete_; }
  v1::SentimentService::Stub& sentiment() { return *sentiment_; }
  v1::ModelService::Stub& model() { return *model_; }

  // Makes one blocking call of a stub's `method`.
  template <typename Response, typename Stub, typename Request>
  absl::StatusOr<Response> Call(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request, absl::Duration timeout) {
    grpc::ClientContext context;
    // Never overflows: an endless timeout is an endless deadline.
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    if (!Enter(&context))
      return absl::CancelledError("the client is shut down");
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    Leave(&context);
    RETURN_IF_ERROR(ToAbslStatus(status, timeout));
    return response;
  }

  // Keeps a stream of a stub's `method` open while `run` writes and reads.
  template <typename Stub, typename Stream>
  absl::Status RunStream(
      Stub& stub, std::unique_ptr<Stream> (Stub::*method)(grpc::ClientContext*),
      absl::Duration timeout, absl::FunctionRef<void(Stream&)> run) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    if (!Enter(&context)) {
      return absl::CancelledError("the client is shut down");
    }
    const std::unique_ptr<Stream> stream = (stub.*method)(&context);
    run(*stream);
    const grpc::Status status = stream->Finish();
    Leave(&context);
    return ToAbslStatus(status, timeout);
  }

  void Shutdown() {
    absl::MutexLock lock(&mutex_);
    shut_down_ = true;
    for (grpc::ClientContext* context : under_way_) context->TryCancel();
  }

 private:
  bool Enter(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    if (!shut_down_) under_way_.insert(context);
    return !shut_down_;
  }

  void Leave(grpc::ClientContext* context) {
    absl::MutexLock lock(&mutex_);
    under_way_.erase(context);
  }

  // The only place where a gRPC status becomes one of ours. The codes are the
  // same numbers; where gRPC speaks and not the server, the message is ours.
  absl::Status ToAbslStatus(const grpc::Status& status,
                            absl::Duration timeout) const {
    if (status.ok()) return absl::OkStatus();
    const auto code = static_cast<absl::StatusCode>(status.error_code());
    if (code == absl::StatusCode::kUnavailable && !Connected()) {
      return absl::UnavailableError(
          absl::StrCat("no server answers at ", address_,
                       ": start one with `make serve`, or name another (",
                       status.error_message(), ")"));
    }
    if (code == absl::StatusCode::kDeadlineExceeded) {
      return absl::DeadlineExceededError(
          absl::StrCat("no answer from ", address_, " within ",
                       absl::FormatDuration(timeout)));
    }
    return absl::Status(code, status.error_message());
  }

  bool Connected() const {
    const grpc_connectivity_state state = channel_->GetState(false);
    return state == GRPC_CHANNEL_READY || state == GRPC_CHANNEL_IDLE;
  }

  // Constant after construction.
  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::AutocompleteService::Stub> autocomplete_;
  const std::unique_ptr<v1::SentimentService::Stub> sentiment_;
  const std::unique_ptr<v1::ModelService::Stub> model_;

  // Guarded by mutex_.
  absl::Mutex mutex_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<grpc::ClientContext*> under_way_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(
    absl::string_view address) {
  // Without a port gRPC would try 443.
  if (!absl::StrContains(address, ':')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "server \"", address, "\": expected HOST:PORT, e.g. 127.0.0.1:50051"));
  }
  return std::unique_ptr<Client>(
      new Client(std::make_unique<Impl>(std::string(address))));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

absl::StatusOr<v1::CompleteResponse> Client::Complete(
    absl::string_view text, const CompleteOptions& options) {
  // gRPC would fail to parse it and answer without a word why.
  RETURN_IF_ERROR(CheckUtf8(text));
  RETURN_IF_ERROR(CheckUtf8(options.context, "context"));
  v1::CompleteRequest request;
  request.set_text(std::string(text));
  request.set_context(options.context);
  if (!options.model.empty()) request.mutable_model()->set_name(options.model);
  if (options.version) request.mutable_model()->set_version(*options.version);
  if (options.max_suggestions) {
    request.set_max_suggestions(*options.max_suggestions);
  }
  if (options.max_words) request.set_max_words(*options.max_words);
  if (options.min_confidence) {
    request.set_min_confidence(*options.min_confidence);
  }
  return impl_->Call<v1::CompleteResponse>(
      impl_->autocomplete(), &v1::AutocompleteService::Stub::Complete, request,
      options.timeout);
}

absl::StatusOr<v1::ScoreResponse> Client::Score(absl::string_view text,
                                                const ScoreOptions& options) {
  RETURN_IF_ERROR(CheckUtf8(text));
  return impl_->Call<v1::ScoreResponse>(
      impl_->sentiment(), &v1::SentimentService::Stub::Score,
      MakeScoreRequest(text, options), options.timeout);
}

absl::Status Client::ScoreAll(
    absl::FunctionRef<std::optional<std::string>()> next,
    absl::FunctionRef<void(int64_t place, absl::StatusOr<v1::ScoreResponse>)>
        answer,
    const ScoreOptions& options) {
  const absl::Time deadline = absl::Now() + options.timeout;
  BulkScores scores(next, answer, options);
  while (true) {
    const int64_t before = scores.answered();
    absl::Status status =
        impl_->RunStream<v1::SentimentService::Stub, BulkScores::Stream>(
            impl_->sentiment(), &v1::SentimentService::Stub::ScoreStream,
            deadline - absl::Now(),
            [&](BulkScores::Stream& stream) { scores.Run(stream); });
    // A stream that brought nothing would be followed by its like.
    if (!absl::IsUnavailable(status) || scores.answered() == before) {
      return status;
    }
  }
}

absl::StatusOr<v1::ListModelsResponse> Client::ListModels(
    absl::Duration timeout) {
  return impl_->Call<v1::ListModelsResponse>(
      impl_->model(), &v1::ModelService::Stub::ListModels,
      v1::ListModelsRequest(), timeout);
}

void Client::Shutdown() { impl_->Shutdown(); }

}  // namespace carousel
