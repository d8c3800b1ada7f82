// SPDX-License-Identifier: Apache-2.0
//
// The command line of `carousel`: flags anywhere, the first other argument is
// the command, what remains are its arguments.

#ifndef CAROUSEL_CLIENT_CLI_OPTIONS_H_
#define CAROUSEL_CLIENT_CLI_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/cpp/client.h"
#include "client/load/load.h"

namespace carousel {

struct Options {
  std::string command;
  std::vector<std::string> arguments;

  // As the flags of the same names; their defaults are told by FlagsHelp.
  bool alignment = false;
  std::optional<int> beam_size;
  std::vector<std::string> columns;
  std::string context;  // --context, a file
  bool explain = false;
  std::string figure;
  bool help = false;
  std::optional<int> horizon;
  bool interactive = false;
  bool json = false;
  LoadOptions load;
  std::string load_texts;  // --texts, a file
  std::optional<int> max_suggestions;
  std::optional<int> max_translations;
  std::optional<int> max_words;
  std::optional<double> min_confidence;
  std::string model;  // of --model: NAME, and of NAME@LABEL the label
  std::string label;
  std::optional<std::vector<double>> quantiles;
  std::string server = "127.0.0.1:50051";
  std::string time_column;
  std::optional<absl::Duration> time_limit;
  absl::Duration timeout = kDefaultTimeout;
  absl::Duration reload_timeout = kReloadTimeout;  // --timeout, too
  std::optional<int64_t> version;
};

// Reads the arguments that follow the program's name: --flag=value or
// --flag value; whatever follows "--" is no flag. INVALID_ARGUMENT, with a
// message for the user: an unknown flag, a bad value, or a flag that the
// command does not take.
absl::StatusOr<Options> ParseOptions(absl::Span<const std::string> arguments);

// One line for each flag that `command` takes; all flags if it is empty.
std::string FlagsHelp(absl::string_view command);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_OPTIONS_H_
