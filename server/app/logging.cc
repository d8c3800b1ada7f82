// SPDX-License-Identifier: Apache-2.0

#include "server/app/logging.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace carousel {
namespace {

std::atomic<LogFormat> log_format = LogFormat::kText;

std::string Dump(const LogFields& value) {
  return value.dump(-1, ' ', true, LogFields::error_handler_t::replace);
}

std::string LevelName(LogLevel level) {
  const auto name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

void LogFromGrpc(gpr_log_func_args* args) {
  const LogLevel level = args->severity == GPR_LOG_SEVERITY_ERROR
                             ? LogLevel::warn
                             : LogLevel::debug;
  Log(level, "grpc",
      {{"message", args->message},
       {"at", absl::StrCat(args->file, ":", args->line)}});
}

// Protobuf calls it an error when a request does not parse: an everyday thing,
// which the caller is told.
void LogFromProtobuf(google::protobuf::LogLevel, const char* file, int line,
                     const std::string& message) {
  Log(LogLevel::debug, "protobuf",
      {{"message", message}, {"at", absl::StrCat(file, ":", line)}});
}

}  // namespace

std::string LogLine(LogFormat format, absl::string_view time, LogLevel level,
                    absl::string_view event, const LogFields& fields) {
  if (format == LogFormat::kJson) {
    LogFields line = {{"time", std::string(time)},
                      {"level", LevelName(level)},
                      {"event", std::string(event)}};
    line.update(fields);
    return Dump(line);
  }
  std::string line = absl::StrCat(time, " ", LevelName(level), " ", event);
  for (const auto& [name, value] : fields.items()) {
    absl::StrAppend(&line, " ", name, "=", Dump(value));
  }
  return line;
}

void SetUpLogging(LogFormat format, const std::string& level) {
  log_format = format;
  auto logger = std::make_shared<spdlog::logger>(
      "carousel", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(LogLevel::trace);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(LogFromGrpc);
  google::protobuf::SetLogHandler(LogFromProtobuf);
}

void Log(LogLevel level, absl::string_view event, const LogFields& fields) {
  if (!spdlog::should_log(level)) return;
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(),
                                            absl::UTCTimeZone());
  spdlog::log(level, spdlog::string_view_t(
                         LogLine(log_format, time, level, event, fields)));
}

}  // namespace carousel
