// SPDX-License-Identifier: Apache-2.0
//
// carousel-train: makes and measures models.
//
// Exit codes: 0 done, 1 failed (the reason on standard error), 2 not called
// rightly, 128 + n stopped by signal n with a checkpoint.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/train/commands.h"

namespace carousel {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

const Command* const kCommands[] = {
    &kLanguageModelCommand, &kClassifierCommand, &kTranslatorCommand,
    &kForecasterCommand,    &kEvaluateCommand,   &kImportCommand,
    &kQuantizeCommand,      &kCalibrateCommand,  &kDiagnoseCommand};

void PrintUsage(std::FILE* stream) {
  absl::FPrintF(stream,
                "usage: carousel-train COMMAND --flag=value ...\n\n"
                "Makes and measures models. Commands:\n");
  for (const Command* command : kCommands) {
    absl::FPrintF(stream, "  %-16s %s\n", command->name, command->summary);
  }
  absl::FPrintF(stream, "\ncarousel-train COMMAND --help lists its flags.\n");
}

void PrintHelp(std::FILE* stream, const Command& command) {
  absl::FPrintF(stream, "usage: carousel-train %s --flag=value ...\n\n%s\n\n%s",
                command.name, command.summary, DescribeFlags(command.flags));
}

int RunCommand(const Command& command, std::vector<std::string> arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "--help" && argument != "-h") continue;
    PrintHelp(stdout, command);
    return 0;
  }
  if (command.positional != nullptr && !arguments.empty() &&
      !absl::StartsWith(arguments.front(), "-")) {
    arguments.front() =
        absl::StrCat("--", command.positional, "=", arguments.front());
  }
  const absl::StatusOr<FlagValues> flags = ParseFlags(command.flags, arguments);
  if (!flags.ok()) {
    absl::FPrintF(stderr, "carousel-train %s: %s\n\n", command.name,
                  flags.status().message());
    PrintHelp(stderr, command);
    return kUsage;
  }
  const absl::StatusOr<int> code = command.run(*flags);
  if (code.ok()) return *code;
  absl::FPrintF(stderr, "carousel-train %s: %s\n", command.name,
                code.status().message());
  return kFailed;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    PrintUsage(stderr);
    return kUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    PrintUsage(stdout);
    return 0;
  }
  for (const Command* command : kCommands) {
    if (name != command->name) continue;
    return RunCommand(*command, {arguments.begin() + 1, arguments.end()});
  }
  absl::FPrintF(stderr, "carousel-train: unknown command \"%s\"\n\n", name);
  PrintUsage(stderr);
  return kUsage;
}

}  // namespace
}  // namespace carousel

int main(int argc, char** argv) {
  return carousel::Main({argv + 1, argv + argc});
}
