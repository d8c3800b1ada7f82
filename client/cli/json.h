// SPDX-License-Identifier: Apache-2.0
//
// What --json prints.

#ifndef CAROUSEL_CLIENT_CLI_JSON_H_
#define CAROUSEL_CLIENT_CLI_JSON_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace carousel {

// protobuf's JSON of `message` on one line, fields with default values
// included, with "input" as its first member if given.
absl::StatusOr<std::string> JsonLine(
    const google::protobuf::Message& message,
    std::optional<absl::string_view> input = std::nullopt);

// {"error":{"code":"INVALID_ARGUMENT","message":"..."}}, on one line.
std::string ErrorJson(const absl::Status& status);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_JSON_H_
