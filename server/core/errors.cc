// SPDX-License-Identifier: Apache-2.0

#include "server/core/errors.h"

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"

namespace carousel {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";

// What a client sent may come back in an error, which travels in trailers.
constexpr size_t kMostBytes = 512;

std::string Cut(absl::string_view text) {
  if (text.size() <= kMostBytes) return std::string(text);
  size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;  // not inside a character
  }
  return absl::StrCat(text.substr(0, end), "...");
}

absl::Status WithDetail(absl::Status status,
                        const google::protobuf::Message& detail) {
  status.SetPayload(absl::StrCat(kTypePrefix, detail.GetTypeName()),
                    absl::Cord(detail.SerializeAsString()));
  return status;
}

absl::Status WithViolation(absl::Status status, absl::string_view field,
                           absl::string_view description) {
  google::rpc::BadRequest detail;
  auto* violation = detail.add_field_violations();
  violation->set_field(std::string(field));
  violation->set_description(Cut(description));
  return WithDetail(std::move(status), detail);
}

}  // namespace

absl::Status InvalidField(absl::string_view field, absl::string_view found) {
  return WithViolation(
      absl::InvalidArgumentError(absl::StrCat(field, " ", found)), field,
      found);
}

absl::Status AboutField(absl::string_view field, absl::Status status) {
  const std::string description(status.message());
  return WithViolation(std::move(status), field, description);
}

absl::Status AboutModel(absl::string_view model, absl::Status status) {
  google::rpc::ResourceInfo detail;
  detail.set_resource_type("model");
  detail.set_resource_name(Cut(model));
  detail.set_description(Cut(status.message()));
  return WithDetail(std::move(status), detail);
}

std::vector<google::protobuf::Any> ErrorDetails(const absl::Status& status) {
  std::vector<google::protobuf::Any> details;
  status.ForEachPayload([&](absl::string_view type, const absl::Cord& value) {
    if (!absl::StartsWith(type, kTypePrefix)) return;
    google::protobuf::Any& detail = details.emplace_back();
    detail.set_type_url(std::string(type));
    detail.set_value(std::string(value));
  });
  return details;
}

}  // namespace carousel
