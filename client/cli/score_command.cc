// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/ordered_lines.h"
#include "client/cli/scores.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

ScoreOptions ToScoreOptions(const Options& options) {
  return {.model = options.model,
          .version = options.version,
          .label = options.label,
          .contributions = options.explain,
          .running = options.explain,
          .timeout = options.timeout};
}

absl::Status Print(const std::string& text, const v1::ScoreResponse& response,
                   const Options& options, Console& console) {
  if (!options.json) {
    console.out << FormatScore(text, response, console.out_is_terminal);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string line, JsonLine(response, text));
  console.out << line;
  return absl::OkStatus();
}

// By one stream, which has no end of its own: the timeout is that of a call.
absl::Status ScoreLines(const Options& options, Client& client,
                        Console& console) {
  ScoreOptions score = ToScoreOptions(options);
  score.timeout = absl::InfiniteDuration();
  OrderedLines<v1::ScoreResponse> lines(
      &console,
      {.print =
           [&](const std::string& text, const v1::ScoreResponse& response) {
             return Print(text, response, options, console);
           },
       .print_error =
           [&](int64_t, absl::string_view reason) {
             console.out << FormatError(reason);
           },
       .json = options.json},
      "scored");
  const absl::Status ended = client.ScoreAll(
      [&] { return lines.Next(); },
      [&](int64_t place, absl::StatusOr<v1::ScoreResponse> response) {
        lines.Answer(place, std::move(response));
        return true;
      },
      score);
  return ended.ok() ? lines.status() : lines.BrokenOff(ended);
}

}  // namespace

absl::Status RunScore(const Options& options, Client& client,
                      Console& console) {
  if (options.arguments.empty()) return ScoreLines(options, client, console);
  for (const std::string& text : options.arguments) {
    ASSIGN_OR_RETURN(const v1::ScoreResponse response,
                     client.Score(text, ToScoreOptions(options)));
    RETURN_IF_ERROR(Print(text, response, options, console));
  }
  return absl::OkStatus();
}

}  // namespace carousel
