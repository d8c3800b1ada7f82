// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/services.h"

#include "absl/functional/bind_front.h"
#include "server/grpc/completion_call.h"
#include "server/grpc/score_call.h"

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
  return new ScoreCall(environment_,
                       absl::bind_front(&SentimentCore::Score, core_), streams_,
                       context);
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

}  // namespace carousel
