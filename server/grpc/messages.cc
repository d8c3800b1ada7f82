// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/messages.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/proto_buffer_reader.h"

namespace carousel {
namespace {

using google::protobuf::Message;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

absl::Status CannotParse(const Message& message) {
  return absl::InvalidArgumentError(
      absl::StrCat("the request is not a valid ", message.GetTypeName(),
                   ": expected a protobuf message whose texts are UTF-8"));
}

// The fields as they are on the wire, whatever their texts hold.
bool ParseFields(const grpc::ByteBuffer& bytes, UnknownFieldSet* fields) {
  grpc::ByteBuffer shared = bytes;  // reading needs a mutable one
  grpc::ProtoBufferReader reader(&shared);
  return reader.status().ok() && fields->ParseFromZeroCopyStream(&reader);
}

}  // namespace

absl::Status ParseMessage(const grpc::ByteBuffer& bytes, Message* message) {
  grpc::ByteBuffer shared = bytes;  // reading needs a mutable one
  if (grpc::GenericDeserialize<grpc::ProtoBufferReader, Message>(&shared,
                                                                 message)
          .ok()) {
    return absl::OkStatus();
  }
  return CannotParse(*message);
}

absl::Status SerialiseMessage(const Message& message, grpc::ByteBuffer* bytes) {
  bytes->Clear();
  bool own_buffer = false;
  const grpc::Status status =
      grpc::GenericSerialize<grpc::ProtoBufferWriter, Message>(message, bytes,
                                                               &own_buffer);
  return status.ok() ? absl::OkStatus()
                     : absl::InternalError(status.error_message());
}

absl::StatusOr<NumberedRequest> ParseNumberedRequest(
    const grpc::ByteBuffer& bytes) {
  v1::CompleteStreamRequest message;
  const absl::Status status = ParseMessage(bytes, &message);
  if (status.ok() && !message.has_request()) {
    return NumberedRequest{message.number(),
                           absl::InvalidArgumentError("`request` is not set")};
  }
  if (status.ok()) {
    return NumberedRequest{message.number(),
                           std::move(*message.mutable_request())};
  }
  UnknownFieldSet fields;
  if (!ParseFields(bytes, &fields)) return status;
  NumberedRequest result = {.request = CannotParse(message.request())};
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.number() == v1::CompleteStreamRequest::kNumberFieldNumber &&
        field.type() == UnknownField::TYPE_VARINT) {
      result.number = static_cast<int64_t>(field.varint());
    }
  }
  return result;
}

}  // namespace carousel
