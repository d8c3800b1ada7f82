// SPDX-License-Identifier: Apache-2.0
//
// Structured logs on standard error: an event, and fields. Texts of requests
// are never logged.

#ifndef CAROUSEL_SERVER_APP_LOGGING_H_
#define CAROUSEL_SERVER_APP_LOGGING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "spdlog/common.h"

namespace carousel {

enum class LogFormat { kText, kJson };

// Once at the start. Sends the logs of gRPC and protobuf the same way. `level`:
// as in ServerConfig.
void SetUpLogging(LogFormat format, const std::string& level);

using LogFields = nlohmann::ordered_json;
using LogLevel = spdlog::level::level_enum;

// Writes one line. Thread-safe.
//
//   Log(LogLevel::info, "listening", {{"grpc_port", 50051}});
//
//   2026-01-31T12:00:00.123Z info listening grpc_port=50051
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","event":"listening",
//    "grpc_port":50051}
void Log(LogLevel level, absl::string_view event,
         const LogFields& fields = LogFields::object());

// The line, without its end. Whatever bytes the fields hold, it is valid UTF-8
// without control characters.
std::string LogLine(LogFormat format, absl::string_view time, LogLevel level,
                    absl::string_view event, const LogFields& fields);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_LOGGING_H_
