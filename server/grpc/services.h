// SPDX-License-Identifier: Apache-2.0
//
// The generated services, tied to their cores. Every handler only hands over.

#ifndef CAROUSEL_SERVER_GRPC_SERVICES_H_
#define CAROUSEL_SERVER_GRPC_SERVICES_H_

#include <cstddef>

#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/model.grpc.pb.h"
#include "server/core/autocomplete.h"
#include "server/core/live_streams.h"
#include "server/core/models.h"
#include "server/grpc/unary_call.h"

namespace carousel {

// Thread-safe. Everything passed in must outlive the services.
class AutocompleteGrpcService final
    : public v1::AutocompleteService::WithRawCallbackMethod_Complete<
          v1::AutocompleteService::WithRawCallbackMethod_CompleteStream<
              v1::AutocompleteService::Service>> {
 public:
  AutocompleteGrpcService(const AutocompleteCore* core,
                          const UnaryCall::Environment& environment)
      : core_(core), environment_(environment) {}

  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* CompleteStream(
      grpc::CallbackServerContext* context) override;

  // Ends every stream when what it has under way is answered, those that come
  // later at once. Does not wait for them.
  void DrainStreams() { streams_.Drain(); }

  size_t open_streams() const { return streams_.size(); }

 private:
  const AutocompleteCore* const core_;
  const UnaryCall::Environment environment_;
  LiveStreams streams_;
};

class ModelGrpcService final
    : public v1::ModelService::WithRawCallbackMethod_ListModels<
          v1::ModelService::Service> {
 public:
  ModelGrpcService(const ModelCore* core,
                   const UnaryCall::Environment& environment)
      : core_(core), environment_(environment) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;

 private:
  const ModelCore* const core_;
  const UnaryCall::Environment environment_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_SERVICES_H_
