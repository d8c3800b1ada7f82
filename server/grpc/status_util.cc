// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/status_util.h"

#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include "google/rpc/error_details.pb.h"
#include "model/base/retry.h"
#include "server/core/errors.h"

namespace carousel {
namespace {

// The advice in whole milliseconds, rounded up: not a moment too early. Bounded
// by a day, so that every client's integers hold it.
std::optional<int64_t> RetryMilliseconds(const absl::Status& status) {
  const std::optional<absl::Duration> delay = RetryDelayOf(status);
  if (!delay.has_value()) return std::nullopt;
  return absl::ToInt64Milliseconds(
      absl::Ceil(std::min(*delay, absl::Hours(24)), absl::Milliseconds(1)));
}

}  // namespace

google::rpc::Status ToStatusMessage(const absl::Status& status) {
  google::rpc::Status message;
  message.set_code(static_cast<int>(status.code()));
  message.set_message(ForTrailer(status.message()));
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

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status message = ToStatusMessage(status);
  // The codes of both are the canonical ones, with the same numbers.
  const auto code = static_cast<grpc::StatusCode>(message.code());
  if (message.details().empty()) return {code, message.message()};
  return {code, message.message(), message.SerializeAsString()};
}

void AddRetryTrailer(const absl::Status& status,
                     grpc::CallbackServerContext* context) {
  if (const auto milliseconds = RetryMilliseconds(status)) {
    context->AddTrailingMetadata("grpc-retry-pushback-ms",
                                 absl::StrCat(*milliseconds));
  }
}

std::string ForTrailer(absl::string_view message) {
  constexpr absl::string_view kCut = "...";
  std::string text;
  icu::UnicodeString::fromUTF8(
      {message.data(), static_cast<int32_t>(message.size())})
      .toUTF8String(text);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (text.size() <= kMaxMessageBytes) return text;
  size_t end = kMaxMessageBytes - kCut.size();
  while (end > 0 && U8_IS_TRAIL(text[end])) --end;
  text.resize(end);
  text.append(kCut.data(), kCut.size());
  return text;
}

}  // namespace carousel
