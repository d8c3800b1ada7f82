// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/cli.h"
#include "client/cli/interactive.h"
#include "client/cli/json.h"
#include "client/cli/ordered_lines.h"
#include "client/cli/suggestions.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

// What a server takes, and the largest file that is looked at.
constexpr size_t kMostContextBytes = size_t{16} << 10;
constexpr size_t kMostFileBytes = size_t{64} << 20;

// The end of the file: whole lines, or where the last one is too long for that,
// whole characters.
absl::StatusOr<std::string> ReadContext(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostFileBytes));
  if (text.size() <= kMostContextBytes) return text;
  size_t begin = text.size() - kMostContextBytes;
  const size_t newline = text.find('\n', begin - 1);
  if (newline != text.npos && newline + 1 < text.size()) {
    return text.substr(newline + 1);
  }
  while (begin < text.size() && (text[begin] & 0xc0) == 0x80) ++begin;
  return text.substr(begin);
}

absl::StatusOr<CompleteOptions> ToCompleteOptions(const Options& options) {
  CompleteOptions complete = {.model = options.model,
                              .version = options.version,
                              .label = options.label,
                              .max_suggestions = options.max_suggestions,
                              .max_words = options.max_words,
                              .min_confidence = options.min_confidence,
                              .timeout = options.timeout};
  if (!options.context.empty()) {
    ASSIGN_OR_RETURN(complete.context, ReadContext(options.context));
  }
  return complete;
}

// How each text is asked about and answered.
struct Asked {
  CompleteOptions options;
  bool json = false;
};

absl::Status Print(const std::string& text,
                   const v1::CompleteResponse& response, bool json,
                   Console& console) {
  if (!json) {
    console.out << FormatSuggestions(text, response, console.out_is_terminal);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string line, JsonLine(response, text));
  console.out << line;
  return absl::OkStatus();
}

// One text a line; the answer to each goes out at once, for who reads along.
absl::Status CompleteLines(const Asked& asked, Client& client,
                           Console& console) {
  OrderedLines<v1::CompleteResponse> lines(
      &console,
      {.print =
           [&](const std::string& text, const v1::CompleteResponse& response) {
             return Print(text, response, asked.json, console);
           },
       .print_error =
           [&](int64_t, absl::string_view reason) {
             console.out << FormatNoSuggestions(reason);
           },
       .separator = asked.json ? "" : "\n",
       .json = asked.json},
      "completed");
  while (const std::optional<std::string> text = lines.Next()) {
    absl::StatusOr<v1::CompleteResponse> response =
        client.Complete(*text, asked.options);
    // Without a server there is none for the lines that follow, either.
    if (absl::IsUnavailable(response.status())) {
      return lines.BrokenOff(response.status());
    }
    lines.Answer(lines.read() - 1, std::move(response));
  }
  return lines.status();
}

}  // namespace

absl::Status RunComplete(const Options& options, Client& client,
                         Console& console) {
  Asked asked = {.options = {}, .json = options.json};
  ASSIGN_OR_RETURN(asked.options, ToCompleteOptions(options));
  const bool terminal = console.in_is_terminal && console.out_is_terminal;
  const bool nothing_asked = options.arguments.empty() && !options.json;
  if (options.interactive || (terminal && nothing_asked)) {
    if (!terminal) {
      return absl::FailedPreconditionError(
          "--interactive needs a terminal on standard input and output");
    }
    return CompleteWhileTyping(asked.options, client);
  }
  if (options.arguments.empty()) return CompleteLines(asked, client, console);
  for (const std::string& text : options.arguments) {
    if (&text != &options.arguments.front() && !options.json) {
      console.out << "\n";
    }
    ASSIGN_OR_RETURN(const v1::CompleteResponse response,
                     client.Complete(text, asked.options));
    RETURN_IF_ERROR(Print(text, response, asked.json, console));
  }
  return absl::OkStatus();
}

}  // namespace carousel
