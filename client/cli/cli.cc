// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cli.h"

#include <iterator>
#include <memory>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/utf8.h"

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

// Marks a status of UsageError.
constexpr absl::string_view kUsageError = "carousel/usage-error";

// The command that the arguments name, wherever it stands among flags that may
// be wrong.
const Command* GuessCommand(absl::Span<const std::string> arguments) {
  for (const std::string& argument : arguments) {
    const Command* command = FindCommand(argument);
    if (command != nullptr) return command;
  }
  return nullptr;
}

int TellUsageError(absl::string_view message, const Command* command,
                   Console& console) {
  const std::string name = command == nullptr
                               ? "carousel"
                               : absl::StrCat("carousel ", command->name);
  console.err << name << ": " << Printable(message) << "; see " << name
              << " --help\n";
  return kExitUsage;
}

// "expected a command: complete, forecast, ..."
std::string ExpectedCommand() {
  return absl::StrCat(
      "expected a command: ",
      absl::StrJoin(kCommands, ", ", [](std::string* out, const Command& c) {
        absl::StrAppend(out, c.name);
      }));
}

absl::Status RunCommand(const Command& command, const Options& options,
                        Console& console) {
  if (!command.takes_arguments && !options.arguments.empty()) {
    return UsageError(absl::StrCat("takes no arguments, found \"",
                                   options.arguments.front(), "\""));
  }
  const absl::StatusOr<std::unique_ptr<Client>> client =
      Client::Connect(options.server);
  if (!client.ok()) return UsageError(client.status().message());
  return command.run(options, **client, console);
}

}  // namespace

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsageError, absl::Cord());
  return status;
}

int RunCli(absl::Span<const std::string> arguments, Console& console) {
  const absl::StatusOr<Options> options = ParseOptions(arguments);
  if (!options.ok()) {
    return TellUsageError(options.status().message(), GuessCommand(arguments),
                          console);
  }
  const Command* command = FindCommand(options->command);
  if (options->help) {
    console.out << Usage(command);
    return kExitOk;
  }
  if (command == nullptr) {
    const std::string found =
        options->command.empty()
            ? ""
            : absl::StrCat(", found \"", options->command, "\"");
    return TellUsageError(absl::StrCat(ExpectedCommand(), found), nullptr,
                          console);
  }
  const absl::Status status = RunCommand(*command, *options, console);
  console.out.flush();
  if (status.ok()) return kExitOk;
  if (status.GetPayload(kUsageError).has_value()) {
    return TellUsageError(status.message(), command, console);
  }
  console.err << "carousel: " << absl::StatusCodeToString(status.code()) << ": "
              << Printable(status.message()) << "\n";
  return kExitFailed;
}

}  // namespace carousel
