// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/status_util.h"

#include <unicode/unistr.h>
#include <unicode/utf8.h>

namespace carousel {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The codes of both are the canonical ones, with the same numbers.
  return {static_cast<grpc::StatusCode>(status.code()),
          ForTrailer(status.message())};
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
