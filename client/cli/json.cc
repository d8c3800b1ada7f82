// SPDX-License-Identifier: Apache-2.0
#include "client/cli/json.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wrappers.pb.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(absl::StrCat(
        "no JSON of ", message.GetTypeName(), ": ", status.ToString()));
  }
  return json;
}

}  // namespace

absl::StatusOr<std::string> JsonLine(const google::protobuf::Message& message,
                                     std::optional<absl::string_view> input) {
  ASSIGN_OR_RETURN(std::string json, ToJson(message));
  if (!input) return json + "\n";
  google::protobuf::StringValue text;
  text.set_value(std::string(*input));
  ASSIGN_OR_RETURN(const std::string quoted, ToJson(text));
  return absl::StrCat("{\"input\":", quoted, json == "{}" ? "" : ",",
                      absl::string_view(json).substr(1), "\n");
}

std::string ErrorJson(const absl::Status& status) {
  const nlohmann::ordered_json json = {
      {"error",
       {{"code", absl::StatusCodeToString(status.code())},
        {"message", Printable(status.message())}}}};
  return absl::StrCat(json.dump(), "\n");
}

}  // namespace carousel
