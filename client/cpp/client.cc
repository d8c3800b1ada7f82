// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/forecast.grpc.pb.h"
#include "carousel/v1/model.grpc.pb.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "carousel/v1/translation.grpc.pb.h"
#include "client/cpp/bulk.h"
#include "client/cpp/calls.h"
#include "client/cpp/requests.h"
#include "model/base/status_macros.h"

namespace carousel {

class Client::Impl : public Calls {
 public:
  explicit Impl(std::string address)
      : Calls(std::move(address)),
        autocomplete_(v1::AutocompleteService::NewStub(channel())),
        sentiment_(v1::SentimentService::NewStub(channel())),
        translation_(v1::TranslationService::NewStub(channel())),
        forecast_(v1::ForecastService::NewStub(channel())),
        model_(v1::ModelService::NewStub(channel())) {}

  v1::AutocompleteService::Stub& autocomplete() { return *autocomplete_; }
  v1::SentimentService::Stub& sentiment() { return *sentiment_; }
  v1::TranslationService::Stub& translation() { return *translation_; }
  v1::ForecastService::Stub& forecast() { return *forecast_; }
  v1::ModelService::Stub& model() { return *model_; }

 private:
  const std::unique_ptr<v1::AutocompleteService::Stub> autocomplete_;
  const std::unique_ptr<v1::SentimentService::Stub> sentiment_;
  const std::unique_ptr<v1::TranslationService::Stub> translation_;
  const std::unique_ptr<v1::ForecastService::Stub> forecast_;
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

std::unique_ptr<TypingStream> Client::CompleteStream(
    TypingStream::Answer answer) {
  return std::unique_ptr<TypingStream>(
      new TypingStream(*impl_, std::move(answer)));
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
    absl::FunctionRef<bool(int64_t place, absl::StatusOr<v1::ScoreResponse>)>
        answer,
    const ScoreOptions& options) {
  const auto make = [&](absl::string_view text) {
    return MakeScoreRequest(text, options);
  };
  return Bulk<v1::ScoreStreamRequest, v1::ScoreStreamResponse>(next, make,
                                                               answer)
      .Run(*impl_, impl_->sentiment(), &v1::SentimentService::Stub::ScoreStream,
           options.timeout);
}

absl::StatusOr<v1::TranslateResponse> Client::Translate(
    absl::string_view text, const TranslateOptions& options) {
  return impl_->Call<v1::TranslateResponse>(
      impl_->translation(), &v1::TranslationService::Stub::Translate,
      MakeTranslateRequest(text, options), options.timeout);
}

Client::CallId Client::TranslateAsync(absl::string_view text,
                                      const TranslateOptions& options,
                                      Done<v1::TranslateResponse> done) {
  return impl_->Start<v1::TranslateResponse>(
      impl_->translation().async(),
      &v1::TranslationService::Stub::async::Translate,
      MakeTranslateRequest(text, options), options.timeout, std::move(done));
}

absl::StatusOr<v1::TranslateResponse> Client::TranslateAloud(
    absl::string_view text,
    absl::FunctionRef<bool(absl::string_view more)> on_text,
    const TranslateOptions& options) {
  v1::TranslateStreamRequest request;
  ASSIGN_OR_RETURN(*request.mutable_request(),
                   MakeTranslateRequest(text, options));
  std::optional<v1::TranslateResponse> whole;
  RETURN_IF_ERROR(impl_->ReadStream<v1::TranslateStreamResponse>(
      impl_->translation(), &v1::TranslationService::Stub::TranslateStream,
      request, options.timeout, [&](v1::TranslateStreamResponse& message) {
        if (!message.has_response()) return on_text(message.text());
        whole = std::move(*message.mutable_response());
        return true;
      }));
  if (whole.has_value()) return *std::move(whole);
  return absl::InternalError(
      "the server's stream ended without the whole translation");
}

absl::Status Client::TranslateAll(
    absl::FunctionRef<std::optional<std::string>()> next,
    absl::FunctionRef<bool(int64_t place,
                           absl::StatusOr<v1::TranslateResponse>)>
        answer,
    const TranslateOptions& options) {
  const auto make = [&](absl::string_view text) {
    return MakeTranslateRequest(text, options);
  };
  return Bulk<v1::TranslateBatchRequest, v1::TranslateBatchResponse>(next, make,
                                                                     answer)
      .Run(*impl_, impl_->translation(),
           &v1::TranslationService::Stub::TranslateBatch, options.timeout);
}

absl::StatusOr<v1::ForecastResponse> Client::Forecast(
    const SeriesHistory& history, const ForecastOptions& options) {
  return impl_->Call<v1::ForecastResponse>(
      impl_->forecast(), &v1::ForecastService::Stub::Forecast,
      MakeForecastRequest(history, options), options.timeout);
}

Client::CallId Client::ForecastAsync(const SeriesHistory& history,
                                     const ForecastOptions& options,
                                     Done<v1::ForecastResponse> done) {
  return impl_->Start<v1::ForecastResponse>(
      impl_->forecast().async(), &v1::ForecastService::Stub::async::Forecast,
      MakeForecastRequest(history, options), options.timeout, std::move(done));
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

absl::StatusOr<v1::GetModelResponse> Client::GetModel(
    const v1::ModelSpec& model, absl::Duration timeout) {
  return impl_->Call<v1::GetModelResponse>(impl_->model(),
                                           &v1::ModelService::Stub::GetModel,
                                           MakeGetModelRequest(model), timeout);
}

Client::CallId Client::GetModelAsync(const v1::ModelSpec& model,
                                     absl::Duration timeout,
                                     Done<v1::GetModelResponse> done) {
  return impl_->Start<v1::GetModelResponse>(
      impl_->model().async(), &v1::ModelService::Stub::async::GetModel,
      MakeGetModelRequest(model), timeout, std::move(done));
}

absl::StatusOr<v1::ReloadModelsResponse> Client::ReloadModels(
    absl::Duration timeout) {
  return impl_->Call<v1::ReloadModelsResponse>(
      impl_->model(), &v1::ModelService::Stub::ReloadModels,
      v1::ReloadModelsRequest(), timeout);
}

Client::CallId Client::ReloadModelsAsync(absl::Duration timeout,
                                         Done<v1::ReloadModelsResponse> done) {
  return impl_->Start<v1::ReloadModelsResponse>(
      impl_->model().async(), &v1::ModelService::Stub::async::ReloadModels,
      v1::ReloadModelsRequest(), timeout, std::move(done));
}

absl::StatusOr<v1::ExplainResponse> Client::Explain(absl::string_view text,
                                                    const v1::ModelSpec& model,
                                                    absl::Duration timeout) {
  return impl_->Call<v1::ExplainResponse>(
      impl_->model(), &v1::ModelService::Stub::Explain,
      MakeExplainRequest(text, model), timeout);
}

Client::CallId Client::ExplainAsync(absl::string_view text,
                                    const v1::ModelSpec& model,
                                    absl::Duration timeout,
                                    Done<v1::ExplainResponse> done) {
  return impl_->Start<v1::ExplainResponse>(
      impl_->model().async(), &v1::ModelService::Stub::async::Explain,
      MakeExplainRequest(text, model), timeout, std::move(done));
}

void Client::Cancel(CallId call) { impl_->Cancel(call); }
void Client::Shutdown() { impl_->Shutdown(); }

}  // namespace carousel
