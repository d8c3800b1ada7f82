// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/ordered_lines.h"
#include "client/cli/translations.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

TranslateOptions ToTranslateOptions(const Options& options) {
  return {.model = options.model,
          .version = options.version,
          .label = options.label,
          .beam_size = options.beam_size,
          .max_translations = options.max_translations,
          .alignment = options.alignment,
          .time_limit = options.time_limit,
          .timeout = options.timeout};
}

absl::Status PrintJson(const std::string& text,
                       const v1::TranslateResponse& response,
                       Console& console) {
  ASSIGN_OR_RETURN(const std::string line, JsonLine(response, text));
  console.out << line;
  return absl::OkStatus();
}

// As it is written, for a person who reads along.
absl::Status TranslateAloud(const std::string& text, const Options& options,
                            Client& client, Console& console) {
  ASSIGN_OR_RETURN(const v1::TranslateResponse response,
                   client.TranslateAloud(
                       text,
                       [&](absl::string_view more) {
                         console.out << PrintableLines(more) << std::flush;
                         return true;
                       },
                       ToTranslateOptions(options)));
  console.out << (response.truncated() ? " [...]\n" : "\n")
              << FormatDetails(response);
  return absl::OkStatus();
}

// A line of the output for each of the input, by one stream, which has no end
// of its own: the timeout is that of a call.
absl::Status TranslateLines(const Options& options, Client& client,
                            Console& console) {
  TranslateOptions translate = ToTranslateOptions(options);
  translate.timeout = absl::InfiniteDuration();
  OrderedLines<v1::TranslateResponse> lines(
      &console,
      {.print =
           [&](const std::string& text, const v1::TranslateResponse& response) {
             if (options.json) return PrintJson(text, response, console);
             console.out << Printable(response.text()) << "\n";
             return absl::OkStatus();
           },
       .print_error =
           [&](int64_t number, absl::string_view reason) {
             console.out << "\n";
             console.err << absl::StrCat("carousel: line ", number, ": ",
                                         Printable(reason), "\n");
           },
       .json = options.json},
      "translated");
  const absl::Status ended = client.TranslateAll(
      [&] { return lines.Next(); },
      [&](int64_t place, absl::StatusOr<v1::TranslateResponse> response) {
        lines.Answer(place, std::move(response));
        return true;
      },
      translate);
  return ended.ok() ? lines.status() : lines.BrokenOff(ended);
}

}  // namespace

absl::Status RunTranslate(const Options& options, Client& client,
                          Console& console) {
  if (options.arguments.empty()) {
    return TranslateLines(options, client, console);
  }
  for (const std::string& text : options.arguments) {
    if (!options.json) {
      RETURN_IF_ERROR(TranslateAloud(text, options, client, console));
      continue;
    }
    ASSIGN_OR_RETURN(const v1::TranslateResponse response,
                     client.Translate(text, ToTranslateOptions(options)));
    RETURN_IF_ERROR(PrintJson(text, response, console));
  }
  return absl::OkStatus();
}

}  // namespace carousel
