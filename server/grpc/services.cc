// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/services.h"

#include "absl/functional/bind_front.h"

namespace carousel {

grpc::ServerUnaryReactor* AutocompleteGrpcService::Complete(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::CompleteRequest, v1::CompleteResponse>(
      new UnaryCall(environment_, "AutocompleteService/Complete", context,
                    response),
      *request, absl::bind_front(&AutocompleteCore::Complete, core_));
}

grpc::ServerUnaryReactor* ModelGrpcService::ListModels(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ListModelsRequest, v1::ListModelsResponse>(
      new UnaryCall(environment_, "ModelService/ListModels", context, response),
      *request, absl::bind_front(&ModelCore::ListModels, core_));
}

}  // namespace carousel
