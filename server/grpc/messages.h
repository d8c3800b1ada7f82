// SPDX-License-Identifier: Apache-2.0
//
// From bytes to messages and back. The generated handlers would parse requests
// themselves and answer one that does not parse (text that is not UTF-8, for a
// start) with UNIMPLEMENTED; so the services take bytes and parse here.

#ifndef CAROUSEL_SERVER_GRPC_MESSAGES_H_
#define CAROUSEL_SERVER_GRPC_MESSAGES_H_

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "carousel/v1/autocomplete.pb.h"
#include "carousel/v1/sentiment.pb.h"
#include "carousel/v1/translation.pb.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

namespace carousel {

// INVALID_ARGUMENT, naming the type, if `bytes` do not make a message, or one
// of so many fields that parsing it would take far more memory than they do.
absl::Status ParseMessage(const grpc::ByteBuffer& bytes,
                          google::protobuf::Message* message);

// `bytes` may hold an earlier message. INTERNAL if there is no memory for it.
absl::Status SerialiseMessage(const google::protobuf::Message& message,
                              grpc::ByteBuffer* bytes);

// A request of a stream, whose name can be read though the request may not, so
// that the request alone can be refused.
template <typename Name, typename Request>
struct NamedRequest {
  Name name = {};
  absl::StatusOr<Request> request;
};
using NumberedRequest = NamedRequest<int64_t, v1::CompleteRequest>;

// The type of field `request` of a message of a stream, and of `response`.
template <typename StreamRequest>
using InnerRequest =
    std::decay_t<decltype(std::declval<StreamRequest>().request())>;
template <typename StreamResponse>
using InnerResponse =
    std::decay_t<decltype(std::declval<StreamResponse>().response())>;

template <typename StreamRequest>
using RequestWithId = NamedRequest<std::string, InnerRequest<StreamRequest>>;

// INVALID_ARGUMENT if not even the number, or the id, can be read.
// `StreamRequest`: v1::ScoreStreamRequest, v1::TranslateBatchRequest.
absl::StatusOr<NumberedRequest> ParseNumberedRequest(
    const grpc::ByteBuffer& bytes);
template <typename StreamRequest>
absl::StatusOr<RequestWithId<StreamRequest>> ParseRequestWithId(
    const grpc::ByteBuffer& bytes);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_MESSAGES_H_
