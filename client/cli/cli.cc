// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cli.h"

#include <iterator>
#include <memory>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

struct Command {
  absl::string_view name;
  absl::string_view arguments;
  absl::string_view summary;
  bool takes_arguments;
  absl::Status (*run)(const Options&, Client&, Console&);
};

constexpr Command kCommands[] = {
    {"complete", "[TEXT ...]",
     "suggest what comes next in each TEXT, or in each line of the input", true,
     RunComplete},
    {"forecast", "FILE.csv|-", "say how the series of a CSV file go on", true,
     RunForecast},
    {"load", "", "ask as many users would, and measure what they see", false,
     RunLoadCommand},
    {"score", "[TEXT ...]",
     "say what each TEXT, or each line of the input, expresses", true,
     RunScore},
    {"translate", "[TEXT ...]",
     "translate each TEXT as you look on, or each line of the input", true,
     RunTranslate},
    {"models", "[NAME ...]",
     "list the server's models, or tell all of NAME, NAME/VERSION, NAME@LABEL",
     true, RunModels},
    {"reload", "", "have the server look for models anew", false, RunReload},
    {"explain", "TEXT ...",
     "show the tokens of each TEXT, and which the server remembers", true,
     RunExplain},
};

const Command* FindCommand(absl::string_view name) {
  const Command* found = absl::c_find_if(
      kCommands, [&](const Command& c) { return c.name == name; });
  return found == std::end(kCommands) ? nullptr : found;
}

// The usage of one command, or of all if it is null.
std::string Usage(const Command* command) {
  if (command != nullptr) {
    return absl::StrCat("usage: carousel ", command->name,
                        command->takes_arguments ? " " : "", command->arguments,
                        "\n  ", command->summary, "\n\nflags:\n",
                        FlagsHelp(command->name));
  }
  std::string usage =
      "usage: carousel [--server=HOST:PORT] COMMAND [ARGUMENT ...]\n\n"
      "commands:\n";
  for (const Command& c : kCommands) {
    absl::StrAppendFormat(&usage, "  %-22s %s\n",
                          absl::StrCat(c.name, " ", c.arguments), c.summary);
  }
  return absl::StrCat(usage, "\nflags:\n", FlagsHelp(""));
}

int UsageError(absl::string_view message, const Command* command,
               Console& console) {
  console.err << "carousel: " << Printable(message) << "\n\n" << Usage(command);
  return kExitUsage;
}

absl::Status RunCommand(const Command& command, const Options& options,
                        Console& console) {
  ASSIGN_OR_RETURN(std::unique_ptr<Client> client,
                   Client::Connect(options.server));
  return command.run(options, *client, console);
}

}  // namespace

int RunCli(absl::Span<const std::string> arguments, Console& console) {
  const absl::StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok()) {
    return UsageError(options.status().message(), nullptr, console);
  }
  const Command* command = FindCommand(options->command);
  if (options->help) {
    console.out << Usage(command);
    return kExitOk;
  }
  if (command == nullptr) {
    return UsageError(
        options->command.empty()
            ? "which command?"
            : absl::StrCat("unknown command \"", options->command, "\""),
        nullptr, console);
  }
  if (!command->takes_arguments && !options->arguments.empty()) {
    return UsageError(
        absl::StrCat("`carousel ", command->name, "` takes no arguments"),
        command, console);
  }
  const absl::Status status = RunCommand(*command, *options, console);
  console.out.flush();
  if (status.ok()) return kExitOk;
  console.err << "carousel: " << absl::StatusCodeToString(status.code()) << ": "
              << Printable(status.message()) << "\n";
  return kExitFailed;
}

}  // namespace carousel
