// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/cli.h"
#include "client/cli/interactive.h"
#include "client/cli/json.h"
#include "client/cli/suggestions.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

CompleteOptions ToCompleteOptions(const Options& options) {
  return {.model = options.model,
          .version = options.version,
          .label = options.label,
          .max_suggestions = options.max_suggestions,
          .max_words = options.max_words,
          .min_confidence = options.min_confidence,
          .timeout = options.timeout};
}

absl::Status CompleteText(const std::string& text, const Options& options,
                          Client& client, Console& console) {
  ASSIGN_OR_RETURN(const v1::CompleteResponse response,
                   client.Complete(text, ToCompleteOptions(options)));
  if (!options.json) {
    console.out << FormatSuggestions(text, response, console.out_is_terminal);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string line, JsonLine(response, text));
  console.out << line;
  return absl::OkStatus();
}

// One text a line; the answer to each goes out at once, for who reads along.
absl::Status CompleteLines(const Options& options, Client& client,
                           Console& console) {
  std::string line;
  for (int number = 1; std::getline(console.in, line); ++number) {
    const std::string text(absl::StripSuffix(line, "\r"));
    if (number > 1 && !options.json) console.out << "\n";
    const absl::Status status = CompleteText(text, options, client, console);
    if (!status.ok()) {
      return absl::Status(
          status.code(), absl::StrCat("line ", number, ": ", status.message()));
    }
    console.out.flush();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunComplete(const Options& options, Client& client,
                         Console& console) {
  const bool terminal = console.in_is_terminal && console.out_is_terminal;
  const bool nothing_asked = options.arguments.empty() && !options.json;
  if (options.interactive || (terminal && nothing_asked)) {
    if (!terminal) {
      return absl::FailedPreconditionError(
          "--interactive needs a terminal on standard input and output");
    }
    return CompleteWhileTyping(ToCompleteOptions(options), client);
  }
  if (options.arguments.empty()) return CompleteLines(options, client, console);
  for (const std::string& text : options.arguments) {
    if (&text != &options.arguments.front() && !options.json) {
      console.out << "\n";
    }
    RETURN_IF_ERROR(CompleteText(text, options, client, console));
  }
  return absl::OkStatus();
}

}  // namespace carousel
