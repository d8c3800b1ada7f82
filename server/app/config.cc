// SPDX-License-Identifier: Apache-2.0

#include "server/app/config.h"

#include <initializer_list>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

absl::Status Between(absl::string_view name, int64_t value, int64_t least,
                     int64_t most) {
  if (least <= value && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, "=", value, ": expected ", least, " to ", most));
}

absl::Status AtLeast(absl::string_view name, absl::Duration value,
                     absl::Duration least) {
  if (value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, "=", absl::FormatDuration(value), ": expected ",
                   absl::FormatDuration(least), " or more"));
}

absl::Status OneOf(absl::string_view name, absl::string_view value,
                   std::initializer_list<absl::string_view> allowed) {
  for (const absl::string_view each : allowed) {
    if (value == each) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("--", name, "=", value,
                                                 ": expected one of ",
                                                 absl::StrJoin(allowed, ", ")));
}

}  // namespace

absl::Status Validate(const ServerConfig& config) {
  constexpr absl::Duration kSecond = absl::Seconds(1);
  constexpr int64_t kMaxTextBytes = 1 << 20;  // of a message of 4 MiB
  if (config.models.empty()) {
    return absl::InvalidArgumentError(
        "--models is empty: expected a directory of models");
  }
  RETURN_IF_ERROR(OneOf("precision", config.precision,
                        {kAutomaticPrecision, "f32", "bf16", "int8"}));
  RETURN_IF_ERROR(Between("workers", config.workers, 0, 1024));
  RETURN_IF_ERROR(Between("max_queue_tokens", config.max_queue_tokens, 1,
                          std::numeric_limits<int32_t>::max()));
  RETURN_IF_ERROR(
      Between("max_text_bytes", config.max_text_bytes, 1, kMaxTextBytes));
  RETURN_IF_ERROR(Between("max_whole_text_bytes", config.max_whole_text_bytes,
                          1, kMaxTextBytes));
  RETURN_IF_ERROR(Between("max_sequences", config.max_sequences, 1, 1 << 16));
  RETURN_IF_ERROR(Between("prefix_cache_bytes", config.prefix_cache_bytes, 0,
                          int64_t{1} << 40));
  RETURN_IF_ERROR(Between("embedding_table_bytes", config.embedding_table_bytes,
                          0, int64_t{1} << 40));
  RETURN_IF_ERROR(
      Between("memory_limit", config.memory_limit, 0, int64_t{1} << 50));
  RETURN_IF_ERROR(
      AtLeast("drain_pause", config.drain_pause, absl::ZeroDuration()));
  RETURN_IF_ERROR(
      AtLeast("drain_deadline", config.drain_deadline, absl::ZeroDuration()));
  RETURN_IF_ERROR(
      AtLeast("max_connection_age", config.max_connection_age, kSecond));
  RETURN_IF_ERROR(AtLeast("max_connection_age_grace",
                          config.max_connection_age_grace, kSecond));
  RETURN_IF_ERROR(AtLeast("min_ping_interval", config.min_ping_interval,
                          absl::Milliseconds(10)));
  RETURN_IF_ERROR(AtLeast("keepalive_time", config.keepalive_time, kSecond));
  RETURN_IF_ERROR(OneOf("log_format", config.log_format, {"text", "json"}));
  return OneOf("log_level", config.log_level,
               {"debug", "info", "warning", "error"});
}

absl::StatusOr<LoadOptions> ToLoadOptions(const ServerConfig& config) {
  LoadOptions options = {
      .force = config.force_precision,
      .max_table_bytes = static_cast<size_t>(config.embedding_table_bytes)};
  if (config.precision != kAutomaticPrecision) {
    ASSIGN_OR_RETURN(options.precision,
                     ParsePrecision("--precision", config.precision));
  }
  return options;
}

}  // namespace carousel
