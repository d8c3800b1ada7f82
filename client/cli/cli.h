// SPDX-License-Identifier: Apache-2.0
//
// `carousel`, the command-line client, without its `main`, so that tests run it
// in their own process. Each command is a file of its own, X_command.cc, and a
// row of the table in cli.cc.

#ifndef CAROUSEL_CLIENT_CLI_CLI_H_
#define CAROUSEL_CLIENT_CLI_CLI_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client/cli/options.h"
#include "client/cpp/client.h"

namespace carousel {

// Where a command reads and writes.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;

  // Whether `in` is the standard input and a terminal, and `out` likewise.
  bool in_is_terminal = false;
  bool out_is_terminal = false;
};

// The exit codes of `carousel`.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// INVALID_ARGUMENT that lies in the command line: kExitUsage. `message` is what
// the user reads.
absl::Status UsageError(absl::string_view message);

// Runs the command that the arguments after the program's name ask for, and
// returns the exit code. Errors go to `console.err`, each on one line.
int RunCli(absl::Span<const std::string> arguments, Console& console);

// `carousel complete [TEXT ...]`: suggestions for each text; without a text,
// for each line of the input, or interactively on a terminal.
absl::Status RunComplete(const Options& options, Client& client,
                         Console& console);

// `carousel score [TEXT ...]`: the label of each text; without a text, of each
// line of the input, many at a time.
absl::Status RunScore(const Options& options, Client& client, Console& console);

// `carousel forecast FILE.csv|-`: how the series of a CSV file go on, as a
// figure on a terminal and as numbers elsewhere.
absl::Status RunForecast(const Options& options, Client& client,
                         Console& console);

// `carousel translate [TEXT ...]`: the translation of each text, shown while it
// is written; without a text, of each line of the input, many at a time.
absl::Status RunTranslate(const Options& options, Client& client,
                          Console& console);

// `carousel load`: calls a second, latencies and errors under load; with --json
// one object.
absl::Status RunLoadCommand(const Options& options, Client& client,
                            Console& console);

// `carousel models [NAME ...]`: a table of the server's models; or all that is
// known of each that is named (model_name.h).
absl::Status RunModels(const Options& options, Client& client,
                       Console& console);

// `carousel reload`: has the server look for models anew, and says what came of
// it. An error if anything failed.
absl::Status RunReload(const Options& options, Client& client,
                       Console& console);

// `carousel explain TEXT ...`: how a model reads each text.
absl::Status RunExplain(const Options& options, Client& client,
                        Console& console);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_CLI_H_
