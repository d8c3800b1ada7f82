// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/services.h"

#include "absl/functional/bind_front.h"
#include "server/grpc/bulk_call.h"
#include "server/grpc/completion_call.h"
#include "server/grpc/translation_call.h"

namespace carousel {

grpc::ServerUnaryReactor* AutocompleteGrpcService::Complete(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::CompleteRequest, v1::CompleteResponse>(
      new UnaryCall(environment_, "AutocompleteService/Complete", context,
                    response),
      *request, absl::bind_front(&AutocompleteCore::Complete, core_));
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
AutocompleteGrpcService::CompleteStream(grpc::CallbackServerContext* context) {
  return new CompletionCall(
      environment_, absl::bind_front(&AutocompleteCore::Complete, core_),
      streams_, context);
}

grpc::ServerUnaryReactor* SentimentGrpcService::Score(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ScoreRequest, v1::ScoreResponse>(
      new UnaryCall(environment_, "SentimentService/Score", context, response),
      *request, absl::bind_front(&SentimentCore::Score, core_));
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
SentimentGrpcService::ScoreStream(grpc::CallbackServerContext* context) {
  return new BulkCall<v1::ScoreStreamRequest, v1::ScoreStreamResponse>(
      environment_, "SentimentService/ScoreStream",
      absl::bind_front(&SentimentCore::Score, core_), streams_, context);
}

grpc::ServerUnaryReactor* TranslationGrpcService::Translate(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::TranslateRequest, v1::TranslateResponse>(
      new UnaryCall(environment_, "TranslationService/Translate", context,
                    response),
      *request, absl::bind_front(&TranslationCore::Translate, core_));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>*
TranslationGrpcService::TranslateStream(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request) {
  return new TranslationCall(
      environment_, absl::bind_front(&TranslationCore::TranslateAloud, core_),
      *request, streams_, context);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
TranslationGrpcService::TranslateBatch(grpc::CallbackServerContext* context) {
  return new BulkCall<v1::TranslateBatchRequest, v1::TranslateBatchResponse>(
      environment_, "TranslationService/TranslateBatch",
      absl::bind_front(&TranslationCore::Translate, core_), streams_, context);
}

grpc::ServerUnaryReactor* ForecastGrpcService::Forecast(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ForecastRequest, v1::ForecastResponse>(
      new UnaryCall(environment_, "ForecastService/Forecast", context,
                    response),
      *request, absl::bind_front(&ForecastCore::Forecast, core_));
}

grpc::ServerUnaryReactor* ModelGrpcService::ListModels(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ListModelsRequest, v1::ListModelsResponse>(
      new UnaryCall(environment_, "ModelService/ListModels", context, response),
      *request, absl::bind_front(&ModelCore::ListModels, core_));
}

grpc::ServerUnaryReactor* ModelGrpcService::GetModel(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::GetModelRequest, v1::GetModelResponse>(
      new UnaryCall(environment_, "ModelService/GetModel", context, response),
      *request, absl::bind_front(&ModelCore::GetModel, core_));
}

grpc::ServerUnaryReactor* ModelGrpcService::ReloadModels(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ReloadModelsRequest, v1::ReloadModelsResponse>(
      new UnaryCall(environment_, "ModelService/ReloadModels", context,
                    response),
      *request, absl::bind_front(&ModelCore::ReloadModels, core_));
}

grpc::ServerUnaryReactor* ModelGrpcService::Explain(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ExplainRequest, v1::ExplainResponse>(
      new UnaryCall(environment_, "ModelService/Explain", context, response),
      *request, absl::bind_front(&ModelCore::Explain, core_));
}

}  // namespace carousel
