// SPDX-License-Identifier: Apache-2.0
#include "tests/client/fake_server.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/forecast.grpc.pb.h"
#include "carousel/v1/model.grpc.pb.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "carousel/v1/translation.grpc.pb.h"
#include "google/rpc/status.pb.h"
#include "model/base/check.h"

namespace carousel {
namespace {

// With its payloads as details.
google::rpc::Status ToMessage(const absl::Status& status) {
  google::rpc::Status message;
  message.set_code(static_cast<int>(status.code()));
  message.set_message(std::string(status.message()));
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& value) {
    auto* detail = message.add_details();
    detail->set_type_url(std::string(type));
    detail->set_value(std::string(value));
  });
  return message;
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()),
                      ToMessage(status).SerializeAsString());
}

}  // namespace

class FakeServer::Impl : public v1::AutocompleteService::Service,
                         public v1::SentimentService::Service,
                         public v1::TranslationService::Service,
                         public v1::ForecastService::Service,
                         public v1::ModelService::Service {
 public:
  explicit Impl(Handlers handlers) : handlers_(std::move(handlers)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(
        static_cast<v1::AutocompleteService::Service*>(this));
    builder.RegisterService(static_cast<v1::SentimentService::Service*>(this));
    builder.RegisterService(
        static_cast<v1::TranslationService::Service*>(this));
    builder.RegisterService(static_cast<v1::ForecastService::Service*>(this));
    builder.RegisterService(static_cast<v1::ModelService::Service*>(this));
    server_ = builder.BuildAndStart();
    CAROUSEL_CHECK(server_ != nullptr);
  }
  ~Impl() override { server_->Shutdown(); }

  int port() const { return port_; }

  grpc::Status Complete(grpc::ServerContext* context,
                        const v1::CompleteRequest* request,
                        v1::CompleteResponse* response) override {
    if (!handlers_.complete) {
      return v1::AutocompleteService::Service::Complete(context, request,
                                                        response);
    }
    return End(context, handlers_.complete(*request, *response));
  }

  grpc::Status CompleteStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::CompleteStreamResponse,
                               v1::CompleteStreamRequest>* stream) override {
    if (!handlers_.complete) {
      return v1::AutocompleteService::Service::CompleteStream(context, stream);
    }
    ++streams_;
    v1::CompleteStreamRequest request;
    while (stream->Read(&request)) {
      v1::CompleteStreamResponse answer;
      answer.set_number(request.number());
      const absl::Status status =
          handlers_.complete(request.request(), *answer.mutable_response());
      if (absl::IsUnavailable(status)) return ToGrpc(status);
      if (absl::IsCancelled(status)) continue;
      if (!status.ok()) {
        answer.mutable_error()->set_code(static_cast<int>(status.code()));
      }
      stream->Write(answer);
    }
    return grpc::Status::OK;
  }

  int streams() const { return streams_; }

  grpc::Status Score(grpc::ServerContext* context,
                     const v1::ScoreRequest* request,
                     v1::ScoreResponse* response) override {
    if (!handlers_.score) {
      return v1::SentimentService::Service::Score(context, request, response);
    }
    return End(context, handlers_.score(*request, *response));
  }

  grpc::Status ScoreStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ScoreStreamResponse, v1::ScoreStreamRequest>*
          stream) override {
    if (!handlers_.score) {
      return v1::SentimentService::Service::ScoreStream(context, stream);
    }
    return AnswerInPairs(*stream, handlers_.score);
  }

  grpc::Status Translate(grpc::ServerContext* context,
                         const v1::TranslateRequest* request,
                         v1::TranslateResponse* response) override {
    if (!handlers_.translate) {
      return v1::TranslationService::Service::Translate(context, request,
                                                        response);
    }
    return End(context, handlers_.translate(*request, *response));
  }

  grpc::Status TranslateStream(
      grpc::ServerContext* context, const v1::TranslateStreamRequest* request,
      grpc::ServerWriter<v1::TranslateStreamResponse>* writer) override {
    if (!handlers_.translate) {
      return v1::TranslationService::Service::TranslateStream(context, request,
                                                              writer);
    }
    ++streams_;
    v1::TranslateStreamResponse whole, piece;
    const absl::Status status =
        handlers_.translate(request->request(), *whole.mutable_response());
    if (!status.ok()) return End(context, status);
    const std::string& text = whole.response().text();
    for (const auto& part :
         {text.substr(0, text.size() / 2), text.substr(text.size() / 2)}) {
      piece.set_text(part);
      writer->Write(piece);
    }
    writer->Write(whole);
    return grpc::Status::OK;
  }

  grpc::Status TranslateBatch(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::TranslateBatchResponse,
                               v1::TranslateBatchRequest>* stream) override {
    if (!handlers_.translate) {
      return v1::TranslationService::Service::TranslateBatch(context, stream);
    }
    return AnswerInPairs(*stream, handlers_.translate);
  }

  grpc::Status Forecast(grpc::ServerContext* context,
                        const v1::ForecastRequest* request,
                        v1::ForecastResponse* response) override {
    if (!handlers_.forecast) {
      return v1::ForecastService::Service::Forecast(context, request, response);
    }
    return End(context, handlers_.forecast(*request, *response));
  }

  grpc::Status ListModels(grpc::ServerContext* context,
                          const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override {
    if (!handlers_.list_models) {
      return v1::ModelService::Service::ListModels(context, request, response);
    }
    return End(context, handlers_.list_models(*response));
  }

  grpc::Status GetModel(grpc::ServerContext* context,
                        const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override {
    if (!handlers_.get_model) {
      return v1::ModelService::Service::GetModel(context, request, response);
    }
    return ToGrpc(handlers_.get_model(*request, *response));
  }

  grpc::Status ReloadModels(grpc::ServerContext* context,
                            const v1::ReloadModelsRequest* request,
                            v1::ReloadModelsResponse* response) override {
    if (!handlers_.reload_models) {
      return v1::ModelService::Service::ReloadModels(context, request,
                                                     response);
    }
    return ToGrpc(handlers_.reload_models(*response));
  }

  grpc::Status Explain(grpc::ServerContext* context,
                       const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    if (!handlers_.explain) {
      return v1::ModelService::Service::Explain(context, request, response);
    }
    return ToGrpc(handlers_.explain(*request, *response));
  }

 private:
  template <typename Response, typename Request, typename Handler>
  grpc::Status AnswerInPairs(
      grpc::ServerReaderWriter<Response, Request>& stream,
      const Handler& handler) {
    ++streams_;
    Request first, second;
    while (stream.Read(&first)) {
      const bool pair = stream.Read(&second);
      for (const auto* request : {pair ? &second : nullptr, &first}) {
        if (request == nullptr) continue;
        Response answer;
        answer.set_id(request->id());
        const absl::Status status =
            handler(request->request(), *answer.mutable_response());
        if (absl::IsUnavailable(status)) return ToGrpc(status);
        if (absl::IsCancelled(status)) continue;
        if (!status.ok()) *answer.mutable_error() = ToMessage(status);
        stream.Write(answer);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status End(grpc::ServerContext* context, const absl::Status& status) {
    if (!status.ok() && handlers_.retry_pushback_ms.has_value()) {
      context->AddTrailingMetadata("grpc-retry-pushback-ms",
                                   absl::StrCat(*handlers_.retry_pushback_ms));
    }
    return ToGrpc(status);
  }

  const Handlers handlers_;
  std::atomic<int> streams_ = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

FakeServer::FakeServer(Handlers handlers)
    : impl_(std::make_unique<Impl>(std::move(handlers))),
      address_(absl::StrCat("127.0.0.1:", impl_->port())) {}

FakeServer::~FakeServer() = default;

int FakeServer::streams() const { return impl_->streams(); }

v1::Suggestion MakeSuggestion(const std::string& word,
                              const std::string& insert, double probability,
                              int replace) {
  v1::Suggestion suggestion;
  suggestion.set_word(word);
  suggestion.set_insert(insert);
  suggestion.set_probability(probability);
  suggestion.set_replace(replace);
  return suggestion;
}

}  // namespace carousel
