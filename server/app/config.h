// SPDX-License-Identifier: Apache-2.0
//
// What a server is told before it starts. flags.h reads it from the command
// line and from a file; tests fill it in directly.

#ifndef CAROUSEL_SERVER_APP_CONFIG_H_
#define CAROUSEL_SERVER_APP_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/bundle/model.h"

namespace carousel {

inline constexpr char kAutomaticPrecision[] = "auto";

struct ServerConfig {
  // Directory with NAME/VERSION/manifest.json.
  std::string models = "model/zoo";

  // What models compute in: "auto" (as each is meant, as far as the CPU can),
  // "f32", "bf16" or "int8"; and whether a loss of quality beyond the limits is
  // taken (model/bundle/model.h).
  std::string precision = kAutomaticPrecision;
  bool force_precision = false;

  // host:port; port 0: any free one.
  std::string grpc_address = "0.0.0.0:50051";
  std::string http_address = "0.0.0.0:8080";

  // Threads that compute; 0: as many as CPUs are allowed.
  int workers = 0;

  // Bounds of what is taken in.
  int64_t max_queue_tokens = 65536;
  int64_t max_text_bytes = 16384;        // of a completion
  int64_t max_whole_text_bytes = 65536;  // of one that is read as a whole

  // Jobs computed at a time, and what is remembered of texts for each version
  // of a model.
  int max_sequences = 256;
  int64_t prefix_cache_bytes = int64_t{64} << 20;

  // Most memory for a table of a language model's first layer, for each version
  // (model/layers/language_model.h), and for all that the server holds, as far
  // as it can be known when models are loaded; 0: no limit.
  int64_t embedding_table_bytes = int64_t{128} << 20;
  int64_t memory_limit = 0;

  // How long a stopping server still takes requests while its address vanishes
  // from the load balancers, and then how long it finishes what it has.
  absl::Duration drain_pause = absl::Seconds(5);
  absl::Duration drain_deadline = absl::Seconds(20);

  absl::Duration max_connection_age = absl::Minutes(5);
  absl::Duration max_connection_age_grace = absl::Seconds(30);
  absl::Duration min_ping_interval = absl::Seconds(10);
  absl::Duration keepalive_time = absl::Minutes(1);
  bool reflection = true;

  // Calls that not everybody should make: to look for models anew, and to be
  // shown how a text is read.
  bool allow_reload = false;
  bool allow_explain = false;

  std::string log_format = "text";  // or "json"
  std::string log_level = "info";   // debug, info, warning, error
};

// How models are loaded. REQUIRES: the configuration is valid.
absl::StatusOr<LoadOptions> ToLoadOptions(const ServerConfig& config);

// INVALID_ARGUMENT naming the first setting that makes no sense, what is
// allowed and what was found.
absl::Status Validate(const ServerConfig& config);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_CONFIG_H_
