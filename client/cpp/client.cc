// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <cstddef>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
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
#include "client/cpp/calls.h"
#include "client/cpp/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

absl::Status CheckUtf8(absl::string_view text) {
  for (size_t at = 0, start = 0; at < text.size(); start = at) {
    if (ReadCodePoint(text, at) < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("text: not valid UTF-8 at byte ", start));
    }
  }
  return absl::OkStatus();
}

// Text that is not UTF-8: gRPC would fail to parse it and answer without a word
// why.
absl::StatusOr<v1::CompleteRequest> MakeCompleteRequest(
    absl::string_view text, const CompleteOptions& options) {
  RETURN_IF_ERROR(CheckUtf8(text));
  v1::CompleteRequest request;
  request.set_text(std::string(text));
  if (!options.model.empty()) request.mutable_model()->set_name(options.model);
  if (options.version) request.mutable_model()->set_version(*options.version);
  if (options.max_suggestions) {
    request.set_max_suggestions(*options.max_suggestions);
  }
  if (options.max_words) request.set_max_words(*options.max_words);
  if (options.min_confidence) {
    request.set_min_confidence(*options.min_confidence);
  }
  return request;
}

absl::StatusOr<v1::ScoreRequest> MakeScoreRequest(absl::string_view text,
                                                  const ScoreOptions& options) {
  RETURN_IF_ERROR(CheckUtf8(text));
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
  static bool Write(Stream& stream, int64_t place,
                    const v1::ScoreRequest& request) {
    v1::ScoreStreamRequest message;
    message.set_id(absl::StrCat(place));
    *message.mutable_request() = request;
    return stream.Write(message);
  }

  // Those that an earlier stream left.
  bool WriteOpen(Stream& stream) const {
    std::map<int64_t, v1::ScoreRequest> open;
    {
      absl::MutexLock lock(&mutex_);
      open = open_;
    }
    for (const auto& [place, request] : open) {
      if (!Write(stream, place, request)) return false;
    }
    return true;
  }

  void WriteNew(Stream& stream) {
    while (!ended_) {
      std::optional<std::string> text = next_();
      ended_ = !text.has_value();
      if (ended_) return;
      const int64_t place = read_++;
      const auto request = MakeScoreRequest(*text, options_);
      if (!request.ok()) {
        Tell(place, request.status());
        continue;
      }
      {
        absl::MutexLock lock(&mutex_);
        open_[place] = *request;
      }
      if (!Write(stream, place, *request)) return;
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
  std::map<int64_t, v1::ScoreRequest> open_ ABSL_GUARDED_BY(mutex_);
  int64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

class Client::Impl : public Calls {
 public:
  explicit Impl(std::string address)
      : Calls(std::move(address)),
        autocomplete_(v1::AutocompleteService::NewStub(channel())),
        sentiment_(v1::SentimentService::NewStub(channel())),
        model_(v1::ModelService::NewStub(channel())) {}

  v1::AutocompleteService::Stub& autocomplete() { return *autocomplete_; }
  v1::SentimentService::Stub& sentiment() { return *sentiment_; }
  v1::ModelService::Stub& model() { return *model_; }

 private:
  const std::unique_ptr<v1::AutocompleteService::Stub> autocomplete_;
  const std::unique_ptr<v1::SentimentService::Stub> sentiment_;
  const std::unique_ptr<v1::ModelService::Stub> model_;
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
Client::~Client() { impl_->End(); }

absl::StatusOr<v1::CompleteResponse> Client::Complete(
    absl::string_view text, const CompleteOptions& options) {
  return impl_->Call<v1::CompleteResponse>(
      impl_->autocomplete(), &v1::AutocompleteService::Stub::Complete,
      MakeCompleteRequest(text, options), options.timeout);
}

Client::CallId Client::CompleteAsync(absl::string_view text,
                                     const CompleteOptions& options,
                                     Done<v1::CompleteResponse> done) {
  return impl_->Start<v1::CompleteResponse>(
      impl_->autocomplete().async(),
      &v1::AutocompleteService::Stub::async::Complete,
      MakeCompleteRequest(text, options), options.timeout, std::move(done));
}

absl::StatusOr<v1::ScoreResponse> Client::Score(absl::string_view text,
                                                const ScoreOptions& options) {
  return impl_->Call<v1::ScoreResponse>(
      impl_->sentiment(), &v1::SentimentService::Stub::Score,
      MakeScoreRequest(text, options), options.timeout);
}

Client::CallId Client::ScoreAsync(absl::string_view text,
                                  const ScoreOptions& options,
                                  Done<v1::ScoreResponse> done) {
  return impl_->Start<v1::ScoreResponse>(
      impl_->sentiment().async(), &v1::SentimentService::Stub::async::Score,
      MakeScoreRequest(text, options), options.timeout, std::move(done));
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

Client::CallId Client::ListModelsAsync(absl::Duration timeout,
                                       Done<v1::ListModelsResponse> done) {
  return impl_->Start<v1::ListModelsResponse>(
      impl_->model().async(), &v1::ModelService::Stub::async::ListModels,
      v1::ListModelsRequest(), timeout, std::move(done));
}

void Client::Cancel(CallId call) { impl_->Cancel(call); }
void Client::Shutdown() { impl_->Shutdown(); }

}  // namespace carousel
