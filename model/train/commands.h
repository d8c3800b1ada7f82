// SPDX-License-Identifier: Apache-2.0
//
// The subcommands of carousel-train.

#ifndef CAROUSEL_MODEL_TRAIN_COMMANDS_H_
#define CAROUSEL_MODEL_TRAIN_COMMANDS_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/train/command_line.h"

namespace carousel {

struct Command {
  const char* name;
  const char* summary;
  absl::Span<const Flag> flags;

  // Does it; the exit code, or an error (exit code 1).
  absl::StatusOr<int> (*run)(const FlagValues& flags);

  // The flag that the command's first argument is for, if it is none itself:
  // "diagnose all" is "diagnose --experiment=all". Null: there is no such flag.
  const char* positional = nullptr;
};

extern const Command kClassifierCommand;
extern const Command kLanguageModelCommand;
extern const Command kTranslatorCommand;
extern const Command kForecasterCommand;
extern const Command kEvaluateCommand;
extern const Command kImportCommand;
extern const Command kQuantizeCommand;
extern const Command kCalibrateCommand;
extern const Command kDiagnoseCommand;

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_COMMANDS_H_
