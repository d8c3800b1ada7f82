// SPDX-License-Identifier: Apache-2.0
//
// The generated services, tied to their cores. Every handler only hands over.

#ifndef CAROUSEL_SERVER_GRPC_SERVICES_H_
#define CAROUSEL_SERVER_GRPC_SERVICES_H_

#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/forecast.grpc.pb.h"
#include "carousel/v1/model.grpc.pb.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "carousel/v1/translation.grpc.pb.h"
#include "server/core/autocomplete.h"
#include "server/core/forecast.h"
#include "server/core/live_streams.h"
#include "server/core/models.h"
#include "server/core/sentiment.h"
#include "server/core/translation.h"
#include "server/grpc/unary_call.h"

namespace carousel {

// Thread-safe. Everything passed in must outlive the services.
class AutocompleteGrpcService final
    : public v1::AutocompleteService::WithRawCallbackMethod_Complete<
          v1::AutocompleteService::WithRawCallbackMethod_CompleteStream<
              v1::AutocompleteService::Service>> {
 public:
  AutocompleteGrpcService(const AutocompleteCore* core,
                          const UnaryCall::Environment& environment,
                          LiveStreams* streams)
      : core_(core), environment_(environment), streams_(streams) {}

  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CompleteStream(
      grpc::CallbackServerContext* context) override;

 private:
  const AutocompleteCore* const core_;
  const UnaryCall::Environment environment_;
  LiveStreams* const streams_;
};

class SentimentGrpcService final
    : public v1::SentimentService::WithRawCallbackMethod_Score<
          v1::SentimentService::WithRawCallbackMethod_ScoreStream<
              v1::SentimentService::Service>> {
 public:
  SentimentGrpcService(const SentimentCore* core,
                       const UnaryCall::Environment& environment,
                       LiveStreams* streams)
      : core_(core), environment_(environment), streams_(streams) {}

  grpc::ServerUnaryReactor* Score(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ScoreStream(
      grpc::CallbackServerContext* context) override;

 private:
  const SentimentCore* const core_;
  const UnaryCall::Environment environment_;
  LiveStreams* const streams_;
};

class TranslationGrpcService final
    : public v1::TranslationService::WithRawCallbackMethod_Translate<
          v1::TranslationService::WithRawCallbackMethod_TranslateStream<
              v1::TranslationService::WithRawCallbackMethod_TranslateBatch<
                  v1::TranslationService::Service>>> {
 public:
  TranslationGrpcService(const TranslationCore* core,
                         const UnaryCall::Environment& environment,
                         LiveStreams* streams)
      : core_(core), environment_(environment), streams_(streams) {}

  grpc::ServerUnaryReactor* Translate(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;

  grpc::ServerWriteReactor<grpc::ByteBuffer>* TranslateStream(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* TranslateBatch(
      grpc::CallbackServerContext* context) override;

 private:
  const TranslationCore* const core_;
  const UnaryCall::Environment environment_;
  LiveStreams* const streams_;
};

class ForecastGrpcService final
    : public v1::ForecastService::WithRawCallbackMethod_Forecast<
          v1::ForecastService::Service> {
 public:
  ForecastGrpcService(const ForecastCore* core,
                      const UnaryCall::Environment& environment)
      : core_(core), environment_(environment) {}

  grpc::ServerUnaryReactor* Forecast(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;

 private:
  const ForecastCore* const core_;
  const UnaryCall::Environment environment_;
};

class ModelGrpcService final
    : public v1::ModelService::WithRawCallbackMethod_ListModels<
          v1::ModelService::WithRawCallbackMethod_GetModel<
              v1::ModelService::WithRawCallbackMethod_ReloadModels<
                  v1::ModelService::WithRawCallbackMethod_Explain<
                      v1::ModelService::Service>>>> {
 public:
  ModelGrpcService(const ModelCore* core,
                   const UnaryCall::Environment& environment)
      : core_(core), environment_(environment) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ReloadModels(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;

 private:
  const ModelCore* const core_;
  const UnaryCall::Environment environment_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_SERVICES_H_
