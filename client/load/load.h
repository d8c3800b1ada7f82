// SPDX-License-Identifier: Apache-2.0
//
// The load generator: asks a server as many users would, and measures what they
// would see.

#ifndef CAROUSEL_CLIENT_LOAD_LOAD_H_
#define CAROUSEL_CLIENT_LOAD_LOAD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/load/latency_histogram.h"

namespace carousel {

struct LoadOptions {
  std::string server;

  enum class Rpc {
    kComplete,    // random texts whose next word is asked for
    kKeystrokes,  // lines that are typed, each user's into a stream
    kScore,       // lines, or random texts, whose label is asked for
    kTranslate,   // the same, to be translated
  };
  Rpc rpc = Rpc::kComplete;

  // Users. Closed loop: each asks again when answered. Open loop (`rate`): they
  // ask in turn; but for kKeystrokes each has one call under way at most, and
  // what comes beyond them is not sent and counted as an error.
  int concurrency = 32;

  // Calls or keystrokes a second, evenly spread, whether answered or not. 0:
  // closed loop.
  double rate = 0;

  // Measured after `warm_up`, whose calls are not counted.
  absl::Duration duration = absl::Seconds(5);
  absl::Duration warm_up = absl::Seconds(1);

  // Of a call. A stream is given up so long after the end of the load.
  absl::Duration timeout = absl::Seconds(5);

  std::string model;  // ""; the server's default
  std::optional<int64_t> version;
  std::string label;  // in place of a version

  int words = 3;  // of a random text

  // Empty: SampleLines() for kKeystrokes, random texts otherwise.
  std::vector<std::string> lines;
  std::optional<uint64_t> seed;  // of random texts; none: new ones
};

struct LoadResult {
  absl::Duration measured;
  LatencyHistogram latency = {};  // of the calls that were answered
  // By the name of their code. In an open loop also "NOT_SENT": no user could
  // send; and "SUPERSEDED": not answered, as the next keystroke came first.
  std::map<std::string, int64_t> errors = {};

  double calls_per_second() const {
    return static_cast<double>(latency.count()) /
           absl::ToDoubleSeconds(measured);
  }
};

// `on_progress` is called every half a second with the share of the time that
// is over, in (0, 1], and the calls answered so far. In an open loop a call's
// time begins when it should have been sent. UNAVAILABLE: no server answers.
absl::StatusOr<LoadResult> RunLoad(
    const LoadOptions& options,
    absl::FunctionRef<void(double share, int64_t calls)> on_progress);

// {"qps","p50_us","p90_us","p99_us","p999_us","errors":{}}
std::string LoadJson(const LoadResult& result);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_LOAD_LOAD_H_
