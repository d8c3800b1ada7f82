// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "model/base/status_macros.h"
#include "model/train/commands.h"
#include "model/train/training_command.h"
#include "model/train/translator_config.h"
#include "model/train/translator_task.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    kConfigFlag,
    kOutFlag,
    kRunFlag,
    kResumeFlag,
    kSetFlag,
    kDataDirectoryFlag,
    {"reverse-input", "", "setting model.reverse_input",
     "read sources in reverse (Sutskever, Vinyals, Le 2014)"},
    kProgressFlag};

absl::StatusOr<int> RunTranslator(const FlagValues& flags) {
  ASSIGN_OR_RETURN(TranslatorConfig config,
                   ReadConfig(flags, ParseTranslatorConfig));
  config.data_directory = flags.Get("data_directory", config.data_directory);
  if (flags.Has("reverse-input")) config.reverse_input = true;
  TranslatorDefinition definition(std::move(config));
  return RunTrainingCommand(flags, &definition);
}

}  // namespace

const Command kTranslatorCommand = {
    "translator", "Trains a translator on lines of source<TAB>target.", kFlags,
    RunTranslator};

}  // namespace carousel
