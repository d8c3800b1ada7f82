// SPDX-License-Identifier: Apache-2.0
//
// What may be said with a Client's calls.

#ifndef CAROUSEL_CLIENT_CPP_OPTIONS_H_
#define CAROUSEL_CLIENT_CPP_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace carousel {

// How long a call may take where nothing else is said.
inline constexpr absl::Duration kDefaultTimeout = absl::Seconds(5);

// How long a reload may take: it reads and tests whole models.
inline constexpr absl::Duration kReloadTimeout = absl::Minutes(10);

struct CompleteOptions {
  // Empty: the server's default. A version or a label, one of them, needs a
  // model.
  std::string model = "";
  std::optional<int64_t> version = std::nullopt;
  std::string label = "";

  // 1 to 100; unset: the server's default, 3.
  std::optional<int> max_suggestions = std::nullopt;

  // As in v1.CompleteRequest.
  std::optional<int> max_words = std::nullopt;
  std::optional<double> min_confidence = std::nullopt;
  std::string context = "";

  // More than 0.
  absl::Duration timeout = kDefaultTimeout;
};

struct ScoreOptions {
  // As in CompleteOptions.
  std::string model = "";
  std::optional<int64_t> version = std::nullopt;
  std::string label = "";

  // As in v1.ScoreRequest.
  bool contributions = false;
  bool running = false;

  // More than 0. Of ScoreAll: of all of it.
  absl::Duration timeout = kDefaultTimeout;
};

struct TranslateOptions {
  // As in CompleteOptions.
  std::string model = "";
  std::optional<int64_t> version = std::nullopt;
  std::string label = "";

  // As in v1.TranslateRequest.
  std::optional<int> beam_size = std::nullopt;
  std::optional<int> max_translations = std::nullopt;
  std::optional<double> length_penalty = std::nullopt;
  std::optional<double> coverage_penalty = std::nullopt;
  bool alignment = false;
  std::optional<absl::Duration> time_limit = std::nullopt;

  // More than 0. Of TranslateAll: of all of it.
  absl::Duration timeout = kDefaultTimeout;
};

// What is known of some series, all of them equally long.
struct SeriesHistory {
  struct Series {
    std::string name = "";  // may be empty where the model has a single series
    std::vector<double> values = {};  // the oldest first
  };

  std::vector<Series> series = {};

  // Of the steps, if any.
  std::vector<absl::Time> times = {};
};

struct ForecastOptions {
  // As in CompleteOptions.
  std::string model = "";
  std::optional<int64_t> version = std::nullopt;
  std::string label = "";

  // As in v1.ForecastRequest.
  std::optional<int> horizon = std::nullopt;
  std::vector<double> quantiles = {};

  // More than 0.
  absl::Duration timeout = kDefaultTimeout;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_OPTIONS_H_
