// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/messages.h"

#include <unicode/unistr.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "server/core/errors.h"

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

// ICU puts U+FFFD where it is not.
bool IsUtf8(const std::string& text) {
  std::string same;
  icu::UnicodeString::fromUTF8(text).toUTF8String(same);
  return same == text;
}

// The fields as they are on the wire, whatever their texts hold.
bool ParseFields(const grpc::ByteBuffer& bytes, UnknownFieldSet* fields) {
  grpc::ByteBuffer shared = bytes;  // reading needs a mutable one
  grpc::ProtoBufferReader reader(&shared);
  return reader.status().ok() && fields->ParseFromZeroCopyStream(&reader);
}

// Empty messages in a repeated field take two bytes each, and parsed a hundred:
// of a message of 4 MiB they would make hundreds. No field of ours has nearly
// so many (a forecast has 65,536 times).
constexpr int kMostFields = 1 << 17;

// Whether there are so few, those inside of fields not counted.
bool HasFewFields(const grpc::ByteBuffer& bytes) {
  grpc::ByteBuffer shared = bytes;  // reading needs a mutable one
  grpc::ProtoBufferReader reader(&shared);
  google::protobuf::io::CodedInputStream input(&reader);
  int fields = 0;
  while (const uint32_t tag = input.ReadTag()) {
    if (++fields > kMostFields) return false;
    if (!google::protobuf::internal::WireFormatLite::SkipField(&input, tag)) {
      break;  // parsing says what is wrong
    }
  }
  return true;
}

// `name_of` a message, or of its field `number` if the message cannot be read.
template <typename StreamRequest, typename Result, typename NameOf,
          typename ReadName>
absl::StatusOr<Result> ParseNamed(const grpc::ByteBuffer& bytes, int number,
                                  NameOf name_of, ReadName read_name) {
  StreamRequest message;
  const absl::Status status = ParseMessage(bytes, &message);
  if (status.ok() && !message.has_request()) {
    return Result{name_of(message),
                  InvalidField("request", "expected one, found none")};
  }
  if (status.ok()) {
    return Result{name_of(message), std::move(*message.mutable_request())};
  }
  UnknownFieldSet fields;
  if (!HasFewFields(bytes) || !ParseFields(bytes, &fields)) return status;
  Result result = {.request = CannotParse(message.request())};
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.number() == number) read_name(field, &result.name);
  }
  return result;
}

}  // namespace

absl::Status ParseMessage(const grpc::ByteBuffer& bytes, Message* message) {
  if (!HasFewFields(bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the request has more than ", kMostFields,
                     " fields, which no ", message->GetTypeName(), " has"));
  }
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
  const auto name_of = [](const v1::CompleteStreamRequest& message) {
    return message.number();
  };
  const auto read_name = [](const UnknownField& field, int64_t* number) {
    if (field.type() != UnknownField::TYPE_VARINT) return;
    *number = static_cast<int64_t>(field.varint());
  };
  return ParseNamed<v1::CompleteStreamRequest, NumberedRequest>(
      bytes, v1::CompleteStreamRequest::kNumberFieldNumber, name_of, read_name);
}

template <typename StreamRequest>
absl::StatusOr<RequestWithId<StreamRequest>> ParseRequestWithId(
    const grpc::ByteBuffer& bytes) {
  const auto name_of = [](const StreamRequest& message) {
    return message.id();
  };
  const auto read_name = [](const UnknownField& field, std::string* id) {
    if (field.type() != UnknownField::TYPE_LENGTH_DELIMITED) return;
    *id = field.length_delimited();
  };
  auto result = ParseNamed<StreamRequest, RequestWithId<StreamRequest>>(
      bytes, StreamRequest::kIdFieldNumber, name_of, read_name);
  // Else the answer could not be sent.
  if (result.ok() && !IsUtf8(result->name)) return CannotParse(StreamRequest());
  return result;
}

template absl::StatusOr<RequestWithId<v1::ScoreStreamRequest>>
ParseRequestWithId<v1::ScoreStreamRequest>(const grpc::ByteBuffer&);
template absl::StatusOr<RequestWithId<v1::TranslateBatchRequest>>
ParseRequestWithId<v1::TranslateBatchRequest>(const grpc::ByteBuffer&);

}  // namespace carousel
