// SPDX-License-Identifier: Apache-2.0

#include "server/core/errors.h"

#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "google/rpc/error_details.pb.h"
#include "model/base/retry.h"

namespace carousel {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";

// What a client sent may come back in a detail, which travels in trailers.
std::string DetailText(absl::string_view text) {
  return MessageText(text, kMaxMessageBytes / 2);
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
  violation->set_description(DetailText(description));
  return WithDetail(std::move(status), detail);
}

}  // namespace

absl::Status InvalidField(absl::string_view field, absl::string_view what) {
  return WithViolation(
      absl::InvalidArgumentError(absl::StrCat(field, ": ", what)), field, what);
}

absl::Status AboutField(absl::string_view field, absl::Status status) {
  const std::string description(status.message());
  return WithViolation(std::move(status), field, description);
}

absl::Status AboutOption(absl::Status status) {
  if (status.ok()) return status;
  const std::string message(status.message());
  return AboutField(message.substr(0, message.find(':')), std::move(status));
}

absl::Status AboutModel(absl::string_view model, absl::Status status) {
  google::rpc::ResourceInfo detail;
  detail.set_resource_type("model");
  detail.set_resource_name(DetailText(model));
  detail.set_description(DetailText(status.message()));
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

std::string MessageText(absl::string_view text, size_t max_bytes) {
  constexpr absl::string_view kCut = "...";
  // What lies behind is cut off in any case: nothing becomes shorter, and a
  // character has four bytes at most.
  const absl::string_view seen = text.substr(0, max_bytes + 4);
  std::string valid;
  icu::UnicodeString::fromUTF8({seen.data(), static_cast<int32_t>(seen.size())})
      .toUTF8String(valid);
  for (char& c : valid) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (valid.size() <= max_bytes) return valid;
  size_t end = max_bytes - kCut.size();
  while (end > 0 && U8_IS_TRAIL(valid[end])) --end;
  return absl::StrCat(absl::string_view(valid).substr(0, end), kCut);
}

google::rpc::Status ToStatusMessage(const absl::Status& status) {
  google::rpc::Status message;
  message.set_code(static_cast<int>(status.code()));
  message.set_message(MessageText(status.message()));
  if (const auto milliseconds = RetryMilliseconds(status)) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(*milliseconds);
    message.add_details()->PackFrom(retry);
  }
  for (google::protobuf::Any& detail : ErrorDetails(status)) {
    *message.add_details() = std::move(detail);
  }
  return message;
}

std::optional<int64_t> RetryMilliseconds(const absl::Status& status) {
  const std::optional<absl::Duration> delay = RetryDelayOf(status);
  if (!delay.has_value()) return std::nullopt;
  return absl::ToInt64Milliseconds(
      absl::Ceil(std::min(*delay, absl::Hours(24)), absl::Milliseconds(1)));
}

}  // namespace carousel
